/** Schedules that did not call: the newest tick of each is made up for, older ones are not. */
import { problemOf, TributaryError } from '../../runner/core/errors.ts';
import type { ScheduleSpec } from '../../tenants/schema/index.ts';
import type { OpenTenant } from '../tenants.ts';
import { acceptTick } from './accept.ts';
import { tellMissed } from './announce.ts';
import { type Control, REMEMBERED } from './context.ts';
import { newestTick } from './due.ts';
import { keys } from './keys.ts';
import { markedAt, newMark } from './mark.ts';

/** A later tick may have come at another moment than was counted here. */
const RECENT = 20;

export interface Due {
  readonly tenant: string;
  readonly source: string;
  readonly tick: string;
}

/** The newest tick of every schedule of a tenant that should have come by now. */
export function dueTicks({ now, settings }: Control, { document, file }: OpenTenant, since: number): readonly Due[] {
  const at = now().getTime();
  const until = new Date(at - settings.missedAfterMs);
  const after = new Date(Math.max(since, Date.parse(document.updatedAt), at - settings.missedWithinMs));
  return Object.entries(file.tenant?.sources ?? {}).flatMap(([source, { schedule }]) => {
    const tick = fires(schedule) && after < until ? newestTick(schedule, { after, until }) : null;
    return tick === null ? [] : [{ tenant: document.tenant, source, tick: tick.toISOString() }];
  });
}

function fires(schedule: ScheduleSpec | undefined): schedule is ScheduleSpec {
  return schedule !== undefined && !schedule.paused;
}

/** @returns the run that was started in the place of a tick that never came; `null`: it came, or was left out */
export async function catchUp(control: Control, due: Due): Promise<string | null> {
  const { store, memory, observe } = control;
  const { tenant, source, tick } = due;
  const key = keys.tick(tenant, source, tick);
  if (memory.ticks.has(key)) return null;
  const call = { tenant, source, at: tick, requestedBy: null, traceparent: null };
  const runId = await store.tick(key);
  const lost = runId !== null && (await store.get(runId)) === null;
  if (!lost && (runId !== null || (await isSettled(control, due)))) return remember(control, key);
  try {
    const { run, created } = await acceptTick(control, call, lost ? 'schedule' : 'catch-up');
    remember(control, key);
    if (lost) return run.runId;
    if (!created) return null;
    observe({ type: 'missed', tenant, source, tick });
    await tellMissed(control, run, tick);
    return run.runId;
  } catch (error) {
    if (problemOf(error).code !== 'LEASE_HELD') throw error;
    return remember(control, key);
  }
}

async function isSettled({ store }: Control, { tenant, source, tick }: Due): Promise<boolean> {
  if ((await store.tick(keys.skipped(keys.tick(tenant, source, tick)))) !== null) return true;
  const recent = await store.list({ tenant, source, limit: RECENT });
  // Its stack is not there. A call of the schedule would show that it is back.
  if (recent[0]?.problem?.code === 'LAUNCH_REFUSED') return true;
  return recent.some(({ order }) => order !== null && order.tick !== null && order.tick >= tick);
}

function remember({ memory }: Control, key: string): null {
  if (memory.ticks.size >= REMEMBERED) memory.ticks.clear();
  memory.ticks.add(key);
  return null;
}

/** Ticks from before the platform was first swept were nobody's to miss. */
export async function beginning({ store, now }: Control): Promise<number> {
  return markedAt(await store.deduplicate(keys.beginning, newMark(now())));
}

/** @throws TributaryError where a tenant's file cannot be read now */
export async function dueOf(control: Control, name: string, since: number): Promise<readonly Due[]> {
  const opened = await control.openTenant(name);
  if (opened === null) return [];
  if (opened.file.tenant === null)
    throw new TributaryError('TENANT_INVALID', { file: `${name}.yaml`, count: opened.file.errors.length });
  return dueTicks(control, opened, since);
}
