/** What a run would do, before it does it. Holds the snapshot open until disposed. */
import { destinationOf } from '../../tenants/naming.ts';
import type { SourceSpec, TenantSpec } from '../../tenants/schema/index.ts';
import type {
  Estimate,
  LateWishes,
  LoadedBefore,
  ObjectRef,
  ObjectShape,
  Snapshot,
  Source,
  UpperBound,
  Window,
} from '../core/contracts/source.ts';
import type {
  LoadState,
  SchemaChange,
  TableDesign,
  TableRef,
  TableShape,
  Warehouse,
} from '../core/contracts/warehouse.ts';
import { TributaryError } from '../core/errors.ts';
import { type BatchLayout, batchLayout } from '../core/vectors.ts';
import { strategyOf } from '../strategies/choose.ts';
import type { Strategy } from '../strategies/strategy.ts';
import { checkSuccession, isNewKey, type Predecessor } from '../strategies/succession.ts';
import { cursorOf, keyOf, type MappedColumn, mapColumns, outputName } from './columns.ts';
import { tableDesign } from './design.ts';
import { knownShape, lateWishes, ofSeen, withCarrier } from './late.ts';
import { comparing, type Decision, decide, dividing, type ExecutorKind, readersOf } from './mode.ts';
import { measuredRates } from './rates.ts';
import { compareSchema } from './schema.ts';
import { backfillWindow, type Stretch } from './stretch.ts';

export interface Plan extends AsyncDisposable {
  readonly object: ObjectRef;
  readonly shape: ObjectShape;
  readonly target: TableRef;
  readonly before: TableShape | null;
  /** `null` where the table is not there: a table that is new, or gone, is loaded from the beginning. */
  readonly state: LoadState | null;
  readonly strategy: Strategy;
  readonly columns: readonly MappedColumn[];
  readonly design: TableDesign;
  readonly snapshot: Snapshot;
  readonly bound: UpperBound | null;
  readonly window: Window | null;
  readonly nullCursors: boolean;
  /** Rows whose cursor is NULL, where that was counted. */
  readonly nullRows: number;
  readonly estimate: Estimate;
  /** `YYYY-MM-DD` of a dated snapshot: today where the schedule lives, by the clock of the warehouse. */
  readonly snapshotDate: string | null;
  readonly layout: BatchLayout;
  readonly mode: Decision['mode'] | 'replay';
  readonly modeReason: string;
  /** Machines that share the read; 1 with `cloud_run`: this process alone. */
  readonly tasks: Decision['tasks'];
  /** What makes the read one where machines share it, else `null`. */
  readonly unity: Decision['unity'];
  readonly predictions: Decision['predictions'];
  /** Of this process, where it reads alone and the object can be shared. */
  readonly readers: number;
  readonly schemaChanges: readonly SchemaChange[];
  readonly discarded: readonly string[];
  /** Which fields of the read may become columns after it; `null`: none. */
  readonly late: LateWishes | null;
}

export interface PlanRequest {
  readonly tenant: TenantSpec;
  readonly sourceName: string;
  readonly spec: SourceSpec;
  readonly source: Source;
  readonly warehouse: Warehouse;
  /** Where the source was asked already. */
  readonly described?: Promise<ObjectShape>;
  /** A stretch to load again, instead of what the state says. */
  readonly backfill?: Stretch;
  /** For the rows in quarantine, not for a read: it has no window and waits for no writer. */
  readonly replay?: boolean;
  /** Environment of the stack, a label of tables; `dev` where nobody says. */
  readonly env?: string;
  /** Ways beyond this process that it can launch; absent: none. */
  readonly executors?: readonly ExecutorKind[];
}

/** The object a source reads. */
export function objectOf(spec: SourceSpec): ObjectRef {
  const { table, query, collection, collectionGroup, files } = spec;
  if (query !== undefined) return { query };
  if (collection !== undefined) return { collection };
  if (collectionGroup !== undefined) return { collectionGroup };
  return files === undefined ? { table: table ?? '' } : { files };
}

