import { TributaryError } from '../core/errors.ts';
import { newRunId } from '../core/run-id.ts';
import { rowsText, table } from '../display/text.ts';
import { sourceSpec } from '../job/connect.ts';
import { EXIT } from '../job/exit.ts';
import { interruptible } from '../job/interruptible.ts';
import { environment, evidenceTable, ON_STDERR, openWarehouse } from '../job/warehouse.ts';
import { previewReplay } from '../pipeline/replay.ts';
import { connectSource, openTenant } from './context.ts';
import { print } from './outcome.ts';
import { type RunOptions, run } from './run.ts';

type QuarantineOptions = RunOptions & {
  readonly limit?: unknown;
  readonly all?: unknown;
  readonly dryRun?: unknown;
};

/** Shows the rows that did not fit, or loads those that fit now. */
export async function quarantine(
  options: QuarantineOptions,
  action: string,
  tenant: string,
  source: string,
): Promise<number> {
  if (action === 'list') return listRows(options, tenant, source);
  if (action === 'replay')
    return options.dryRun === true ? preview(options, tenant, source) : run(options, tenant, source, { replay: true });
  throw new TributaryError('USAGE', {
    reason: `quarantine ${action} is not known.`,
    advice: 'Write: tributary quarantine list <tenant> <source>, or: tributary quarantine replay <tenant> <source>',
  });
}

async function listRows(options: QuarantineOptions, tenantName: string, sourceName: string): Promise<number> {
  const tenant = openTenant(options, tenantName);
  sourceSpec(tenant, sourceName);
  await using warehouse = await openWarehouse(options, tenant, ON_STDERR);
  const loaded = (await warehouse.state(tenantName, sourceName)) !== null;
  const open = options.all === true ? '' : ' AND replayed_by IS NULL';
  const rows = loaded
    ? await warehouse.query(
        `SELECT run_id, column_name, reason, q.row, quarantined_at, replayed_by FROM ${evidenceTable(warehouse, tenantName, '_quarantine')} AS q
         WHERE source = ?${open} ORDER BY quarantined_at DESC LIMIT ${Number(options.limit ?? 100)}`,
        [sourceName],
      )
    : [];
  if (options.json) print({ tenant: tenantName, source: sourceName, rows });
  else if (rows.length === 0) process.stdout.write('Nothing is in quarantine.\n');
  else
    process.stdout.write(
      table(
        ['run', 'reason', 'row'],
        rows.map((row) => [String(row.run_id), String(row.reason), String(row.row).slice(0, 80)]),
      ),
    );
  return EXIT.done;
}

async function preview(options: QuarantineOptions, tenantName: string, sourceName: string): Promise<number> {
  const tenant = openTenant(options, tenantName);
  const spec = sourceSpec(tenant, sourceName);
  const { source } = await connectSource(tenant, spec.connection, spec);
  await using _ = source;
  await using warehouse = await openWarehouse(options, tenant, ON_STDERR);
  const { plan, quarantined, fit, frequentReason } = await previewReplay(
    { tenant, sourceName, spec, source, warehouse, runId: newRunId(), env: environment() },
    interruptible(),
  );
  await using __ = plan;
  const { strategy, schemaChanges, target } = plan;
  const rows = { quarantined, fit, stay: quarantined - fit };
  if (options.json)
    print({ tenant: tenantName, source: sourceName, strategy: strategy.name, rows, frequentReason, schemaChanges });
  else
    process.stdout.write(
      `${strategy.name} into ${target.dataset}.${target.table}\n${rowsText(quarantined)} rows in quarantine: ${rowsText(fit)} fit now, ${rowsText(rows.stay)} would stay${frequentReason === null ? '' : ` (${frequentReason})`}\n`,
    );
  return EXIT.done;
}
