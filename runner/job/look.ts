/** What is looked at without moving a row: the answers of `test`, `discover` and `plan`, as data. */
import { columnNames } from '../../tenants/naming.ts';
import type { TenantSpec } from '../../tenants/schema/index.ts';
import type { Check, ObjectRef, ObjectShape, ReadColumn, Source } from '../core/contracts/source.ts';
import type { CostEstimate, Warehouse } from '../core/contracts/warehouse.ts';
import type { Problem } from '../core/errors.ts';
import { typeName } from '../core/types.ts';
import { provisioned } from '../launchers/executors.ts';
import { costProblem, planCost, readProblem } from '../pipeline/cost.ts';
import { hoursProblem } from '../pipeline/hours.ts';
import type { ExecutorKind } from '../pipeline/mode.ts';
import { makePlan, objectOf, type Plan } from '../pipeline/plan.ts';
import type { Stretch } from '../pipeline/stretch.ts';
import { sourceSpec } from './connect.ts';

const SAMPLE_ROWS = 3;

/** The steps of a connection, with the object and cursor of every source that uses it; each step once. */
export async function* checkConnection(
  source: Source,
  tenant: TenantSpec,
  connection: string,
  signal: AbortSignal,
): AsyncGenerator<Check> {
  const users = Object.values(tenant.sources).filter((spec) => spec.connection === connection);
  const targets = users.map((spec) => {
    const cursor = spec.load.strategy === 'transactional' ? spec.load.cursor : undefined;
    return { object: objectOf(spec), ...(cursor === undefined ? {} : { cursor }) };
  });
  const seen = new Set<string>();
  for (const target of targets.length === 0 ? [{}] : targets) {
    for await (const step of source.check(target, signal)) {
      const key = `${step.id} ${step.title}`;
      if (seen.has(key)) continue;
      seen.add(key);
      yield step;
    }
  }
}

export interface LookedAt {
  readonly shape: ObjectShape;
  /** In the destination, one for each column. */
  readonly names: readonly string[];
  readonly sample: readonly (readonly (string | null)[])[];
}

export async function lookAt(source: Source, object: ObjectRef, signal: AbortSignal): Promise<LookedAt> {
  const shape = await source.describe(object, signal);
  const names = columnNames(shape.columns.map(({ name }) => name));
  const columns = shape.columns.map(
    (column, i): ReadColumn => ({
      source: column.name,
      name: names[i] ?? column.name,
      sourceType: column.sourceType,
      logical: column.logical,
      unrepresentable: 'quarantine',
    }),
  );
  return { shape, names, sample: await source.sample(object, columns, SAMPLE_ROWS, signal) };
}

export function objectDocument({ shape, names, sample }: LookedAt): Record<string, unknown> {
  const columns = shape.columns.map((column, i) => ({
    ...column,
    destination: names[i],
    type: typeName(column.logical),
    samples: sample.map((row) => row[i] ?? null),
  }));
  return { ...shape, columns };
}

export interface PlanQuestion {
  readonly tenant: TenantSpec;
  readonly sourceName: string;
  readonly source: Source;
  readonly warehouse: Warehouse;
  readonly runId: string;
  readonly env: string;
  readonly backfill?: Stretch;
  /** Goes past the brakes. */
  readonly yes?: boolean;
  readonly maxCostUsd?: number | undefined;
  /** What the run could launch; absent: what this process can. */
  readonly executors?: readonly ExecutorKind[];
}

export interface PlanAnswer extends AsyncDisposable {
  readonly plan: Plan;
  readonly cost: CostEstimate | null;
  /** The brake that would stop the run. */
  readonly problem: Problem | null;
}

/** What a run would do. */
export async function planRun(question: PlanQuestion, signal: AbortSignal): Promise<PlanAnswer> {
  const { tenant, sourceName, source, warehouse, runId, env, backfill, yes, maxCostUsd } = question;
  const spec = sourceSpec(tenant, sourceName);
  const stretch = backfill === undefined ? {} : { backfill };
  const { executors = provisioned(process.env) } = question;
  const plan = await makePlan({ tenant, sourceName, spec, source, warehouse, env, executors, ...stretch }, signal);
  try {
    const startedAt = new Date().toISOString();
    const run = { tenant: tenant.tenant, source: sourceName, runId, fencingToken: 0, startedAt };
    const cost = await planCost(warehouse, plan, run, spec, backfill !== undefined);
    const caps = { bytes: spec.execution.maxBytesBilled, usd: maxCostUsd };
    const range = backfill === undefined ? '' : ` --from '${backfill.from}' --to '${backfill.to}'`;
    const verb = backfill === undefined ? 'run' : 'backfill';
    const what = { target: plan.target, command: `tributary ${verb} ${tenant.tenant} ${sourceName}${range}` };
    const brake = readProblem(plan.estimate, caps, what) ?? costProblem(cost, caps, what);
    return {
      plan,
      cost,
      problem: hoursProblem(tenant, sourceName, new Date()) ?? (yes === true ? null : brake),
      [Symbol.asyncDispose]: () => plan[Symbol.asyncDispose](),
    };
  } catch (error) {
    await plan[Symbol.asyncDispose]();
    throw error;
  }
}

/** What `plan --json` prints. */
export function planDocument(
  { plan, cost, problem }: PlanAnswer,
  tenant: string,
  source: string,
): Record<string, unknown> {
  const { strategy, window, bound, estimate, schemaChanges, discarded, target, before } = plan;
  const { mode, modeReason, tasks, unity, predictions } = plan;
  return {
    tenant,
    source,
    strategy: strategy.name,
    ...{ mode, modeReason, tasks, unity, predictions },
    window: window === null ? null : { from: window.from, to: window.to },
    bound,
    estimate,
    nullRows: plan.nullRows,
    schemaChanges,
    discarded,
    destination: { ...target, rows: before?.rows ?? null },
    design: plan.design,
    columns: plan.columns.map(({ read, column }) => ({
      source: read.source,
      name: column.name,
      sourceType: read.sourceType,
      type: typeName(column.type),
      mask: read.mask ?? null,
    })),
    contract: 'holds',
    cost,
    ...(problem === null ? {} : { problem }),
  };
}