export async function makePlan(request: PlanRequest, signal: AbortSignal): Promise<Plan> {
  const { tenant, sourceName, spec, source, warehouse, replay = false } = request;
  const object = objectOf(spec);
  const target = destinationOf(tenant, sourceName);
  const strategy = strategyOf(spec.load);
  if (replay && strategy.whole)
    throw new TributaryError('USAGE', {
      reason: `${sourceName} is read whole by each run, its rows in quarantine too; there is nothing to replay.`,
      advice: `Run it: tributary run ${tenant.tenant} ${sourceName}`,
    });
  const found = await (request.described ?? source.describe(object, signal));
  const before = await warehouse.describe(target);
  const state = before === null ? null : await warehouse.state(tenant.tenant, sourceName);
  const { lateFields } = source.capabilities;
  const shape = lateFields ? knownShape(found, spec, state, strategy.name === 'catalog/replace') : found;
  const chosen = lateFields ? ofSeen(spec, shape) : spec;
  const mapped = mapColumns(shape, chosen, warehouse.capabilities.decimalDigits);
  const late = lateFields && !replay ? lateWishes(spec, state) : null;
  const key = keyOf(spec).map((name) => outputName(mapped, name));
  checkSuccession(strategy, key, await predecessor(warehouse, strategy, key, { target, before, state }));
  const { columns, changes, discarded } = reconcile(request, shape, strategy, state, before, mapped);
  const { env = 'dev' } = request;
  const design = tableDesign({ tenant, sourceName, spec, strategy, shape, columns, env });
  const snapshotDate = strategy.dated ? localDate(await warehouse.now(), spec.schedule?.timeZone) : null;
  const cursor = replay ? undefined : cursorOf(spec);
  const loaded = object.files === undefined || strategy.whole || replay ? undefined : loadedBefore(request, state);
  const { snapshot, bound } = await source.open(
    { object, ...(cursor === undefined ? {} : { cursor }), ...(loaded === undefined ? {} : { loaded }) },
    signal,
  );
  try {
    const window = windowOf(request, strategy, cursor, { state, bound, columns });
    const nullsOf = request.backfill === undefined ? cursor : undefined;
    const { nullCursors, nullRows } = await nullPolicy(spec, shape, object, nullsOf, snapshot);
    const estimate = await snapshot.estimate(object, window);
    const vectors = snapshot.vectors(columns.map(({ read }) => read));
    const layout = batchLayout(late === null ? vectors : withCarrier(vectors));
    return {
      object,
      shape,
      target,
      before,
      state,
      strategy,
      columns,
      design,
      snapshot,
      bound,
      window,
      nullCursors,
      nullRows,
      estimate,
      snapshotDate,
      layout,
      ...(await decision(request, { snapshot, object, window, estimate })),
      schemaChanges: changes,
      discarded,
      late,
      [Symbol.asyncDispose]: () => snapshot[Symbol.asyncDispose](),
    };
  } catch (error) {
    await snapshot[Symbol.asyncDispose]();
    throw error;
  }
}

/** What a source of files that loads each version once has to know of earlier runs. */
function loadedBefore({ tenant, sourceName, warehouse }: PlanRequest, state: LoadState | null): LoadedBefore {
  return {
    through: state?.cursor ?? null,
    since: (modifiedAt) => warehouse.files(tenant.tenant, sourceName, modifiedAt),
  };
}

/** The date at that moment where the schedule lives. */
function localDate(at: string, timeZone = 'UTC'): string {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return format.format(new Date(at));
}

function reconcile(
  request: PlanRequest,
  shape: ObjectShape,
  strategy: Strategy,
  state: LoadState | null,
  before: TableShape | null,
  mapped: readonly MappedColumn[],
) {
  if (state === null || before === null) return { columns: mapped, changes: [], discarded: [] };
  const { contract, columns: { exclude = [], include } = {} } = request.spec;
  const left =
    include === undefined
      ? exclude
      : shape.columns
          .map(({ name }) => name)
          .filter((name) => !include.includes(name))
          .concat(exclude);
  const verdict = compareSchema(
    shape.name,
    state.columns,
    mapped.map(({ column }) => column),
    loosened(contract, strategy),
    left,
  );
  const columns = mapped.filter(({ column }) => !verdict.discarded.includes(column.name));
  const present = new Set(before.columns.map(({ name }) => name));
  const changes = verdict.changes.filter((change) => change.kind !== 'add' || !present.has(change.column.name));
  return { columns, changes, discarded: verdict.discarded };
}

