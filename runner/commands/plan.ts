import { typeName } from '../core/types.ts';
import { planText } from '../display/plan.ts';
import { costProblem, planCost, readProblem } from '../pipeline/cost.ts';
import { makePlan, type Plan } from '../pipeline/plan.ts';
import { connectSource, interruptible, openTenant, sourceSpec } from './context.ts';
import { EXIT, exitCode, print, problemText } from './outcome.ts';
import { newRunId, type RunOptions } from './run.ts';
import { environment, ON_STDERR, openWarehouse } from './warehouse.ts';

/** Shows what a run would do; exits as the run would where the brake on costs stops it. */
export async function plan(
  options: RunOptions,
  tenantName: string,
  sourceName: string,
  backfill?: { from: string; to: string },
): Promise<number> {
  const tenant = openTenant(options, tenantName);
  const spec = sourceSpec(tenant, sourceName);
  const { source } = await connectSource(tenant, spec.connection, spec);
  await using _ = source;
  await using warehouse = await openWarehouse(options, tenant, ON_STDERR);
  await using made = await makePlan(
    {
      tenant,
      sourceName,
      spec,
      source,
      warehouse,
      env: environment(),
      ...(backfill === undefined ? {} : { backfill }),
    },
    interruptible(),
  );
  const startedAt = new Date().toISOString();
  const run = { tenant: tenantName, source: sourceName, runId: newRunId(), fencingToken: 0, startedAt };
  const cost = await planCost(warehouse, made, run, spec, backfill !== undefined);
  const caps = { bytes: spec.execution.maxBytesBilled, usd: options.maxCost };
  const words = [tenantName, sourceName, ...(backfill ? [`--from '${backfill.from}' --to '${backfill.to}'`] : [])];
  const command = `tributary ${backfill === undefined ? 'run' : 'backfill'} ${words.join(' ')}`;
  const what = { target: made.target, command };
  const problem =
    options.yes === true ? null : (readProblem(made.estimate, caps, what) ?? costProblem(cost, caps, what));
  if (options.json)
    print({ ...document(made, tenantName, sourceName), cost, ...(problem === null ? {} : { problem }) });
  else {
    process.stdout.write(planText(made, cost));
    if (problem !== null) process.stderr.write(`${problemText(problem)}\n`);
  }
  return problem === null ? EXIT.done : exitCode(problem);
}

function document(made: Plan, tenant: string, source: string): Record<string, unknown> {
  const {
    strategy,
    window,
    bound,
    estimate,
    mode,
    modeReason,
    schemaChanges,
    discarded,
    target,
    before,
    nullRows,
    columns,
    design,
  } = made;
  return {
    tenant,
    source,
    strategy: strategy.name,
    mode,
    modeReason,
    window: window === null ? null : { from: window.from, to: window.to },
    bound,
    estimate,
    nullRows,
    schemaChanges,
    discarded,
    destination: { ...target, rows: before?.rows ?? null },
    design,
    columns: columns.map(({ read, column }) => ({
      source: read.source,
      name: column.name,
      sourceType: read.sourceType,
      type: typeName(column.type),
      mask: read.mask ?? null,
    })),
    contract: 'holds',
  };
}
