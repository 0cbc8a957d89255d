/**
 * Takes a tenant out of service in this order: pause its schedules, wait until nothing runs, lift the compute
 * resources' own protection, destroy all but the data. Each step looks at the state first, so that it can be repeated.
 */
import { type Around, attempt, PARALLEL_STEPS } from './attempt.ts';
import type { Kept, StackFailure, StackOutcome, StackRequest } from './contract.ts';
import { runEngine } from './engine.ts';
import { Watch } from './watch.ts';

/** A resource as the state has it; secret inputs are ciphertext in it. */
interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly custom?: boolean;
  readonly id?: string;
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

const SCHEDULER = 'gcp:cloudscheduler/job:Job';
/** Says that the schedules are paused: else the webhook would make up for the ticks that do not come. */
const DOCUMENT = 'gcp:storage/bucketObject:BucketObject';

type Ended = Pick<StackOutcome, 'done'> & Partial<StackOutcome>;

export async function offboard(asked: StackRequest, around: Around): Promise<Ended> {
  const request = outOfService(asked);
  const { target, engine, exists } = request;
  const { tenant, stack } = target;
  if (!exists) return { done: {}, kept: [] };
  const step = (name: string) => around.tell({ type: 'step', stack, step: name });
  const state = () => resourcesOf(request);

  const firing = (await state()).filter(({ type, inputs }) => type === SCHEDULER && inputs?.paused !== true);
  if (firing.length > 0) {
    step('pause schedules');
    const document = (await state()).filter(({ urn, type }) => type === DOCUMENT && urn.endsWith('-document'));
    const failure = await changeOnly([...document, ...firing], request, around);
    if (failure !== undefined) return { done: {}, failure };
  }

  step('drain');
  const [active, ...more] = await around.activeRuns();
  if (active !== undefined) {
    const facts = { tenant, stack, run: active.runId, source: active.source, others: more.length };
    return { done: {}, failure: { code: 'STACK_BUSY', facts } };
  }

  const guarded = (await state()).filter(isGuardedCompute);
  if (guarded.length > 0) {
    step('lift compute protection');
    const failure = await changeOnly(guarded, request, around);
    if (failure !== undefined) return { done: {}, failure };
  }

  step('destroy');
  const watch = new Watch(stack, around.tell);
  const failure = await attempt(request, around, watch, (opened) =>
    opened.destroy({
      onEvent: watch.see,
      excludeProtected: true,
      runProgram: true,
      parallel: PARALLEL_STEPS,
      color: 'never',
    }),
  );
  if (failure !== undefined) return { done: watch.done, failure };
  const left = await state();
  const kept = left
    .filter(({ custom, type }) => custom === true && !type.startsWith('pulumi:'))
    .map(({ urn, type, id = '' }): Kept => ({ urn, type, id }));
  if (kept.length === 0) await runEngine(engine, ['stack', 'rm', '--yes', '--force', '--stack', stack]);
  return { done: watch.done, kept };
}

/** Data is what stays when its resource is let go; all else is compute. */
function isGuardedCompute({ custom, protect, retainOnDelete, inputs }: StateResource): boolean {
  return custom === true && retainOnDelete !== true && (protect === true || inputs?.deletionProtection === true);
}

/** The tenant with every schedule paused and its compute resources free to go; its data stays guarded. */
function outOfService(request: StackRequest): StackRequest {
  const { spec } = request.target;
  if (spec === undefined) return request;
  const sources = Object.fromEntries(
    Object.entries(spec.sources).map(([name, source]) => [
      name,
      source.schedule === undefined ? source : { ...source, schedule: { ...source.schedule, paused: true } },
    ]),
  );
  const protection = { ...spec.protection, compute: false };
  return { ...request, target: { ...request.target, spec: { ...spec, sources, protection } } };
}

async function changeOnly(
  resources: readonly StateResource[],
  request: StackRequest,
  around: Around,
): Promise<StackFailure | undefined> {
  const watch = new Watch(request.target.stack, around.tell);
  const target = resources.map(({ urn }) => urn);
  return attempt(request, around, watch, (opened) =>
    opened.up({ onEvent: watch.see, target, refresh: true, color: 'never' }),
  );
}

async function resourcesOf({ engine, target }: StackRequest): Promise<readonly StateResource[]> {
  const { code, stdout } = await runEngine(engine, ['stack', 'export', '--stack', target.stack]);
  if (code !== 0) return [];
  const { deployment } = JSON.parse(stdout) as { deployment?: { resources?: readonly StateResource[] } };
  return deployment?.resources ?? [];
}
