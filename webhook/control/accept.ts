/** A tick or a person's order → a run in the store, once → its launch. */
import type { RunOrder } from '../../runner/core/contracts/run-order.ts';
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import { type Problem, TributaryError } from '../../runner/core/errors.ts';
import { newRunId } from '../../runner/core/run-id.ts';
import type { Control } from './context.ts';
import type { Accepted, Tick } from './contract.ts';
import { dispatch } from './dispatch.ts';
import { keys, tickOf } from './keys.ts';
import { isJoinable, needsLease } from './kinds.ts';
import { resume, startNext } from './next.ts';
import { waiting } from './queue.ts';
import { checkConnection, sourceOf, tenantOf } from './target.ts';

interface Wanted {
  readonly tenant: string;
  readonly source: string;
  readonly order: RunOrder;
  /** What makes a repetition of the call the same run; `null`: nothing. */
  readonly key: string | null;
  /** Waits where another run has the source; otherwise it is refused. */
  readonly queues: boolean;
}

/** @throws REQUEST_INVALID where `at` is no moment; see {@link ControlPlane.trigger} */
export async function acceptTick(
  control: Control,
  tick: Omit<Tick, 'requestedBy'> & { readonly requestedBy: string | null },
  trigger: 'schedule' | 'catch-up',
): Promise<Accepted> {
  const { tenant, source, requestedBy, traceparent } = tick;
  const { schedule } = sourceOf(await tenantOf(control, tenant), source);
  const at = tick.at === null ? null : tickOf(tick.at);
  if (tick.at !== null && at === null)
    throw new TributaryError('REQUEST_INVALID', { reason: 'The time of the schedule is no time.' });
  const order: RunOrder = { kind: 'run', options: {}, trigger, tick: at, requestedBy, traceparent };
  const key = at === null ? null : keys.tick(tenant, source, at);
  return accept(control, { tenant, source, order, key, queues: schedule?.overlap === 'queue' });
}

export async function acceptOrder(
  control: Control,
  run: { readonly tenant: string; readonly source: string; readonly order: RunOrder },
  key: string | null,
): Promise<Accepted> {
  const { tenant, source, order } = run;
  const spec = await tenantOf(control, tenant);
  if (source !== '' || needsLease(order.kind)) sourceOf(spec, source);
  if (typeof order.options.connection === 'string') checkConnection(spec, order.options.connection);
  const accepted = await accept(control, {
    ...run,
    key: key === null ? null : keys.caller(order.requestedBy ?? '', key),
    queues: order.options.queue === true,
  });
  if (!isSame(run, accepted.run)) throw new TributaryError('KEY_REUSED', { run: accepted.run.runId });
  return accepted;
}

async function accept(control: Control, wanted: Wanted): Promise<Accepted> {
  const { store, now } = control;
  const known = wanted.key === null ? null : await store.tick(wanted.key);
  if (known !== null) return repeated(control, wanted, known);
  const fresh = newRunId(now());
  if (!needsLease(wanted.order.kind)) return begin(control, wanted, fresh, null);
  const ahead = await inTheWay(control, wanted);
  if (ahead === null) return begin(control, wanted, fresh, null);
  if (!wanted.queues) return refuse(control, wanted, ahead.runId, ahead.problem);
  if (wanted.order.trigger === 'person') return begin(control, wanted, fresh, ahead.runId);
  const first = ahead.joinable ?? (await firstBehind(control, ahead.runId, fresh));
  return first === fresh ? begin(control, wanted, fresh, ahead.runId) : join(control, wanted, first);
}

/** The run has the source, or its place in the queue, before anything is launched. */
async function begin(control: Control, wanted: Wanted, fresh: string, behind: string | null): Promise<Accepted> {
  const { store, observe } = control;
  const { tenant, source, order, key } = wanted;
  const runId = key === null ? fresh : await store.deduplicate(key, fresh);
  if (runId !== fresh) return repeated(control, wanted, runId);
  const run = await store.enqueue({ runId, tenant, source, order });
  observe({ type: 'accepted', runId, tenant, source, kind: order.kind, trigger: order.trigger });
  if (behind !== null) {
    // The one in front may have ended while this one was written down.
    await startNext(control, tenant, source);
    return { run: (await store.get(runId)) ?? run, created: true };
  }
  const dispatched = await dispatch(control, run);
  if (dispatched.type === 'waiting' && !wanted.queues) {
    // Another one took the source at the same moment.
    if (await store.finish(runId, 'refused', {}, dispatched.problem, 'queued')) await store.announced(runId);
    return refuse(control, wanted, runId, dispatched.problem);
  }
  if (dispatched.type === 'over' && dispatched.problem !== null) throw TributaryError.from(dispatched.problem);
  return { run: (await store.get(runId)) ?? run, created: true };
}

/** Somebody asked for this before; whoever was killed in between is replaced. */
async function repeated(control: Control, wanted: Wanted, runId: string): Promise<Accepted> {
  const { tenant, source, order } = wanted;
  const run = (await control.store.get(runId)) ?? (await control.store.enqueue({ runId, tenant, source, order }));
  return { run: await resume(control, run), created: false };
}

/** A tick that a waiting run serves as well: from now on it is that run's. */
async function join(control: Control, wanted: Wanted, runId: string): Promise<Accepted> {
  const { tenant, source, order, key } = wanted;
  const of = key === null ? runId : await control.store.deduplicate(key, runId);
  if (of === runId) control.observe({ type: 'joined', tenant, source, tick: order.tick, runId });
  return repeated(control, wanted, of);
}

async function refuse(control: Control, wanted: Wanted, holder: string, problem: Problem): Promise<never> {
  const { tenant, source, order, key } = wanted;
  // The sweep must not make up for it; the same tick may still come again and find the source free.
  if (order.tick !== null && key !== null) await control.store.deduplicate(keys.skipped(key), holder);
  control.observe({ type: 'skipped', tenant, source, tick: order.tick, runId: holder });
  throw TributaryError.from(problem);
}

interface InTheWay {
  readonly runId: string;
  readonly problem: Problem;
  /** A run of the schedule that has not begun. */
  readonly joinable: string | null;
}

/** Who has the source, or comes before: those who wait go first. */
async function inTheWay(control: Control, { tenant, source }: Wanted): Promise<InTheWay | null> {
  const [holder, queue] = await Promise.all([control.store.holder(tenant, source), waiting(control, tenant, source)]);
  const runId = holder?.runId ?? queue[0]?.runId;
  if (runId === undefined) return null;
  const until = holder?.expiresAt ?? 'it has run';
  const { problem } = new TributaryError('LEASE_HELD', { holder: runId, tenant, source, until });
  return { runId, problem, joinable: queue.find(isJoinable)?.runId ?? null };
}

/** Of ticks that meet the same run at the same moment, one waits and the others join it. */
async function firstBehind({ store }: Control, holder: string, fresh: string): Promise<string> {
  const first = await store.deduplicate(keys.behind(holder), fresh);
  if (first === fresh) return fresh;
  const run = await store.get(first);
  return run === null || isJoinable(run) ? first : fresh;
}

function isSame(
  wanted: { tenant: string; source: string; order: RunOrder },
  { tenant, source, order }: RunRecord,
): boolean {
  const said = ({ kind, options }: RunOrder) => JSON.stringify([kind, Object.entries(options).sort()]);
  return wanted.tenant === tenant && wanted.source === source && order !== null && said(wanted.order) === said(order);
}
