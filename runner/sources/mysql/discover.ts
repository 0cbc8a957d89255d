/** What a server holds that the user may read. */

import type { SourceObject } from '../../core/contracts/source.ts';
import { nearest } from '../../core/near.ts';
import { rows, type Session } from './connect.ts';
import { displayName, type TableName } from './identifier.ts';

interface Row {
  readonly schema: string;
  readonly table: string;
  readonly kind: string;
  readonly comment: string | null;
  readonly partitions: string | number;
  readonly rows: string | number | null;
  readonly bytes: string | number | null;
}

const SYSTEM = "('information_schema', 'mysql', 'performance_schema', 'sys')";

const TABLES = `
  SELECT t.TABLE_SCHEMA AS \`schema\`, t.TABLE_NAME AS \`table\`, t.TABLE_TYPE AS kind, t.TABLE_COMMENT AS comment,
    (SELECT COUNT(p.PARTITION_NAME) FROM information_schema.PARTITIONS p
     WHERE p.TABLE_SCHEMA = t.TABLE_SCHEMA AND p.TABLE_NAME = t.TABLE_NAME) AS partitions,
    t.TABLE_ROWS AS \`rows\`, t.DATA_LENGTH AS bytes
  FROM information_schema.TABLES t`;

/** Every table and view that can be read, with the statistics of the storage engine. */
export async function discover({ client }: Session): Promise<readonly SourceObject[]> {
  const found = await rows<Row>(client, `${TABLES} WHERE t.TABLE_SCHEMA NOT IN ${SYSTEM} ORDER BY 1, 2`);
  return found.filter(({ kind }) => kind !== 'SEQUENCE').map(toObject);
}

/** One table as {@link discover} would list it; `null` where there is none, or the user sees nothing of it. */
export async function relation({ client }: Session, schema: string, table: string): Promise<SourceObject | null> {
  const [found] = await rows<Row>(client, `${TABLES} WHERE t.TABLE_SCHEMA = ? AND t.TABLE_NAME = ?`, [schema, table]);
  return found === undefined ? null : toObject(found);
}

function toObject({ schema, table, kind, comment, partitions, rows, bytes }: Row): SourceObject {
  const view = kind.endsWith('VIEW');
  const parts = Number(partitions);
  return {
    name: displayName({ schema, table }),
    kind: view ? 'view' : parts > 0 ? 'partitioned table' : 'table',
    rows: view || rows === null ? null : Number(rows),
    bytes: view || bytes === null ? null : Number(bytes),
    ...(comment === null || comment === '' || view ? {} : { comment }),
    ...(parts > 0 ? { partitions: parts } : {}),
  };
}

/** Up to three names that look like the wanted one, best first. */
export async function nearMisses({ client }: Session, wanted: Required<TableName>): Promise<string | undefined> {
  const found = await rows<Required<TableName>>(
    client,
    `SELECT TABLE_SCHEMA AS \`schema\`, TABLE_NAME AS \`table\` FROM information_schema.TABLES
     WHERE TABLE_SCHEMA NOT IN ${SYSTEM} LIMIT 20000`,
  );
  const near = nearest(wanted, found);
  return near.length === 0 ? undefined : near.map(displayName).join(', ');
}
