import { typeName } from '../core/types.ts';
import { bytesText, rowsText, table } from '../display/text.ts';
import { connectionSpec } from '../job/connect.ts';
import { EXIT } from '../job/exit.ts';
import { interruptible } from '../job/interruptible.ts';
import { type LookedAt, lookAt, objectDocument } from '../job/look.ts';
import { objectNamed } from '../job/object-name.ts';
import { connectSource, openTenant } from './context.ts';
import { type GlobalOptions, print } from './outcome.ts';

const SAMPLE_WIDTH = 40;

export async function discover(
  options: GlobalOptions,
  tenantName: string,
  connection: string,
  object?: string,
): Promise<number> {
  const tenant = openTenant(options, tenantName);
  const { source } = await connectSource(tenant, connection);
  await using _ = source;
  const signal = interruptible();
  if (object === undefined) {
    const objects = await source.discover(signal);
    if (options.json) print({ tenant: tenantName, connection, objects });
    else
      process.stdout.write(
        table(
          ['object', 'kind', 'rows', 'size'],
          objects.map(({ name, kind, rows, bytes }) => [name, kind, rowsText(rows), bytesText(bytes)]),
        ),
      );
    return EXIT.done;
  }
  const { kind } = connectionSpec(tenant, connection);
  const reference = objectNamed(kind, object, tenant, connection);
  const looked = await lookAt(source, reference, signal);
  if (options.json) print({ tenant: tenantName, connection, object: objectDocument(looked) });
  else show(looked);
  return EXIT.done;
}

function show({ shape, names, sample }: LookedAt): void {
  process.stdout.write(`${shape.name}: ${shape.kind}, ${rowsText(shape.rows)} rows, ${bytesText(shape.bytes)}\n\n`);
  const cut = (text: string | null | undefined) =>
    text === null || text === undefined
      ? 'NULL'
      : text.length > SAMPLE_WIDTH
        ? `${text.slice(0, SAMPLE_WIDTH)}…`
        : text;
  const rows = shape.columns.map((column, i) => [
    column.name,
    column.sourceType,
    names[i] ?? '',
    typeName(column.logical),
    column.nullable ? '' : 'not null',
    cut(sample[0]?.[i]),
  ]);
  process.stdout.write(table(['column', 'source type', 'destination', 'type', '', 'for example'], rows));
  process.stdout.write(
    `\nkey: ${shape.key.length === 0 ? 'none found' : shape.key.join(', ')}\ncursors, best first:\n`,
  );
  for (const { column, reason } of shape.cursorCandidates) process.stdout.write(`  ${column}: ${reason}\n`);
}
