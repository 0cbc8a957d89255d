/** The production warehouse: BigQuery, loaded through objects in Cloud Storage. */

import { labelSafe, pricePerTib, startMeter } from '../../bigquery/billing.ts';
import { type Api, openClient } from '../../bigquery/client.ts';
import { createJobs } from '../../bigquery/jobs.ts';
import { positionalConfiguration } from '../../bigquery/parameters.ts';
import type { Row } from '../../bigquery/values.ts';
import type { ChannelProgress, InletEnd } from '../../core/channel.ts';
import type { FileVersion, Offer } from '../../core/contracts/offer.ts';
import type { ReadSummary } from '../../core/contracts/source.ts';
import type { Staging } from '../../core/contracts/staging.ts';
import type {
  Billing,
  ChangeCounts,
  CommitSpec,
  CostEstimate,
  LoadState,
  QualityResult,
  QualityTest,
  Restaged,
  RestagePolicy,
  RunIdentity,
  Staged,
  StagedColumn,
  StageSpec,
  TableRef,
  TableShape,
  Undone,
  Warehouse,
} from '../../core/contracts/warehouse.ts';
import { TributaryError } from '../../core/errors.ts';
import { type Budget, budgetOf, type Clock, systemClock } from '../../core/retry.ts';
import { dropTable } from './calls.ts';
import { findTable, shapeOf, tableResource } from './catalog.ts';
import { commitRun } from './commit.ts';
import { estimateCost } from './cost.ts';
import { bigqueryProblem } from './errors.ts';
import { stagingOf } from './names.ts';
import { prepareTenant } from './prepare.ts';
import { qualityQuery, qualityResults } from './quality.ts';
import { billingUpdate, filesQuery, repeatsQuery } from './queries.ts';
import { openSession, type Session } from './session.ts';
import { restageRows, type StagedRows, stagedTable, stageRows, unfoldRows } from './stage.ts';
import { stageExport } from './stage-export.ts';
import { stageFiles } from './stage-files.ts';
import { stageSplits } from './stage-splits.ts';
import { stageStatement } from './stage-statement.ts';
import { isCommitted, readClock, readState, settleRun } from './state.ts';
import { undoRun } from './undo.ts';

export interface BigqueryOptions {
  readonly project: string;
  /** Location of the tenant's datasets: `EU`. */
  readonly location: string;
  readonly tenant: string;
  /** Of every job and table; those of naming.ts. */
  readonly labels: Readonly<Record<string, string>>;
  /** Disposed with the warehouse. */
  readonly staging: Staging;
  /** An emulator, without credentials; else BIGQUERY_EMULATOR_HOST, else Google. */
  readonly endpoint?: string;
  /** Put around every request, to watch or to limit it. */
  readonly wrap?: (api: Api) => Api;
  /** Default: TRIBUTARY_USD_PER_TIB, else the on-demand price of most locations. */
  readonly usdPerTib?: number;
  /** Default: TRIBUTARY_RETRY_SECONDS. */
  readonly budget?: Budget;
  readonly clock?: Clock;
  /** What a person should know although the run went through. */
  readonly onWarning?: (text: string) => void;
}

export function openBigquery(options: BigqueryOptions): Warehouse {
  const client = openClient(options);
  const api = options.wrap?.(client) ?? client;
  const clock = options.clock ?? systemClock;
  const budget = options.budget ?? budgetOf();
  const price = options.usdPerTib ?? pricePerTib();
  const meter = startMeter(price);
  const safe = Object.entries({ ...options.labels, tenant: options.tenant }).map(([key, value]) => [
    key,
    labelSafe(value),
  ]);
  const labels = Object.fromEntries(safe) as Readonly<Record<string, string>>;
  const jobs = createJobs({ api, clock, budget, labels, meter });
  return new BigqueryWarehouse(openSession({ api, jobs, meter, labels, clock, budget }), price, options);
}

class BigqueryWarehouse implements Warehouse {
  readonly kind = 'bigquery';
  readonly capabilities = {
    decimalDigits: 76,
    gaps: [
      'A replace that changes the type or the partitions of a table takes two steps: readers see it empty in between.',
      'The transaction waits for no other: runs of one source that commit at once conflict, and one is repeated.',
      'JSON is kept as BigQuery writes it: without spaces, with keys in its order.',
    ],
  } as const;
  readonly #session: Session;
  readonly #price: number;
  readonly #tenant: string;
  readonly #staging: Staging;
  readonly #warn: (text: string) => void;
  #staged: StagedRows | null = null;
  #swept = false;
  /** The state that this run plans from; nobody else's commit may come between. */
  #seen: { readonly tenant: string; readonly source: string; readonly state: LoadState | null } | null = null;
  /** The run that has the lease. */
  #run: RunIdentity | null = null;

