/** What a run says of itself when it ends; the contract of `run --json`. */
import type { ReadSummary, Window } from '../core/contracts/source.ts';
import type { Billing, ChangeCounts, SchemaChange, Staged } from '../core/contracts/warehouse.ts';
import { reached } from './commit-spec.ts';
import type { Plan } from './plan.ts';

export interface RunSummary {
  readonly runId: string;
  readonly tenant: string;
  readonly source: string;
  readonly strategy: string | null;
  readonly mode: string | null;
  readonly modeReason: string | null;
  readonly window: { readonly from: string | null; readonly to: string } | null;
  readonly bound: { readonly proof: string; readonly reason: string } | null;
  readonly rows: Readonly<
    Record<
      | 'extracted'
      | 'staged'
      | 'loaded'
      | 'inserted'
      | 'updated'
      | 'deleted'
      | 'unchanged'
      | 'quarantined'
      | 'nullified',
      number
    >
  >;
  readonly bytes: { readonly extracted: number; readonly staged: number };
  readonly schemaChanges: readonly SchemaChange[];
  readonly seconds: Readonly<Record<string, number>>;
  /** `null` where nothing is billed. */
  readonly billed: Billing | null;
  /** Objects that were loaded and are not in their store any more, the first of them by name; their rows stay. */
  readonly gone: { readonly objects: number; readonly uris: readonly string[] };
  readonly state: { readonly cursor: string | null };
  readonly destination: string | null;
  readonly vectorPath: string | null;
  readonly startedAt: string;
  readonly status: string;
}

interface Parts {
  readonly runId: string;
  readonly tenant: string;
  readonly source: string;
  readonly status: string;
  readonly startedAt: string;
  readonly plan: Plan | null;
  readonly read: ReadSummary | null;
  readonly staged: Staged | null;
  readonly counts: ChangeCounts | null;
  readonly billed: Billing | null;
  readonly seconds: Readonly<Record<string, number>>;
  /** A backfill or a replay: the next run starts where it would have started. */
  readonly keepsCursor: boolean;
}

const GONE_NAMED = 20;

function shown(window: Window | null | undefined): RunSummary['window'] {
  return window ? { from: window.from, to: window.to } : null;
}

export function summarise({ plan, read, staged, counts, keepsCursor, ...rest }: Parts): RunSummary {
  const committed = counts !== null;
  const gone = plan?.snapshot.gone ?? [];
  return {
    ...rest,
    strategy: plan?.strategy.name ?? null,
    mode: plan?.mode ?? null,
    modeReason: plan?.modeReason ?? null,
    window: shown(plan?.window),
    bound: plan?.bound ? { proof: plan.bound.proof, reason: plan.bound.reason } : null,
    rows: {
      extracted: read?.extracted ?? 0,
      staged: staged?.rows ?? 0,
      loaded: committed ? (staged?.rows ?? 0) : 0,
      inserted: counts?.inserted ?? 0,
      updated: counts?.updated ?? 0,
      deleted: counts?.deleted ?? 0,
      unchanged: counts?.unchanged ?? 0,
      quarantined: (staged?.rejected ?? 0) + (staged?.uncastable ?? 0),
      nullified: read?.nullified ?? 0,
    },
    bytes: { extracted: read?.bytes ?? 0, staged: read?.bytes ?? 0 },
    schemaChanges: plan?.schemaChanges ?? [],
    gone: { objects: gone.length, uris: gone.slice(0, GONE_NAMED) },
    state: { cursor: (plan && committed && !keepsCursor ? reached(plan) : plan?.state?.cursor) ?? null },
    destination: plan ? `${plan.target.dataset}.${plan.target.table}` : null,
    vectorPath: staged?.vectorPath ?? null,
  };
}

const RUN_STEPS = ['plan', 'extract', 'load', 'check', 'commit'];

/** Seconds of each step and of the whole. */
export class Stopwatch {
  readonly #started = performance.now();
  readonly #steps: Record<string, number>;

  /** @param steps that are shown with 0 seconds until they were timed. */
  constructor(steps: readonly string[] = RUN_STEPS) {
    this.#steps = Object.fromEntries(steps.map((step) => [step, 0]));
  }

  async time<T>(step: string, work: () => Promise<T>): Promise<T> {
    const from = performance.now();
    try {
      return await work();
    } finally {
      this.#steps[step] = rounded(performance.now() - from);
    }
  }

  /** Extract, stage and load go on at once and have one figure each. */
  get seconds(): Readonly<Record<string, number>> {
    const { extract } = this.#steps;
    return {
      ...this.#steps,
      ...(extract === undefined ? {} : { load: extract }),
      total: rounded(performance.now() - this.#started),
    };
  }
}

function rounded(ms: number): number {
  return Math.round(ms) / 1000;
}
