/** What `preview`, `up`, `refresh` and `destroy` have in common. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { PolicyPack } from '../../stacks/provision/contract.ts';
import type { Operation, Provisioned, Provisioning, StackFailure } from '../../stacks/provision/provisioner.ts';
import { listTenants } from '../../tenants/load.ts';
import type { TenantSpec } from '../../tenants/schema/index.ts';
import { type Problem, TributaryError } from '../core/errors.ts';
import { StackDisplay } from '../display/stacks.ts';
import { EXIT, exitCode } from '../job/exit.ts';
import { interruptible } from '../job/interruptible.ts';
import { openStore, openTenant, STORE } from './context.ts';
import { type GlobalOptions, print, problemText } from './outcome.ts';

export interface StackOptions extends GlobalOptions {
  readonly env: string;
  readonly all?: boolean;
  readonly changed?: boolean;
  readonly parallel: number;
  /** Folders of policy packs; absent: the project's own. */
  readonly policyPack?: readonly string[];
  /** False: `--no-policies`. */
  readonly policies: boolean;
  readonly releaseStaleLock?: boolean;
}

/** The name that stands for the platform's stack. */
const PLATFORM = 'platform';

/** Tenants by name, `platform` or all of the folder. */
export function chosenTenants(options: StackOptions, names: readonly string[]): (TenantSpec | null)[] {
  const everybody = options.all === true || (options.changed === true && names.length === 0);
  if (everybody === names.length > 0)
    throw new TributaryError('USAGE', {
      reason: everybody ? '--all means every tenant, and some are named.' : 'No stack is named.',
      advice: 'Name tenants, or platform, or say --all',
    });
  const chosen = everybody ? listTenants(options.tenants) : [...new Set(names)];
  return chosen.map((name) => (name === PLATFORM && !everybody ? null : openTenant(options, name)));
}

type Particular = Pick<Provisioning, 'operation' | 'tenants' | 'approval'> & { readonly adopt?: boolean };

/** Runs one operation on the stacks, shows it, and says how it ended. */
export async function provisionStacks(options: StackOptions, how: Particular): Promise<number> {
  const { provision } = await import('../../stacks/provision/provisioner.ts');
  const many = how.tenants.length !== 1 || options.changed === true;
  const display = new StackDisplay({ json: options.json === true, terminal: process.stderr.isTTY === true, many });
  const { approval } = how;
  const provisioned = await provision({
    ...how,
    approval:
      approval.by === 'asking'
        ? {
            by: 'asking',
            ask: (previews, digest) => {
              display.end();
              if (!options.json) process.stdout.write(display.summary());
              return approval.ask(previews, digest);
            },
          }
        : approval,
    everyone: how.operation === 'up' ? everyone(options, how.tenants) : [],
    environment: options.env,
    base: process.cwd(),
    tenantFolder: resolve(options.tenants),
    parallel: options.parallel,
    policies: policyPacks(options),
    changed: options.changed === true,
    adopt: how.adopt === true,
    releaseStaleLock: options.releaseStaleLock === true,
    activeRuns,
    onEvent: (event) => display.show(event),
    signal: interruptible(),
  });
  display.end();
  return show(options, how.operation, provisioned, display, many);
}

function show(
  options: StackOptions,
  operation: Operation,
  provisioned: Provisioned,
  display: StackDisplay,
  many: boolean,
): number {
  const { outcomes, failure, difference = [] } = provisioned;
  const ended = outcomes.map((outcome) => {
    const { failure: why, preview, ...rest } = outcome;
    const problem = why === undefined ? {} : { problem: problemOf(why) };
    return operation === 'preview' && preview !== undefined
      ? { ...preview, ...problem }
      : { ...rest, ...(preview === undefined ? {} : { preview }), ...problem };
  });
  const problems = [...(failure === undefined ? [] : [failure]), ...outcomes.flatMap((one) => one.failure ?? [])].map(
    problemOf,
  );
  if (options.json) {
    const { digest, unchanged, notBegun } = provisioned;
    const whole = failure === undefined ? {} : { problem: problemOf(failure) };
    const lines = difference.length > 0 ? { difference } : {};
    const [only] = ended;
    if (!many && only !== undefined) print({ ...only, ...whole, ...lines });
    else print({ ...(digest === undefined ? {} : { digest }), stacks: ended, unchanged, notBegun, ...whole, ...lines });
  } else {
    process.stdout.write(display.summary());
    process.stdout.write(display.conclusion(operation, provisioned));
    for (const problem of problems) process.stderr.write(`${problemText(problem)}\n`);
    for (const line of difference) process.stderr.write(`  ${line}\n`);
  }
  const [first] = problems;
  if (first !== undefined) return exitCode(first);
  return outcomes.some(({ drift = [] }) => drift.length > 0) && operation === 'refresh' ? EXIT.quarantined : EXIT.done;
}

function problemOf({ code, facts }: StackFailure): Problem {
  return new TributaryError(code, facts).problem;
}

/** All tenants that must fit into the quotas; a file that is not valid is somebody else's affair here. */
function everyone(options: StackOptions, chosen: readonly (TenantSpec | null)[]): TenantSpec[] {
  const known = new Map(chosen.flatMap((tenant) => (tenant === null ? [] : [[tenant.tenant, tenant] as const])));
  for (const name of listTenants(options.tenants)) {
    if (known.has(name)) continue;
    try {
      known.set(name, openTenant({ ...options, json: true }, name));
    } catch (error) {
      if (!TributaryError.is(error)) throw error;
    }
  }
  return [...known.values()];
}

/** Production and what comes before it obey every rule as it is; `dev` is only advised. */
function policyPacks({ policyPack, policies, env }: StackOptions): readonly PolicyPack[] {
  if (!policies) return [];
  if (policyPack !== undefined) return policyPack.map((folder) => ({ folder: resolve(folder) }));
  const folder = join(import.meta.dirname, '..', '..', 'policies');
  const config = join(folder, 'presets', env === 'dev' ? 'dev.json' : 'prod.json');
  return existsSync(join(folder, 'PulumiPolicy.yaml')) ? [{ folder, config }] : [];
}

/** Runs that hold a lease in this machine's run store. */
async function activeRuns(tenant: string) {
  if (!existsSync(STORE)) return [];
  await using store = await openStore();
  const running = (await store.list({ tenant, limit: 1000 })).filter(({ status }) => status === 'running');
  const sources = [...new Set(running.map(({ source }) => source))];
  const abandoned = await Promise.all(sources.map((source) => store.abandoned(tenant, source)));
  const gone = new Set(abandoned.flat().map(({ runId }) => runId));
  return running.filter(({ runId }) => !gone.has(runId)).map(({ runId, source }) => ({ runId, source }));
}
