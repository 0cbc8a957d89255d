import { newRunId } from '../core/run-id.ts';
import { planText } from '../display/plan.ts';
import { sourceSpec } from '../job/connect.ts';
import { EXIT, exitCode } from '../job/exit.ts';
import { interruptible } from '../job/interruptible.ts';
import { planDocument, planRun } from '../job/look.ts';
import { environment, ON_STDERR, openWarehouse } from '../job/warehouse.ts';
import { connectSource, openTenant } from './context.ts';
import { print, problemText } from './outcome.ts';
import type { RunOptions } from './run.ts';

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
  await using answer = await planRun(
    {
      ...{ tenant, sourceName, source, warehouse, runId: newRunId(), env: environment() },
      ...{ yes: options.yes === true, maxCostUsd: options.maxCost },
      ...(backfill === undefined ? {} : { backfill }),
    },
    interruptible(),
  );
  const { problem } = answer;
  if (options.json) print(planDocument(answer, tenantName, sourceName));
  else {
    process.stdout.write(planText(answer.plan, answer.cost));
    if (problem !== null) process.stderr.write(`${problemText(problem)}\n`);
  }
  return problem === null ? EXIT.done : exitCode(problem);
}
