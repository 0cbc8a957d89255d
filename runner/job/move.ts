/** Runs that move rows: run, backfill, replay. */
import { warmEngine } from '../columnar/engine.ts';
import { TributaryError } from '../core/errors.ts';
import { type RunOutcome, runSource } from '../pipeline/run.ts';
import { beyondOf } from './beyond.ts';
import { openConnection, sourceSpec } from './connect.ts';
import { EXIT, endedCode, exitCode } from './exit.ts';
import { isYes, type Job, requiredOption } from './job.ts';
import { environment, openWarehouse } from './warehouse.ts';

/** @returns the exit code */
export async function moveRows(job: Job): Promise<number> {
  const { settings, run, order, tenant, secrets, store, log, onEvent, signal } = job;
  const spec = sourceSpec(tenant, run.source);
  const backfill =
    order.kind === 'backfill' ? { from: requiredOption(job, 'from'), to: requiredOption(job, 'to') } : undefined;
  warmEngine();
  await using source = await openConnection(tenant, spec.connection, secrets, spec);
  const outcome = await runSource({
    ...{ tenant, sourceName: run.source, spec, runId: run.runId, source, store, secrets, signal, onEvent },
    openWarehouse: (onWarning) =>
      openWarehouse(settings, tenant, {
        onWarning,
        onWait: (holder) => log.write('INFO', `waiting: ${holder}`),
      }),
    env: environment(),
    replay: order.kind === 'replay',
    yes: isYes(job),
    again: job.again,
    beyond: beyondOf({ tenant, spec }, settings.traceparent),
    ...(backfill === undefined ? {} : { backfill }),
    ...costCap(job),
  });
  const { status, problem, summary } = outcome;
  log.write(problem === null ? 'INFO' : 'ERROR', `run ${run.runId}: ${status}`, { summary, problem });
  // Two processes of one run: the other one was faster.
  const now = problem?.code === 'USAGE' ? await store.get(run.runId).catch(() => null) : null;
  return (now === null ? null : endedCode(now)) ?? codeOf(outcome);
}

function costCap({ order }: Job): { readonly maxCostUsd?: number } {
  const said = order.options.maxCost;
  if (said === undefined) return {};
  const maxCostUsd = Number(said);
  if (typeof said === 'string' && said !== '' && maxCostUsd >= 0) return { maxCostUsd };
  throw new TributaryError('USAGE', { reason: `maxCost is no amount of US dollars: ${said}.` });
}

function codeOf({ problem, summary }: RunOutcome): number {
  if (problem !== null) return exitCode(problem);
  return summary.rows.quarantined > 0 ? EXIT.quarantined : EXIT.done;
}
