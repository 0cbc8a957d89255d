/** A day of many tables, made of the calls that a few real runs were recorded with. Pure. */
import type { Random } from '../chaos/random.ts';
import type { ProxyCall } from '../cloud/emulators/proxy.ts';

/** The calls of one run of one source, in their order. */
export interface RecordedRun {
  readonly source: string;
  readonly runId: string;
  readonly calls: readonly ProxyCall[];
}

/** A way of loading, by its runs. */
export interface RecordedStrategy {
  readonly first: RecordedRun;
  readonly usual: RecordedRun;
  /** The source has a new column. */
  readonly grown: RecordedRun;
}

export interface DayOptions {
  readonly strategies: readonly RecordedStrategy[];
  readonly tables: number;
  readonly ticks: number;
  readonly random: Random;
  /** The tables are new on this day. */
  readonly fresh: boolean;
  /** Calls that a run makes beside its own. */
  readonly planted?: (run: {
    readonly table: number;
    readonly tick: number;
    readonly at: Date;
  }) => readonly ProxyCall[];
}

const START = Date.parse('2026-01-01T00:00:00Z');
const TICK_MS = 900_000;
/** Schedulers call late by so much. */
const LATE_MS = 20_000;

/** Each table has its own second of the quarter of an hour, as schedules are spread; each grows a column once. */
export function dayOf({ strategies, tables, ticks, random, fresh, planted = () => [] }: DayOptions): ProxyCall[] {
  const calls: ProxyCall[] = [];
  for (let table = 0; table < tables; table++) {
    const strategy = strategies[table % strategies.length] as RecordedStrategy;
    const offset = random.between(0, TICK_MS - LATE_MS - 1);
    const grows = random.between(1, ticks - 1);
    for (let tick = 0; tick < ticks; tick++) {
      const run = fresh && tick === 0 ? strategy.first : tick === grows ? strategy.grown : strategy.usual;
      const at = new Date(START + tick * TICK_MS + offset + random.between(0, LATE_MS));
      calls.push(...replayed(run, table, tick, at), ...planted({ table, tick, at }));
    }
  }
  return calls;
}

/** The run as it would be of another source at another time: all names that hold its source or its id are others. */
function replayed({ source, runId, calls }: RecordedRun, table: number, tick: number, at: Date): ProxyCall[] {
  const began = calls[0]?.at.getTime() ?? 0;
  const renamed = (text: string) =>
    text.replaceAll(runId, `run_${table}_${tick}`).replaceAll(source, `${source}_${table}`);
  return calls.map((call) => ({
    ...call,
    url: renamed(call.url),
    jobId: call.jobId === null ? null : renamed(call.jobId),
    body: call.body === null ? null : JSON.parse(renamed(JSON.stringify(call.body))),
    at: new Date(at.getTime() + call.at.getTime() - began),
  }));
}
