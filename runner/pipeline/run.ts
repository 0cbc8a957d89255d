/** One run: plan → extract → stage → load → check → commit → record. */

import { destinationOf, MASK_SECRET } from '../../tenants/naming.ts';
import type { SourceSpec, TenantSpec } from '../../tenants/schema/index.ts';
import type { ChannelProgress } from '../core/channel.ts';
import type { SplitsOffer } from '../core/contracts/offer.ts';
import type { EndedStatus, RunEvent, RunStore, Step } from '../core/contracts/run-store.ts';
import type { Secrets } from '../core/contracts/secrets.ts';
import type { ObjectShape, ReadSpec, ReadSummary, Source, SourceObject } from '../core/contracts/source.ts';
import type { SplitExecutor, SplitWork } from '../core/contracts/splits.ts';
import type {
  ChangeCounts,
  CommitSpec,
  RunIdentity,
  Staged,
  StageSpec,
  Warehouse,
} from '../core/contracts/warehouse.ts';
import { type Problem, problemOf, TributaryError } from '../core/errors.ts';
import { checkCounts, checkQuality, checkSize, lateness, qualityTests } from './check.ts';
import { commitSpec, reached } from './commit-spec.ts';
import { type CostCaps, cappedBytes, costProblem, readProblem } from './cost.ts';
import { splitsOffer } from './distribute.ts';
import { requireOpenHours } from './hours.ts';
import { Journal } from './journal.ts';
import { lateMapped, unfolding } from './late.ts';
import { type HeldLease, holdLease, settleAbandoned, stopProblem } from './lease.ts';
import type { ExecutorKind } from './mode.ts';
import { makePlan, objectOf, type Plan } from './plan.ts';
import { replayTests, restage } from './replay.ts';
import { stageSpec } from './stage-spec.ts';
import { statusOf } from './status.ts';
import type { Stretch } from './stretch.ts';
import { type RunSummary, Stopwatch, summarise } from './summary.ts';
import { keySweep } from './sweep.ts';
import { transfer } from './transfer.ts';

/** Kinds of objects that several readers may read; what a window finds is too little to share. */
const SPLITTABLE: readonly SourceObject['kind'][] = ['table', 'collection', 'collection group'];

export interface RunRequest {
  readonly tenant: TenantSpec;
  readonly sourceName: string;
  readonly spec: SourceSpec;
  readonly runId: string;
  readonly source: Source;
  /** What people should know although all went well goes into the run's events. */
  readonly openWarehouse: (onWarning: (text: string) => void) => Promise<Warehouse>;
  readonly store: RunStore;
  readonly secrets: Secrets;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  /** Goes past the brakes. */
  readonly yes?: boolean;
  /** A stretch to load again; the state stays. */
  readonly backfill?: Stretch;
  /** Takes the rows from quarantine, not from the source. */
  readonly replay?: boolean;
  /** The commit may be estimated at no more. */
  readonly maxCostUsd?: number;
  /** Environment of the stack, a label of tables. */
  readonly env?: string;
  /** Asked once the lease is held: an earlier attempt of this run began; it may have committed, or may even live. */
  readonly again?: () => boolean;
  /** Where a read that is too much for this process can go. */
  readonly beyond?: Beyond;
}

/** What executes splits, and what they are told of this run. */
export interface Beyond {
  readonly executors: readonly ExecutorKind[];
  readonly openExecutor: (kind: ExecutorKind) => Promise<SplitExecutor>;
  /** Where the tenant works in Google Cloud. */
  readonly cloud: SplitWork['cloud'];
  /** W3C Trace Context. */
  readonly traceparent: string | null;
}

export interface RunOutcome {
  readonly status: EndedStatus;
  readonly summary: RunSummary;
  readonly problem: Problem | null;
}

/** Carries out one run and records how it ended; never throws for what the run met. */
export async function runSource(request: RunRequest): Promise<RunOutcome> {
  const run = new Run(request);
  return run.execute();
}

class Run {
  readonly #request: RunRequest;
  readonly #journal: Journal;
  readonly #watch = new Stopwatch();
  readonly #startedAt = new Date().toISOString();
  #warehouse: Warehouse | null = null;
  #identity: RunIdentity | null = null;
  /** Asked while the warehouse is opened; whatever becomes of that, the source is not left before it has answered. */
  #described: Promise<ObjectShape> | null = null;
  #plan: Plan | null = null;
  #read: ReadSummary | null = null;
  #staged: Staged | null = null;
  #counts: ChangeCounts | null = null;
  #maxBytesBilled: number | null = null;

