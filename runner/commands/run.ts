import { randomBytes } from 'node:crypto';
import { warmEngine } from '../columnar/engine.ts';
import { RunDisplay } from '../display/run.ts';
import { type RunRequest, runSource } from '../pipeline/run.ts';
import { connectSource, interruptible, openStore, openTenant, sourceSpec } from './context.ts';
import { EXIT, exitCode, type GlobalOptions, print, problemText } from './outcome.ts';
import { environment, openWarehouse } from './warehouse.ts';

/** Sorts by time; unique without asking anybody. */
export function newRunId(): string {
  const stamp = new Date().toISOString().replace(/[-:]/g, '').replace(/\..*/, '').toLowerCase();
  return `${stamp}_${randomBytes(4).toString('hex')}`;
}

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
