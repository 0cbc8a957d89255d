import { warmEngine } from '../columnar/engine.ts';
import { newRunId } from '../core/run-id.ts';
import { RunDisplay } from '../display/run.ts';
import { beyondOf } from '../job/beyond.ts';
import { sourceSpec } from '../job/connect.ts';
import { EXIT, exitCode } from '../job/exit.ts';
import { interruptible } from '../job/interruptible.ts';
import { environment, openWarehouse } from '../job/warehouse.ts';
import { type RunRequest, runSource } from '../pipeline/run.ts';
import { connectSource, openStore, openTenant } from './context.ts';
import { type GlobalOptions, print, problemText } from './outcome.ts';

export type RunOptions = GlobalOptions & {
  /** US dollars. */
  readonly maxCost?: number;
};

export async function run(
  options: RunOptions,
  tenantName: string,
  sourceName: string,
  how: Pick<RunRequest, 'backfill' | 'replay'> = {},
): Promise<number> {
  const signal = interruptible();
  const tenant = openTenant(options, tenantName);
  const spec = sourceSpec(tenant, sourceName);
  warmEngine();
  const { source, secrets } = await connectSource(tenant, spec.connection, spec);
  await using _ = source;
  await using store = await openStore();
  const display = new RunDisplay({ json: options.json === true, terminal: process.stderr.isTTY === true });
  const outcome = await runSource({
    tenant,
    sourceName,
    spec,
    source,
    store,
    secrets,
    signal,
    runId: newRunId(),
    openWarehouse: (onWarning) =>
      openWarehouse(options, tenant, { onWarning, onWait: (holder) => display.note(`waiting: ${holder}`) }),
    onEvent: (event) => display.show(event),
    env: environment(),
    beyond: beyondOf({ tenant, spec }, null),
    ...(options.maxCost === undefined ? {} : { maxCostUsd: options.maxCost }),
    ...(options.yes === true ? { yes: true } : {}),
    ...how,
  });
  display.end();
  const { problem, summary } = outcome;
  if (options.json) print(problem === null ? summary : { ...summary, problem });
  else if (problem === null) process.stdout.write(display.summary(summary));
  else process.stderr.write(`${problemText(problem)}\n`);
  if (problem !== null) return exitCode(problem);
  return summary.rows.quarantined > 0 ? EXIT.quarantined : EXIT.done;
}
