/** The part of the catalogue that is about stacks, in the order in which a change of one meets it. */
import type { Entry, Facts } from './catalogue.ts';

export const stackEntries = {
  STACK_ENGINE_MISSING: {
    title: 'There is no Pulumi engine to do this with.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.reason}; version ${f.oldest} or newer is needed.`,
    fix: () =>
      'Install Pulumi (https://www.pulumi.com/docs/install/) and have it on PATH; in a checkout: npm run engine',
  },
  STACK_PASSPHRASE: {
    title: "The stack's secrets provider did not open.",
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.stack} is encrypted with a passphrase that is not the one given here.`,
    fix: () => 'Set PULUMI_CONFIG_PASSPHRASE (or PULUMI_CONFIG_PASSPHRASE_FILE) to the passphrase of this backend.',
  },
  STACK_PLATFORM_MISSING: {
    title: 'The platform is not there for this tenant.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.reason}`,
    fix: () => 'Bring the platform up first: tributary up platform',
  },
  STACK_NEEDED: {
    title: 'Tenants still need the platform.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.count} stack(s) refer to ${f.stack}, ${f.first} among them.`,
    fix: () => 'Nothing was changed. Take the tenants out of service first: tributary destroy <tenant>',
  },
  STACK_LOCKED: {
    title: 'Somebody else is changing this stack.',
    origin: 'platform',
    retryable: true,
    detail: (f) =>
      `${f.user}@${f.host} (process ${f.pid}) has held the lock of ${f.stack} since ${f.since}.${f.stale === 'yes' ? ' That process is gone.' : ''}`,
    fix: (f) =>
      f.stale === 'yes'
        ? 'Nothing was changed. Run it again with --release-stale-lock'
        : 'Nothing was changed. Wait for it; if its process is surely gone, run there: tributary up <tenant> --release-stale-lock',
  },
  STACK_BUSY: {
    title: 'A run still works with what would go.',
    origin: 'platform',
    retryable: true,
    detail: (f) =>
      `Run ${f.run} of ${f.tenant}/${f.source} holds a lease${Number(f.others) > 0 ? `, and ${f.others} more` : ''}.`,
    fix: (f) =>
      `The schedules are paused, nothing else was changed. Wait for it (tributary logs ${f.run}), then again.`,
  },
  STACK_UNAPPROVED: {
    title: 'What would be done is not what was approved.',
    origin: 'platform',
    retryable: false,
    detail: (f) =>
      f.approved
        ? `Approved was ${f.approved}, now it is ${f.digest} (${f.stack}).`
        : `Nobody approved ${f.digest} (${f.stack}).`,
    fix: () => 'Nothing was changed. Look at it again: tributary preview; then approve the digest that it prints.',
  },
  STACK_POLICY: {
    title: 'A policy forbids this.',
    origin: 'tenant',
    retryable: false,
    detail: (f) =>
      `${f.policy} on ${f.resource}: ${f.reason}.${Number(f.count) > 1 ? ` ${Number(f.count) - 1} more are not met.` : ''}`,
    fix: () => 'Correct the tenant file, or have the rule waived with an expiry (docs/policies.md).',
  },
  STACK_QUOTA: {
    title: 'A quota of the project is used up.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `${f.resource}: ${f.reason}.${doneText(f)}`,
    fix: () =>
      'Ask for more (console: IAM & Admin, Quotas), or give the tenant a project of its own; then run it again.',
  },
  STACK_API_DISABLED: {
    title: 'An API of the project is not enabled.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `${f.resource} needs ${f.api}: ${f.reason}.${doneText(f)}`,
    fix: (f) =>
      `Enable it (tributary up platform does for the platform's project, else: gcloud services enable ${f.api}), wait a few minutes, then run it again.`,
  },
  STACK_IAM_LAG: {
    title: 'A permission or an account is not there, or not yet.',
    origin: 'platform',
    retryable: true,
    detail: (f) =>
      `${f.resource}: ${f.reason}.${f.attempts === undefined ? '' : ` Tried ${f.attempts} time(s).`}${doneText(f)}`,
    fix: () =>
      'New grants take up to seven minutes to arrive everywhere: run it again then. If it stays, grant what it names.',
  },
  STACK_PROGRAM: {
    title: "The stack's program failed.",
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.reason}.${doneText(f)}`,
    fix: (f) => `Run: tributary check; if the file is fine, report it. Afterwards: tributary up ${f.tenant}`,
  },
  STACK_FAILED: {
    title: 'The cloud refused a change.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `${f.resource}: ${f.reason}.${doneText(f)}`,
    fix: (f) =>
      f.exists === 'yes'
        ? `It is there without the stack knowing it: import it (pulumi import), or remove it; then: tributary up ${f.tenant}`
        : `Correct what it names, then go on where it stopped: tributary up ${f.tenant}`,
  },
  STACK_ENGINE_FAILED: {
    title: 'The engine stopped.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `${f.reason}.${doneText(f)}`,
    fix: (f) => `Run it again: tributary up ${f.tenant}; what it had done is in the state.`,
  },
  STACK_INTERRUPTED: {
    title: 'The change of the stack was interrupted.',
    origin: 'tenant',
    retryable: true,
    detail: (f) => `${f.stack} was stopped in an orderly way; its lock is released.${doneText(f)}`,
    fix: (f) => `Go on where it stopped: tributary up ${f.tenant}`,
  },
} satisfies Record<string, Entry>;

/** What a change of a stack that stopped midway left behind. */
function doneText({ done }: Facts): string {
  return Number(done ?? 0) > 0 ? ` ${done} resource(s) were changed before it; that is recorded and not lost.` : '';
}
