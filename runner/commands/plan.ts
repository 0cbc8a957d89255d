import { typeName } from '../core/types.ts';
import { bytesText, rowsText } from '../display/text.ts';
import { makePlan, type Plan } from '../pipeline/plan.ts';
import { connectSource, interruptible, openTenant, openWarehouse, sourceSpec } from './context.ts';
import { EXIT, type GlobalOptions, print } from './outcome.ts';

export async function plan(
  options: GlobalOptions,
  tenantName: string,
  sourceName: string,
  backfill?: { from: string; to: string },
): Promise<number> {
  const tenant = openTenant(options, tenantName);
  const spec = sourceSpec(tenant, sourceName);
  const { source } = await connectSource(tenant, spec.connection, spec);
  await using _ = source;
  await using warehouse = await openWarehouse(options, (holder) => process.stderr.write(`waiting: ${holder}\n`));
  await using made = await makePlan(
    { tenant, sourceName, spec, source, warehouse, ...(backfill === undefined ? {} : { backfill }) },
    interruptible(),
  );
  if (options.json) print(document(made, tenantName, sourceName));
  else show(made);
  return EXIT.done;
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

function show(made: Plan): void {
  const { strategy, window, bound, estimate, modeReason, schemaChanges, target, before, nullRows, columns } = made;
  const lines = [
    `${strategy.name} into ${target.dataset}.${target.table} (${before === null ? 'new' : `${rowsText(before.rows)} rows now`})`,
    window === null
      ? 'reads everything'
      : `window  ${window.from ?? 'from the beginning'} ≤ ${window.column} < ${window.to}`,
    ...(bound === null ? [] : [`bound   ${bound.proof}: ${bound.reason}`]),
    `reads   about ${rowsText(estimate.rows)} rows, ${bytesText(estimate.bytes)}, ${columns.length} columns`,
    ...(nullRows === 0 ? [] : [`        and ${rowsText(nullRows)} rows without a cursor value, each time`]),
    `mode    ${modeReason}`,
    ...schemaChanges.map(
      (change) =>
        `schema  ${change.kind} ${change.kind === 'add' ? `${change.column.name} ${typeName(change.column.type)}` : change.column}`,
    ),
    'contract holds',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
