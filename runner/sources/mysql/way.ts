/** Whether and by what a read can be parted. */
import type { ObjectRef, UpperBound, Window } from '../../core/contracts/source.ts';
import type { Unity } from '../../core/contracts/splits.ts';
import { endsWithin } from '../../core/pieces.ts';
import { parseTableName } from './identifier.ts';
import { type Literal, literalOf } from './pieces.ts';

/** Asks within the snapshot that is held. */
export type Query = <Row>(sql: string, values?: readonly string[]) => Promise<Row[]>;

export interface Question {
  readonly query: Query;
  readonly object: ObjectRef;
  readonly database: string;
  readonly window: Window | null;
  /** Rows that the window would give. */
  readonly rows: number | null;
  readonly bound: UpperBound | null;
  /** Whether sessions land on the server with the bound. */
  readonly stable: () => Promise<boolean>;
}

export interface Way {
  readonly unity: Unity;
  readonly by: 'window' | 'key';
  /** Column whose values part it. */
  readonly column: string;
  readonly literal: Literal;
  /** Rows of the whole table. */
  readonly total: number;
}

/** A window of less of a table is looked up in the index of its cursor; more of it is read as it lies. */
const SMALL_SHARE = 0.2;

const WAY_OUT = 'only a read with a cursor (load.strategy: transactional) can be parted, or one of PostgreSQL';

/** @returns a text that says why it cannot be parted */
export async function wayOf({ query, object, database, window, rows, bound, stable }: Question): Promise<Way | string> {
  if (window === null || bound === null)
    return `connections cannot share a snapshot of MySQL, so that pieces would be of different moments; ${WAY_OUT}`;
  if (object.table === undefined) return 'the server would make the result of the query anew for each piece';
  if (!endsWithin(window.to, bound.to)) return 'the window reaches past what writers have left';
  const table = { schema: database, ...parseTableName(object.table) };
  const facts = await tableFacts(query, [table.schema, table.table], window.column);
  if (facts.view) return 'the server would make the result of the view anew for each piece';
  const { cursor, key, total } = facts;
  const small = rows !== null && rows < SMALL_SHARE * total;
  const by = cursor !== null && (small || key === null) ? ({ ...cursor, by: 'window' } as const) : key;
  if (by === null) return `neither ${window.column} nor a key has an index to part the table by`;
  if (!(await stable())) return 'its sessions land on different servers (a balancer stands between)';
  const reason = `all pieces lie below ${window.to}, which no writer undercuts: ${bound.reason}`;
  return { unity: { by: 'bound', reason }, by: 'key', ...by, total };
}

interface Leading {
  readonly column: string;
  readonly type: string;
  readonly nullable: 'YES' | 'NO';
  readonly index: string;
  readonly unique: string | number;
}

/** Columns that an index begins with, in whole. */
const LEADING = `SELECT s.COLUMN_NAME AS \`column\`, LOWER(c.DATA_TYPE) AS type, c.IS_NULLABLE AS nullable,
    s.INDEX_NAME AS \`index\`, NOT s.NON_UNIQUE AS \`unique\`
  FROM information_schema.STATISTICS s JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME)
  WHERE s.TABLE_SCHEMA = ? AND s.TABLE_NAME = ? AND s.INDEX_TYPE = 'BTREE' AND s.SEQ_IN_INDEX = 1 AND s.SUB_PART IS NULL
    AND c.PRIVILEGES LIKE '%select%' ORDER BY s.INDEX_NAME = 'PRIMARY' DESC, s.INDEX_NAME`;

const TABLE =
  'SELECT TABLE_TYPE AS kind, TABLE_ROWS AS total FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?';

type Parting = Pick<Way, 'column' | 'literal'>;

async function tableFacts(
  query: Query,
  at: readonly [string, string],
  cursor: string,
): Promise<{ view: boolean; total: number; cursor: Parting | null; key: Parting | null }> {
  const [table] = await query<{ kind: string; total: string | number | null }>(TABLE, at);
  const leading = (await query<Leading>(LEADING, at)).flatMap((one) => {
    const literal = literalOf(one.type);
    return literal === null ? [] : [{ ...one, literal }];
  });
  const parting = (one: (typeof leading)[number] | undefined): Parting | null =>
    one === undefined ? null : { column: one.column, literal: one.literal };
  return {
    view: /VIEW/.test(table?.kind ?? ''),
    total: Number(table?.total ?? 0),
    cursor: parting(leading.find(({ column }) => column.toLowerCase() === cursor.toLowerCase())),
    key: parting(leading.find(({ unique, nullable }) => Number(unique) === 1 && nullable === 'NO')),
  };
}