/** A table that is swapped whole may change its types freely, unless they are frozen. */
function loosened(
  contract: SourceSpec['contract'],
  strategy: Strategy,
): SourceSpec['contract'] & { readonly swap: boolean } {
  return { ...contract, swap: strategy.name === 'catalog/replace' };
}

function windowOf(
  { backfill }: PlanRequest,
  strategy: Strategy,
  cursor: string | undefined,
  { state, bound, columns }: Pick<Plan, 'state' | 'bound' | 'columns'>,
): Window | null {
  if (backfill === undefined) return strategy.window(cursor ?? null, state, bound);
  return backfillWindow(strategy, cursor, backfill, columns);
}

/** What the strategy finds in the warehouse. */
async function predecessor(
  warehouse: Warehouse,
  strategy: Strategy,
  key: readonly string[],
  found: Omit<Predecessor, 'repeats'>,
): Promise<Predecessor> {
  const { target, before, state } = found;
  const names = before?.columns.map(({ name }) => name) ?? [];
  const asks = isNewKey(strategy, key, state) && key.every((name) => names.includes(name));
  return { ...found, repeats: asks && (await warehouse.repeats(target, key)) };
}

async function nullPolicy(
  spec: SourceSpec,
  shape: ObjectShape,
  object: ObjectRef,
  cursor: string | undefined,
  snapshot: Snapshot,
): Promise<{ nullCursors: boolean; nullRows: number }> {
  const { load } = spec;
  const nullable = shape.columns.find(({ name }) => name === cursor)?.nullable ?? false;
  if (load.strategy !== 'transactional' || cursor === undefined || !nullable || load.cursorNulls === 'skip')
    return { nullCursors: false, nullRows: 0 };
  const nullRows = await snapshot.countNulls(object, cursor);
  if (load.cursorNulls === 'fail' && nullRows > 0)
    throw new TributaryError('SOURCE_CURSOR_NULL', { rows: nullRows, object: shape.name, column: cursor });
  return { nullCursors: nullRows > 0, nullRows };
}

const REPLAY = {
  mode: 'replay',
  modeReason: 'rows of _quarantine, in the warehouse; no row of the source is read',
  ...{ tasks: 1, readers: 1, predictions: [], unity: null },
} as const;

/** The source and the evidence are asked only where it depends on them. */
async function decision(
  { tenant, sourceName, spec, warehouse, replay = false, executors = [] }: PlanRequest,
  { snapshot, object, window, estimate }: Pick<Plan, 'snapshot' | 'object' | 'window' | 'estimate'>,
): Promise<Pick<Plan, keyof Decision | 'readers'>> {
  if (replay) return REPLAY;
  const connection = tenant.connections[spec.connection];
  if (connection === undefined) throw new TributaryError('INTERNAL', { message: `${sourceName} has no connection` });
  const { execution } = spec;
  const embedded = warehouse.kind === 'duckdb';
  const known = { source: sourceName, execution, connection, estimate, embedded, executors };
  const unity = dividing(known) ? ((await snapshot.divisible?.(object, window)) ?? UNDIVIDED) : UNDIVIDED;
  const measured = comparing({ ...known, unity }) ? await measuredRates(warehouse, tenant.tenant, sourceName) : {};
  return { ...decide({ ...known, unity, measured }), readers: readersOf(execution, connection) };
}

const UNDIVIDED = 'its connector reads it in one process';

/** Whether the source itself promises one row per key. */
export function keyIsUnique(plan: Pick<Plan, 'shape'>, key: readonly string[]): boolean {
  if (plan.shape.keyEnforced === false) return false;
  return plan.shape.key.length > 0 && plan.shape.key.every((column) => key.includes(column));
}

/** Average bytes of a row; sizes the storage. */
export function rowBytes({ estimate }: Pick<Plan, 'estimate'>): number {
  return estimate.rows && estimate.bytes ? Math.ceil(estimate.bytes / estimate.rows) : 200;
}
