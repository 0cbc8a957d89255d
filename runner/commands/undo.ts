import { destinationOf } from '../../tenants/naming.ts';
import type { TenantSpec } from '../../tenants/schema/index.ts';
import type { RunStore } from '../core/contracts/run-store.ts';
import type { Warehouse } from '../core/contracts/warehouse.ts';
import { TributaryError } from '../core/errors.ts';
import { newRunId } from '../core/run-id.ts';
import { RunDisplay } from '../display/run.ts';
import { sourceSpec } from '../job/connect.ts';
import { EXIT, exitCode } from '../job/exit.ts';
import { interruptible } from '../job/interruptible.ts';
import { evidenceTable, ON_STDERR, openWarehouse } from '../job/warehouse.ts';
import { undoRun } from '../pipeline/undo.ts';
import { confirmed } from './confirm.ts';
import { openStore, openTenant } from './context.ts';
import { type GlobalOptions, print, problemText } from './outcome.ts';

/** Restores a table as it was before a run, and the state of its source with it. */
export async function undo(options: GlobalOptions, tenantName: string, runId: string): Promise<number> {
  const signal = interruptible();
  const tenant = openTenant(options, tenantName);
  await using store = await openStore();
  const display = new RunDisplay({ json: options.json === true, terminal: process.stderr.isTTY === true });
  const open = (onWarning: (text: string) => void) =>
    openWarehouse(options, tenant, { onWarning, onWait: (holder) => display.note(`waiting: ${holder}`) });
  const sourceName = await sourceOf(store, tenant, runId, () => open(ON_STDERR.onWarning));
  sourceSpec(tenant, sourceName);
  const { dataset, table } = destinationOf(tenant, sourceName);
  const question = `Put ${dataset}.${table} back to what it was before run ${runId}? Later runs of ${sourceName} go with it. Type ${sourceName}: `;
  if (options.yes !== true && !(await confirmed(question, sourceName)))
    throw new TributaryError('USAGE', {
      reason: `Nobody confirmed to undo run ${runId} of ${sourceName}.`,
      advice: `Type the name of the source, or: tributary undo ${tenantName} ${runId} --yes`,
    });
  const { problem, summary } = await undoRun({
    tenant,
    sourceName,
    runId: newRunId(),
    undo: runId,
    store,
    signal,
    openWarehouse: open,
    onEvent: (event) => display.show(event),
  });
  display.end();
  if (options.json) print(problem === null ? summary : { ...summary, problem });
  else if (problem === null) process.stdout.write(display.undone(summary));
  else process.stderr.write(`${problemText(problem)}\n`);
  return problem === null ? EXIT.done : exitCode(problem);
}

/**
 * The source of a run: the run store knows it, or the evidence where this machine's store does not.
 *
 * @throws RUN_NOT_FOUND
 */
async function sourceOf(
  store: RunStore,
  { tenant }: TenantSpec,
  runId: string,
  open: () => Promise<Warehouse>,
): Promise<string> {
  const record = await store.get(runId);
  if (record?.tenant === tenant) return record.source;
  await using warehouse = await open();
  if (!(await warehouse.committed({ tenant, runId }))) throw new TributaryError('RUN_NOT_FOUND', { run: runId });
  const runs = evidenceTable(warehouse, tenant, '_runs');
  const [row] = await warehouse.query(`SELECT source FROM ${runs} WHERE run_id = ?`, [runId]);
  return String(row?.source);
}
