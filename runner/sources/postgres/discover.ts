/** What a database holds that the user may read. */
import type pg from 'pg';
import type { SourceObject } from '../../core/contracts/source.ts';
import { nearest } from '../../core/near.ts';
import { displayName, type TableName } from './identifier.ts';

const KINDS = {
  r: 'table',
  p: 'partitioned table',
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
} as const satisfies Record<string, SourceObject['kind']>;

interface Row {
  readonly schema: string;
  readonly table: string;
  readonly kind: keyof typeof KINDS;
  readonly comment: string | null;
  readonly partitions: number;
  readonly rows: string | null;
  readonly bytes: string | null;
}

/**
 * The planner's way to estimate: rows per page at the last ANALYZE, times the pages of now. A tree of
 * partitions is the sum of its leaves, and unknown as soon as one that is not empty is unknown. Sizes take a
 * lock, so a relation that is being rewritten is asked for its statistics only.
 */
const RELATIONS = `
  WITH RECURSIVE busy AS MATERIALIZED (
    SELECT relation FROM pg_locks WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  ), listed AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r','p','v','m','f') AND c.relpersistence <> 't'
      AND (CASE WHEN $1::oid IS NULL
        THEN NOT c.relispartition AND n.nspname NOT IN ('pg_catalog','information_schema') AND n.nspname !~ '^pg_'
          AND has_schema_privilege(n.oid, 'USAGE')
          AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'))
          AND NOT EXISTS (SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        ELSE c.oid = $1::oid END)
  ), tree AS (
    SELECT oid AS root, oid AS leaf FROM listed WHERE relkind IN ('r','p','m','f')
    UNION ALL
    SELECT t.root, i.inhrelid FROM tree t JOIN pg_inherits i ON i.inhparent = t.leaf
  ), sized AS (
    SELECT t.root, t.leaf, c.relkind, c.reltuples, c.relpages,
      CASE WHEN c.relkind = 'f' OR b.relation IS NOT NULL THEN NULL ELSE pg_relation_size(c.oid) END AS heap,
      CASE WHEN c.relkind = 'f' OR b.relation IS NOT NULL THEN NULL ELSE pg_table_size(c.oid) END AS bytes
    FROM tree t JOIN pg_class c ON c.oid = t.leaf LEFT JOIN busy b ON b.relation = c.oid WHERE c.relkind <> 'p'
  ), leaves AS (
    SELECT root, leaf, relkind, bytes,
      CASE WHEN heap = 0 THEN 0
        WHEN reltuples < 0 OR (reltuples = 0 AND relpages = 0) THEN NULL
        WHEN heap IS NULL OR relpages = 0 THEN reltuples
        ELSE reltuples / relpages * (heap / current_setting('block_size')::float8) END AS rows
    FROM sized
  ), summed AS (
    SELECT root, count(*) FILTER (WHERE leaf <> root)::int AS partitions,
      CASE WHEN bool_or(rows IS NULL) THEN NULL ELSE round(sum(rows)) END AS rows, sum(bytes) AS bytes
    FROM leaves GROUP BY root
  )
  SELECT l.nspname AS schema, l.relname AS table, l.relkind AS kind, obj_description(l.oid, 'pg_class') AS comment,
    coalesce(s.partitions, 0) AS partitions,
    CASE WHEN l.relkind = 'p' THEN coalesce(s.rows, CASE WHEN s.root IS NULL THEN 0 END) ELSE s.rows END AS rows,
    CASE WHEN l.relkind IN ('r','p','m') THEN coalesce(s.bytes, CASE WHEN s.root IS NULL THEN 0 END) END AS bytes
  FROM listed l LEFT JOIN summed s ON s.root = l.oid
  ORDER BY l.nspname, l.relname`;

/** Every table, view, materialized view and foreign table that can be read; partitions are counted, not listed. */
export async function discover(client: pg.Client): Promise<readonly SourceObject[]> {
  const { rows } = await client.query<Row>(RELATIONS, [null]);
  return rows.map(toObject);
}

/** One relation as {@link discover} would list it, whatever it is. */
export async function relation(client: pg.Client, oid: number): Promise<SourceObject | null> {
  const { rows } = await client.query<Row>(RELATIONS, [oid]);
  return rows[0] === undefined ? null : toObject(rows[0]);
}

function toObject(row: Row): SourceObject {
  return {
    name: displayName(row),
    kind: KINDS[row.kind],
    rows: row.rows === null ? null : Number(row.rows),
    bytes: row.bytes === null ? null : Number(row.bytes),
    ...(row.comment === null ? {} : { comment: row.comment }),
    ...(row.kind === 'p' ? { partitions: row.partitions } : {}),
  };
}

/** Up to three names that look like the wanted one, best first: `sales.orders, sales."Orders"`. */
export async function nearMisses(client: pg.Client, wanted: TableName): Promise<string | undefined> {
  const { rows } = await client.query<{ schema: string; table: string }>(`
    SELECT n.nspname AS schema, c.relname AS table FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r','p','v','m','f') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema$)'
      AND has_schema_privilege(n.oid, 'USAGE') LIMIT 20000`);
  const near = nearest(wanted, rows);
  return near.length === 0 ? undefined : near.map(displayName).join(', ');
}
