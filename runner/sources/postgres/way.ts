/** Whether and by what a read can be parted. */
import type pg from 'pg';
import type { ObjectRef, UpperBound, Window } from '../../core/contracts/source.ts';
import type { Unity } from '../../core/contracts/splits.ts';
import { endsWithin } from '../../core/pieces.ts';
import { fromClause } from './query.ts';

/** Asks within the snapshot that is held. */
export type Query = <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => Promise<pg.QueryResult<Row>>;

/** As EXPLAIN shows it, whatever the names of its keys. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Plan Rows': number;
  readonly 'Plan Width': number;
  readonly 'Function Name'?: string;
  readonly Plans?: readonly PlanNode[];
}

/** What is known of a read before it is parted. */
export interface Question {
  readonly query: Query;
  readonly object: ObjectRef;
  readonly window: Window | null;
  /** Of the whole read. */
  readonly plan: PlanNode;
  /** Whether other sessions find the snapshot. */
  readonly shared: boolean;
  readonly bound: UpperBound | null;
}

export interface Way {
  readonly unity: Unity;
  readonly by: 'pages' | 'window' | 'key';
  /** Column whose values part it; `null` by pages. */
  readonly column: string | null;
  /** Whether a few of its pages can stand for all: of a table, not of what is computed. */
  readonly sampled: boolean;
  /** Pages of the table, or of each of its parts. */
  readonly pages: readonly number[];
}

/** A window of less of a table is looked up in the index of its cursor; more of it is read as it lies. */
const SMALL_SHARE = 0.2;
/** What decides about all rows together would decide anew for each piece. */
const TOGETHER = new Set(['Limit', 'WindowAgg', 'Sample Scan', 'Unique']);

const SNAPSHOT: Unity = { by: 'snapshot', reason: 'every piece is read in the one exported snapshot of this run' };

/** @returns a text that says why it cannot be parted */
export async function wayOf(question: Question): Promise<Way | string> {
  const { query, object, window, plan, shared } = question;
  const nodes = nodesOf(plan);
  const table = object.table === undefined ? null : await tableFacts(query, object, window);
  const computed = table === null || table.kind === 'v';
  const anew = computed ? await decidedAnew(query, nodes) : null;
  if (anew !== null) return anew;
  const foreign = nodes.some((node) => node['Node Type'] === 'Foreign Scan');
  if (!shared || foreign) {
    const why = shared
      ? 'a foreign table has no part in the snapshot'
      : 'other sessions land on another server than the one with the snapshot (a balancer stands between)';
    return belowBound(question, why, table?.heap === true);
  }
  const share = { unity: SNAPSHOT, pages: table?.pages ?? [], sampled: table?.heap === true };
  const small = window !== null && table?.indexed === true && plan['Plan Rows'] < SMALL_SHARE * table.rows;
  if (table?.whole && table.heap && !small && (table.ranges || table.key === null))
    return { ...share, by: 'pages', column: null };
  if (window !== null) return { ...share, by: 'window', column: window.column };
  if (table?.key != null) return { ...share, by: 'key', column: table.key };
  return computed
    ? 'a view or a query has no pages, and without a cursor (load.strategy: transactional) nothing else parts it'
    : 'the user may not read where its rows lie, and it has no key';
}

function belowBound({ window, bound }: Question, why: string, sampled: boolean): Way | string {
  if (window === null || bound === null)
    return `${why}; only a read with a cursor (load.strategy: transactional) needs no snapshot`;
  if (!endsWithin(window.to, bound.to)) return `${why}, and the window reaches past what writers have left`;
  const reason = `${why}; all pieces lie below ${window.to}, which no writer undercuts: ${bound.reason}`;
  return { unity: { by: 'bound', reason }, by: 'window', column: window.column, sampled, pages: [] };
}

/** What a piece would decide otherwise than the others did; `null` where all find the same. */
async function decidedAnew(query: Query, nodes: readonly PlanNode[]): Promise<string | null> {
  const together = nodes.find((node) => TOGETHER.has(node['Node Type']));
  if (together !== undefined)
    return `what it gives is decided over all rows together (${together['Node Type']}), and would be anew for each piece`;
  const called = nodes.flatMap((node) => node['Function Name'] ?? []);
  if (called.length === 0) return null;
  const { rows } = await query<{ name: string }>(
    `SELECT proname AS name FROM pg_proc WHERE proname = ANY($1) AND provolatile = 'v' LIMIT 1`,
    [called],
  );
  return rows[0] === undefined ? null : `${rows[0].name}() may give other rows each time it is called`;
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

interface TableFacts {
  readonly kind: string;
  /** Rows lie in pages, of the table itself and of all its parts. */
  readonly heap: boolean;
  readonly pages: readonly number[];
  readonly rows: number;
  /** Whether all of it may be read: only then where its rows lie. */
  readonly whole: boolean;
  /** The server goes to pages directly, from version 14 on; before, each piece passes over the whole table. */
  readonly ranges: boolean;
  /** First column of a key. */
  readonly key: string | null;
  /** Whether an index begins with the cursor. */
  readonly indexed: boolean;
}

const TREE = `WITH RECURSIVE tree(oid) AS (
    SELECT $1::regclass::oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid)`;

const TABLE = `${TREE}
  SELECT (SELECT relkind::text FROM pg_class WHERE oid = $1::regclass) AS kind,
    bool_and(c.relkind = 'p' OR (c.relkind IN ('r','m') AND coalesce(m.amname, 'heap') = 'heap')) AS heap,
    array_agg(pg_relation_size(c.oid) / current_setting('block_size')::int)::float8[] AS pages,
    sum(greatest(c.reltuples, 0))::float8 AS rows,
    has_table_privilege($1::regclass, 'SELECT') AS whole,
    current_setting('server_version_num')::int >= 140000 AS ranges,
    (SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
     WHERE i.indrelid = $1::regclass AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND a.attnotnull
       AND has_column_privilege(a.attrelid, a.attnum, 'SELECT') ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1) AS key,
    EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
      JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am b ON b.oid = x.relam
      WHERE i.indrelid = $1::regclass AND i.indisvalid AND i.indpred IS NULL AND a.attname = $2 AND b.amname = 'btree')
      AS indexed
  FROM tree JOIN pg_class c USING (oid) LEFT JOIN pg_am m ON m.oid = c.relam AND m.amtype = 't'`;

async function tableFacts(query: Query, object: ObjectRef, window: Window | null): Promise<TableFacts> {
  const { rows } = await query<TableFacts & pg.QueryResultRow>(TABLE, [fromClause(object), window?.column ?? null]);
  return rows[0] as TableFacts;
}

/** Pages of the table, or of each of its parts; `null` where rows lie in none, or the user may not read where. */
export async function pagesOf(query: Query, object: ObjectRef): Promise<readonly number[] | null> {
  const { whole, heap, pages } = await tableFacts(query, object, null);
  return whole && heap ? pages : null;
}