  constructor(session: Session, price: number, { tenant, staging, onWarning }: BigqueryOptions) {
    this.#session = session;
    this.#price = price;
    this.#tenant = tenant;
    this.#staging = staging;
    this.#warn = onWarning ?? (() => undefined);
  }

  get billed(): Billing {
    return this.#session.meter.total;
  }

  prepare(run: RunIdentity, target: TableRef): Promise<void> {
    return this.#told(target, async () => {
      this.#session.meter.reset();
      const { tenant, source } = run;
      const [lost] = await Promise.all([prepareTenant(this.#session, run, target), this.#staging.removeOthers(run)]);
      for (const what of lost) this.#warn(`A run that died took it off ${target.dataset}.${target.table}: ${what}`);
      this.#run = run;
      this.#seen = { tenant, source, state: await readState(this.#session, tenant, source) };
    });
  }

  now(): Promise<string> {
    return this.#told(null, () => readClock(this.#session));
  }

  describe(table: TableRef): Promise<TableShape | null> {
    return this.#told(table, async () => {
      const resource = await tableResource(this.#session, table);
      return resource === null ? null : shapeOf(resource);
    });
  }

  repeats(table: TableRef, key: readonly string[]): Promise<boolean> {
    return this.#told(table, async () => {
      const found = await findTable(this.#session, table);
      if (found === null) return false;
      const query = repeatsQuery(this.#session.api.project, table, key, found);
      return (await this.#session.query('read', null, query)).length > 0;
    });
  }

  state(tenant: string, source: string): Promise<LoadState | null> {
    const seen = this.#seen;
    if (seen?.tenant === tenant && seen.source === source) return Promise.resolve(seen.state);
    return this.#told(null, () => readState(this.#session, tenant, source));
  }

  stage(spec: StageSpec, inlet: InletEnd, signal: AbortSignal): Promise<Staged> {
    return this.#told(spec.target, async () => {
      const staged = await stageRows(this.#session, this.#staging, spec, inlet, signal);
      if (spec.keysOnly) this.#swept = true;
      else this.#staged = staged;
      return summaryOf(staged);
    });
  }

  unfold(spec: StageSpec, late: readonly StagedColumn[]): Promise<Staged> {
    return this.#told(spec.target, async () => {
      if (this.#staged === null) throw new TributaryError('INTERNAL', { message: 'nothing is staged' });
      this.#staged = await unfoldRows(this.#session, late, this.#staged);
      return summaryOf(this.#staged);
    });
  }

