import { evidenceDataset } from '../../tenants/naming.ts';
import { TributaryError } from '../core/errors.ts';
import { table } from '../display/text.ts';
import { openTenant, openWarehouse, sourceSpec } from './context.ts';
import { EXIT, type GlobalOptions, print } from './outcome.ts';

export async function quarantine(
  options: GlobalOptions & { readonly limit?: unknown },
  action: string,
  tenantName: string,
  sourceName: string,
): Promise<number> {
  if (action !== 'list')
    throw new TributaryError('USAGE', {
      reason: `quarantine ${action} is not known.`,
      advice: 'Write: tributary quarantine list <tenant> <source>',
    });
  const tenant = openTenant(options, tenantName);
  sourceSpec(tenant, sourceName);
  await using warehouse = await openWarehouse(options, (holder) => process.stderr.write(`waiting: ${holder}\n`));
  const rows = await warehouse.query(
    `SELECT run_id, column_name, reason, row, quarantined_at FROM warehouse."${evidenceDataset(tenantName)}"._quarantine WHERE source = $1 ORDER BY quarantined_at DESC LIMIT ${Number(options.limit ?? 100)}`,
    [sourceName],
  );
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