  constructor(request: RunRequest) {
    this.#request = request;
    this.#journal = new Journal(request.runId, request.store, request.onEvent);
  }

  async execute(): Promise<RunOutcome> {
    const { store, tenant, sourceName, runId } = this.#request;
    let held: HeldLease;
    try {
      held = await holdLease(store, { tenant: tenant.tenant, source: sourceName, runId });
    } catch (error) {
      const problem = problemOf(error);
      return this.#outcome(statusOf(problem), problem);
    }
    await using _ = held;
    const signal = AbortSignal.any([this.#request.signal, held.lost]);
    try {
      this.#journal.tell('run-start', undefined, { tenant: tenant.tenant, source: sourceName });
      await this.#steps(held, signal);
      return await this.#finish('succeeded', null);
    } catch (error) {
      const problem = signal.aborted ? stopProblem(signal) : problemOf(error);
      await this.#undoStaging();
      return await this.#finish(statusOf(problem), problem);
    } finally {
      await this.#described?.catch(() => undefined);
      await this.#plan?.[Symbol.asyncDispose]();
      await this.#warehouse?.[Symbol.asyncDispose]();
    }
  }

  async #steps(held: HeldLease, signal: AbortSignal): Promise<void> {
    const planned = await this.#step('plan', () => this.#planning(held, signal));
    if (planned === null) return;
    this.#affording(planned);
    let stage = stageSpec(planned, this.#identity as RunIdentity, this.#request.spec);
    if (this.#request.replay === true) await this.#step('stage', () => this.#restaging(planned, stage));
    else stage = await this.#step('extract', () => this.#moving(planned, stage, signal));
    const plan = this.#plan ?? planned;
    await this.#step('check', () => this.#checking(plan, stage));
    signal.throwIfAborted();
    if (this.#request.replay === true && this.#read?.extracted === 0) return this.#undoStaging();
    await this.#step('commit', () => this.#committing(plan, stage));
  }

  /** @returns `null` where nothing is left to do */
  async #planning(held: HeldLease, signal: AbortSignal): Promise<Plan | null> {
    const { tenant, sourceName, spec, source, runId, backfill, replay = false, store, env, beyond } = this.#request;
    if (!replay) requireOpenHours(tenant, sourceName, new Date());
    const described = source.describe(objectOf(spec), signal);
    described.catch(() => undefined);
    this.#described = described;
    this.#warehouse = await this.#request.openWarehouse((text) => this.#journal.tell('warning', undefined, { text }));
    this.#identity = {
      tenant: tenant.tenant,
      source: sourceName,
      runId,
      fencingToken: held.lease.fencingToken,
      startedAt: this.#startedAt,
    };
    await this.#warehouse.prepare(this.#identity, destinationOf(tenant, sourceName));
    await settleAbandoned(store, this.#warehouse, held);
    signal.throwIfAborted();
    if (this.#request.again?.() === true && (await this.#warehouse.committed({ tenant: tenant.tenant, runId }))) {
      const text = 'An earlier attempt of this run has committed; its figures are in _runs.';
      this.#journal.tell('warning', undefined, { text });
      return null;
    }
    const plan = await makePlan(
      {
        ...{ tenant, sourceName, spec, source, replay, described, warehouse: this.#warehouse },
        ...(backfill === undefined ? {} : { backfill }),
        ...(env === undefined ? {} : { env }),
        ...(beyond === undefined ? {} : { executors: beyond.executors }),
      },
      signal,
    );
    this.#plan = plan;
    this.#tellGone(plan);
    return plan;
  }

  #tellGone({ snapshot: { gone = [] } }: Plan): void {
    const [first] = gone;
    if (first === undefined) return;
    const others = gone.length === 1 ? '' : ` and ${gone.length - 1} more`;
    this.#journal.tell('warning', undefined, { text: `${first}${others} was loaded and is gone; its rows stay.` });
  }

  #live(): Warehouse {
    if (this.#warehouse === null) throw new TributaryError('INTERNAL', { message: 'the warehouse is not open' });
    return this.#warehouse;
  }

  /** @returns what is staged then: with columns of the late fields, where there are any */
  async #moving(planned: Plan, stage: StageSpec, signal: AbortSignal): Promise<StageSpec> {
    const { spec, secrets } = this.#request;
    const masks = planned.columns.some(({ read }) => read.mask === 'hmac-sha256');
    const read: ReadSpec = {
      object: planned.object,
      columns: planned.columns.map((column) => column.read),
      window: planned.window,
      nullCursors: planned.nullCursors,
      layout: planned.layout,
      maxRejected: spec.quarantine.maxRows,
      ...(masks ? { maskKey: await secrets.get(MASK_SECRET) } : {}),
      ...(planned.late === null ? {} : { late: planned.late }),
    };
    const splittable = SPLITTABLE.includes(planned.shape.kind) && planned.window === null;
    const way = { snapshot: planned.snapshot, warehouse: this.#live() };
    const onProgress = (progress: ChannelProgress) =>
      this.#journal.tell('progress', 'extract', { ...progress, expectedRows: planned.estimate.rows });
    const splits = this.#splits(planned, read);
    const readers = splittable ? planned.readers : 1;
    const moved = await transfer(
      { ...way, stage, read, readers, onProgress, ...(splits === null ? {} : { splits }) },
      signal,
    );
    const plan = this.#plan ?? planned;
    this.#read = { ...moved.summary, nullified: moved.summary.nullified + (moved.staged.nullified ?? 0) };
    this.#staged = moved.staged;
    const whole = plan.late === null ? stage : await this.#unfolding(plan, stage, moved.summary);
    const sweep = keySweep(plan, spec, stage, read);
    if (sweep === null) return whole;
    const swept = await transfer({ ...way, ...sweep, readers: 1, onProgress: () => undefined }, signal);
    if (swept.summary.extracted !== swept.staged.rows + swept.staged.rejected)
      throw new TributaryError('COUNT_MISMATCH', {
        extracted: swept.summary.extracted,
        staged: swept.staged.rows,
        rejected: swept.staged.rejected,
      });
    return whole;
  }

  /** The read in pieces, where the plan says so; `null`: this process reads. */
  #splits(plan: Plan, read: ReadSpec): SplitsOffer | null {
    const { tenant, spec, beyond } = this.#request;
    const { unity, tasks: workers, snapshot, estimate } = plan;
    const connection = tenant.connections[spec.connection];
    if (unity === null || beyond === undefined || connection === undefined) return null;
    const { openExecutor, cloud, traceparent } = beyond;
    return splitsOffer({
      ...{ snapshot, read, unity, workers, traceparent, reached: reached(plan), rows: estimate.rows },
      openExecutor: () => openExecutor(plan.mode === 'dataflow' ? 'dataflow' : 'tasks'),
      about: { tenant: tenant.tenant, name: spec.connection, connection, source: spec, cloud },
      onAdopted: (work) => {
        const text = `An earlier process of this run has divided the read (${work.unity.reason}); it is gone on with.`;
        this.#journal.tell('warning', 'extract', { text });
        this.#plan = adopted(plan, work);
      },
      onWarning: (text) => this.#journal.tell('warning', 'extract', { text }),
      onJob: ({ warning, ...progress }) => {
        if (warning !== undefined) this.#journal.tell('warning', 'extract', { text: warning });
        this.#journal.tell('progress', 'extract', { ...progress, expectedRows: estimate.rows });
      },
    });
  }

  async #unfolding(plan: Plan, stage: StageSpec, { late: fields = [] }: ReadSummary): Promise<StageSpec> {
    const { late, changes, stage: whole } = unfolding(plan, stage, this.#request.spec, fields);
    this.#staged = await this.#live().unfold(stage, late);
    const columns = [...plan.columns, ...lateMapped(late)];
    this.#plan = { ...plan, columns, schemaChanges: [...plan.schemaChanges, ...changes] };
    return whole;
  }

  async #restaging(plan: Plan, stage: StageSpec): Promise<void> {
    const { summary, staged } = await restage(this.#live(), plan, stage);
    this.#read = summary;
    this.#staged = staged;
  }

  async #checking(plan: Plan, stage: StageSpec): Promise<void> {
    const { spec, yes, replay } = this.#request;
    const staged = this.#staged as Staged;
    const tests = qualityTests(spec, plan.columns);
    if (replay === true) {
      checkQuality(await this.#live().test(stage, replayTests(tests)));
      return this.#capping(plan, stage);
    }
    checkCounts(this.#read as ReadSummary, staged, spec);
    if (yes !== true) checkSize(plan, staged.rows, spec, this.#command());
    const results = await this.#live().test(stage, tests);
    const late = lateness(results);
    if (late !== null) this.#journal.tell('warning', 'check', { text: late, event: 'source.late' });
    checkQuality(results);
    await this.#capping(plan, stage);
  }

  /** @throws BRAKE_COST */
  #affording({ estimate, target }: Plan): void {
    const { yes, replay, maxCostUsd: usd } = this.#request;
    if (yes === true || replay === true) return;
    const problem = readProblem(estimate, { usd }, { target, command: this.#command() });
    if (problem !== null) throw TributaryError.from(problem);
  }

  /** @throws BRAKE_COST. What the estimate leaves open the warehouse holds itself, by the cap in the commit. */
  async #capping(plan: Plan, stage: StageSpec): Promise<void> {
    const { spec, yes, maxCostUsd } = this.#request;
    const caps: CostCaps = { bytes: spec.execution.maxBytesBilled, usd: maxCostUsd };
    if (yes === true || (caps.bytes ?? caps.usd) === undefined) return;
    const commit = this.#commitSpec(plan, stage);
    const estimate = await this.#live().cost(commit);
    const problem = costProblem(estimate, caps, commit);
    if (problem !== null) throw TributaryError.from(problem);
    this.#maxBytesBilled = cappedBytes(caps, estimate);
  }

  async #committing(plan: Plan, stage: StageSpec): Promise<void> {
    this.#counts = await this.#live().commit(this.#commitSpec(plan, stage));
  }

  #commitSpec(plan: Plan, stage: StageSpec): CommitSpec {
    const { spec, yes = false, backfill, replay = false } = this.#request;
    return commitSpec(plan, stage, spec, {
      read: this.#read as ReadSummary,
      seconds: this.#watch.seconds,
      command: this.#command(),
      yes,
      replay,
      backfill: backfill !== undefined,
      maxBytesBilled: this.#maxBytesBilled,
    });
  }

  /** What a person types for the same run. */
  #command(): string {
    const { tenant, sourceName, backfill, replay } = this.#request;
    const what = `${tenant.tenant} ${sourceName}`;
    if (backfill !== undefined) return `tributary backfill ${what} --from '${backfill.from}' --to '${backfill.to}'`;
    return `tributary ${replay === true ? 'quarantine replay' : 'run'} ${what}`;
  }

  async #step<T>(step: Step, work: () => Promise<T>): Promise<T> {
    this.#journal.tell('step-start', step);
    const result = await this.#watch.time(step, work);
    this.#journal.tell('step-end', step, { seconds: this.#watch.seconds[step] });
    return result;
  }