  async stageOffer(
    spec: StageSpec,
    offer: Offer,
    { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (progress: ChannelProgress) => void },
  ): Promise<{ readonly summary: ReadSummary; readonly staged: Staged } | null> {
    switch (offer.way) {
      case 'files':
        return this.#told(spec.target, async () => {
          const watch = { signal, onProgress };
          const { summary, staged } = await stageFiles(this.#session, this.#staging, spec, offer, watch);
          if (spec.keysOnly) this.#swept = true;
          else this.#staged = staged;
          return { summary, staged: summaryOf(staged) };
        });
      case 'splits':
        return this.#told(spec.target, async () => {
          const { summary, staged } = await stageSplits(this.#session, this.#staging, spec, offer, {
            signal,
            onProgress,
          });
          this.#staged = staged;
          return { summary, staged: summaryOf(staged) };
        });
      case 'export':
        return this.#told(spec.target, async () => {
          if (spec.keysOnly) return null;
          const moved = await stageExport(this.#session, this.#staging, spec, offer, {
            ...{ signal, onProgress },
            onFallback: (why) => this.#warn(`The export of Firestore is not used: ${why}. Documents are read.`),
          });
          if (moved === null) return null;
          this.#staged = moved.staged;
          return { summary: moved.summary, staged: summaryOf(moved.staged) };
        });
      case 'statement':
        return this.#told(spec.target, async () => {
          const moved = await stageStatement(this.#session, spec, offer, signal);
          if (moved === null) return null;
          if (spec.keysOnly) this.#swept = true;
          else this.#staged = moved.staged;
          onProgress({ rows: moved.summary.extracted, bytes: moved.summary.bytes, rejected: 0 });
          return { summary: moved.summary, staged: summaryOf(moved.staged) };
        });
    }
  }

  files(tenant: string, source: string, since: string): Promise<readonly Pick<FileVersion, 'uri' | 'version'>[]> {
    return this.#told(null, async () => {
      const query = filesQuery(this.#session.api.project, tenant, source, since);
      const rows = await this.#session.query('read', null, query);
      return rows.map(({ uri, version }) => ({ uri: String(uri), version: String(version) }));
    });
  }

  restage(spec: StageSpec, policy: RestagePolicy): Promise<Restaged> {
    return this.#told(spec.target, async () => {
      const staged = await restageRows(this.#session, this.#staging, spec, policy);
      this.#staged = staged;
      const rows = staged.checked.rows + (staged.twins?.length ?? 0);
      return { ...summaryOf(staged), rows, nullified: staged.nullified };
    });
  }

  test(spec: StageSpec, tests: readonly QualityTest[]): Promise<readonly QualityResult[]> {
    if (tests.length === 0) return Promise.resolve([]);
    return this.#told(spec.target, async () => {
      const table = this.#staged?.table ?? stagedTable(this.#session.api.project, spec);
      const [row] = await this.#session.query('test', spec.run, { sql: qualityQuery(tests, table), parameters: [] });
      return qualityResults(tests, row ?? {});
    });
  }

  cost(spec: CommitSpec): Promise<CostEstimate> {
    const staged = this.#staged?.table.run.runId === spec.run.runId ? this.#staged : null;
    return this.#told(spec.target, () => estimateCost(this.#session, spec, staged, this.#price));
  }

  commit(spec: CommitSpec): Promise<ChangeCounts> {
    return this.#told(spec.target, async () => {
      const staged = this.#staged;
      if (staged === null) throw new TributaryError('INTERNAL', { message: 'nothing is staged' });
      const { counts, after } = await commitRun(this.#session, spec, staged, this.#seenBy(spec.run), this.#warn);
      this.#staged = null;
      this.#seen = null;
      await this.#tidy(spec.run, after);
      return counts;
    });
  }

  /** @returns undefined where this run's state was not read here */
  #seenBy({ tenant, source }: RunIdentity): string | null | undefined {
    const seen = this.#seen;
    return seen?.tenant === tenant && seen.source === source ? (seen.state?.runId ?? null) : undefined;
  }

  /** Best effort: the commit is in, and what stays expires. */
  async #tidy(run: RunIdentity, after: readonly string[]): Promise<void> {
    const billing = billingUpdate(this.#session.api.project, run.tenant, run.runId, this.billed);
    const done = await Promise.allSettled([
      ...after.map((statement) => this.#session.execute('after', run, statement)),
      this.#session.execute('billing', run, billing),
      this.#drop(run, () => this.#staging.removeRun(run)),
    ]);
    for (const result of done) {
      if (result.status === 'rejected')
        this.#warn(`The run is committed; tidying up failed: ${messageOf(result.reason)}`);
    }
  }

  async #drop(run: RunIdentity, removing: () => Promise<void>): Promise<void> {
    await Promise.all([
      dropTable(this.#session, stagingOf(run)),
      ...(this.#swept ? [dropTable(this.#session, stagingOf(run, true))] : []),
      removing(),
    ]);
    this.#swept = false;
  }

  discard(run: RunIdentity, target: TableRef): Promise<void> {
    this.#staged = null;
    this.#seen = null;
    return this.#told(target, () => this.#drop(run, () => this.#staging.remove(run)));
  }

  committed({ tenant, runId }: { readonly tenant: string; readonly runId: string }): Promise<boolean> {
    const by = this.#run;
    if (by?.tenant !== tenant) return this.#told(null, () => isCommitted(this.#session, tenant, runId));
    return this.#told(null, async () => {
      const done = await settleRun(this.#session, by, runId);
      this.#seen = { tenant, source: by.source, state: await readState(this.#session, tenant, by.source) };
      return done;
    });
  }

  undo(run: RunIdentity, target: TableRef, runId: string): Promise<Undone> {
    return this.#told(target, async () => {
      const { undone, after } = await undoRun(this.#session, run, target, runId);
      this.#seen = null;
      await this.#tidy(run, after);
      return undone;
    });
  }

  query(sql: string, parameters: readonly (string | number | null)[] = []): Promise<readonly Row[]> {
    const configuration = { query: positionalConfiguration(sql, parameters) };
    return this.#told(null, () => this.#session.jobs.query({ purpose: 'read', run: null, configuration }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#staging[Symbol.asyncDispose]();
  }

  /** Whatever BigQuery answered becomes an entry of the catalogue. */
  async #told<T>(table: TableRef | null, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const facts = table === null ? {} : { table: `${table.dataset}.${table.table}` };
      throw bigqueryProblem(error, { tenant: this.#tenant, ...facts });
    }
  }
}

function summaryOf({ checked, rejected, uncastable, vectorPath, nullified }: StagedRows): Staged {
  return { rows: checked.rows, rejected, uncastable, frequentReason: checked.frequentReason, vectorPath, nullified };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
