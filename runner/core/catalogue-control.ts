/** What the webhook, its launchers and its schedules say. */
import type { Entry } from './catalogue.ts';

export const controlEntries = {
  LAUNCH_FAILED: {
    title: 'The run could not be started.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `${f.launcher} could not start ${f.run}: ${f.reason}.`,
    fix: () => 'It is tried again by itself; if it stays so, look at the status of the platform.',
  },
  LAUNCH_REFUSED: {
    title: 'The run may not be started.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.launcher} refused ${f.run}: ${f.reason}.`,
    fix: (f) => `${f.advice ?? 'Bring the stack of the tenant up: tributary up <tenant>'}`,
  },
  RUN_CANCELLED: {
    title: 'The run was cancelled.',
    origin: 'tenant',
    retryable: true,
    detail: () => 'Somebody asked it to stop before it committed; the destination is as it was.',
    fix: () => 'Run it again when you like.',
  },
  TENANT_CHANGED: {
    title: 'Somebody else changed this tenant in the meantime.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.tenant} is not the version that your change was made for.`,
    fix: () => 'Read it again, make the change on the new version, and write that.',
  },
  WEBHOOK_UNREACHABLE: {
    title: 'The webhook does not answer.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `${f.url}: ${f.reason}.`,
    fix: () => 'It is asked again by itself; the run goes on meanwhile. Check the service and the way to it.',
  },
  WEBHOOK_REFUSED: {
    title: 'The webhook refused this runner.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.url} answered ${f.status}.`,
    fix: (f) => `Bring the stack of tenant ${f.tenant} up again: its accounts or its audience are not those of the platform.`,
  },
  NOTICE_FAILED: {
    title: 'A notification could not be delivered.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `${f.notifier}: ${f.reason}.`,
    fix: () => 'It is sent again by itself; check the address and its permissions.',
  },
} satisfies Record<string, Entry>;