  async #undoStaging(): Promise<void> {
    if (this.#warehouse === null || this.#identity === null || this.#plan === null) return;
    await this.#warehouse.discard(this.#identity, this.#plan.target).catch(() => undefined);
  }

  async #finish(status: RunOutcome['status'], problem: Problem | null): Promise<RunOutcome> {
    const outcome = this.#outcome(status, problem);
    await this.#journal.close(status, outcome.summary, problem);
    return outcome;
  }

  #outcome(status: RunOutcome['status'], problem: Problem | null): RunOutcome {
    const { tenant, sourceName, runId, backfill, replay } = this.#request;
    const summary = summarise({
      runId,
      tenant: tenant.tenant,
      source: sourceName,
      status,
      plan: this.#plan,
      read: this.#read,
      staged: this.#staged,
      counts: this.#counts,
      billed: this.#warehouse?.billed ?? null,
      seconds: this.#watch.seconds,
      startedAt: this.#startedAt,
      keepsCursor: replay === true || backfill !== undefined,
    });
    return { status, summary, problem };
  }
}

/** The plan as of the work that is gone on with: what is committed is how far that one reads. */
function adopted(plan: Plan, { read, parts }: SplitWork): Plan {
  const { bound } = plan;
  const to = parts.cursor?.to;
  return { ...plan, window: read.window, bound: bound === null || to === undefined ? bound : { ...bound, to } };
}
