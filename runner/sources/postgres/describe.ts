/** The shape of a table or a query: columns, key, and which column could be the cursor. */
import type pg from 'pg';
import type { CursorCandidate, ObjectRef, ObjectShape, SourceColumn } from '../../core/contracts/source.ts';
import { type DatabaseConnection, factsOf } from '../../core/database.ts';
import { TributaryError } from '../../core/errors.ts';
import { differentAmongNeighbours } from '../../core/neighbours.ts';

import { nearMisses, relation } from './discover.ts';
import { postgresProblem } from './errors.ts';
import { displayName, parseTableName, quoteIdentifier, quoteTable, subquery } from './identifier.ts';
import { logicalOf, type PgType } from './types.ts';

export interface ResolvedTable {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
}

/**
 * Finds the table as SQL would, with the user's search path where no schema is given.
 *
 * @throws SOURCE_OBJECT_MISSING with names that look like it, SOURCE_PERMISSION on the schema
 */
export async function resolveTable(client: pg.Client, name: string, spec: DatabaseConnection): Promise<ResolvedTable> {
  const wanted = parseTableName(name);
  const facts = factsOf(spec, displayName(wanted));
  const { rows } = await client
    .query<ResolvedTable>(
      `SELECT c.oid::int8::text::float8 AS oid, n.nspname AS schema, c.relname AS table
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.oid = to_regclass($1) AND c.relkind IN ('r','p','v','m','f')`,
      [quoteTable(wanted)],
    )
    .catch((error: unknown) => {
      throw postgresProblem(error, facts);
    });
  if (rows[0] !== undefined) return rows[0];
  throw new TributaryError('SOURCE_OBJECT_MISSING', { ...facts, near: await nearMisses(client, wanted) });
}

/** @throws SOURCE_OBJECT_MISSING, SOURCE_PERMISSION, SOURCE_QUERY_INVALID, SOURCE_QUERY_WRITES */
export async function describe(client: pg.Client, ref: ObjectRef, spec: DatabaseConnection): Promise<ObjectShape> {
  if (ref.query !== undefined) return describeQuery(client, spec, ref.query);
  const table = await resolveTable(client, ref.table ?? '', spec);
  try {
    return await describeTable(client, spec, table);
  } catch (error) {
    throw postgresProblem(error, factsOf(spec, displayName(table)));
  }
}

interface Attribute {
  readonly name: string;
  readonly oid: number;
  readonly typmod: number;
  readonly notNull: boolean;
  readonly comment: string | null;
  readonly drawn: boolean;
  readonly foreignKey: boolean;
  readonly indexed: boolean;
  readonly nullFraction: number | null;
  readonly distinct: number | null;
  readonly correlation: number | null;
}

const ATTRIBUTES = `
  SELECT a.attname AS name, a.atttypid::int8::float8 AS oid, a.atttypmod AS typmod,
    a.attnotnull AS "notNull", col_description(a.attrelid, a.attnum) AS comment,
    a.attidentity <> '' OR coalesce(pg_get_expr(f.adbin, f.adrelid) LIKE 'nextval(%', false) AS drawn,
    EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'f' AND a.attnum = ANY(k.conkey))
      AS "foreignKey",
    EXISTS (SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
      WHERE i.indrelid = a.attrelid AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = a.attnum
        AND m.amname = 'btree') AS indexed,
    s.null_frac::float8 AS "nullFraction", s.n_distinct::float8 AS distinct, s.correlation::float8 AS correlation
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
  LEFT JOIN LATERAL (SELECT * FROM pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = c.relname
    AND s.attname = a.attname ORDER BY s.inherited DESC LIMIT 1) s ON true
  WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
    AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
  ORDER BY a.attnum`;

const KEY = `
  SELECT array_agg(a.attname::text ORDER BY k.at) AS key
  FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, at)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
    AND i.indexprs IS NULL AND k.at <= i.indnkeyatts
  GROUP BY i.indexrelid, i.indisprimary HAVING bool_and(a.attnotnull)
  ORDER BY i.indisprimary DESC, count(*), i.indexrelid LIMIT 1`;

async function describeTable(client: pg.Client, spec: DatabaseConnection, table: ResolvedTable): Promise<ObjectShape> {
  const object = await relation(client, table.oid);
  const { rows } = await client.query<Attribute>(ATTRIBUTES, [table.oid]);
  if (object === null || rows.length === 0) {
    const grant = `GRANT SELECT ON ${quoteTable(table)} TO ${quoteIdentifier(spec.user)};`;
    throw new TributaryError('SOURCE_PERMISSION', { ...factsOf(spec, displayName(table)), grant });
  }
  const types = await typesOf(client, rows);
  const key = await client.query<{ key: string[] }>(KEY, [table.oid]);
  const columns = rows.map((row, index) => ({
    ...toColumn(row, types[index] as Described),
    ...distinctShare(row, object.rows),
  }));
  return { ...object, columns, key: key.rows[0]?.key ?? [], cursorCandidates: candidates(rows, types) };
}

async function describeQuery(client: pg.Client, spec: DatabaseConnection, query: string): Promise<ObjectShape> {
  await client.query('BEGIN TRANSACTION READ ONLY');
  try {
    // The extended protocol takes one statement only.
    const text = `SELECT * FROM ${subquery(query)} AS source_query LIMIT 0`;
    const { fields } = await client.query({ text, queryMode: 'extended' } as pg.QueryConfig);
    const twice = fields.find(({ name }, index) => fields.findIndex((field) => field.name === name) !== index)?.name;
    if (twice !== undefined) {
      const reason = `The query gives two columns named "${twice}": give one an alias.`;
      throw new TributaryError('SOURCE_QUERY_INVALID', { reason });
    }
    const rows = fields.map(
      (field): Attribute => ({
        name: field.name,
        oid: field.dataTypeID,
        typmod: field.dataTypeModifier,
        ...{ notNull: false, comment: null, drawn: false, foreignKey: false, indexed: false },
        ...{ nullFraction: null, distinct: null, correlation: null },
      }),
    );
    const types = await typesOf(client, rows);
    const columns = rows.map((row, index) => toColumn(row, types[index] as Described));
    const shape = { name: 'query', kind: 'query', rows: null, bytes: null, key: [] } as const;
    return { ...shape, columns, cursorCandidates: candidates(rows, types) };
  } catch (error) {
    throw postgresProblem(error, factsOf(spec, 'the query'));
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

function toColumn(row: Attribute, { type, labels, notNull }: Described): SourceColumn {
  return {
    name: row.name,
    sourceType: type.name,
    logical: logicalOf(type),
    nullable: !(row.notNull || notNull),
    ...(row.comment === null ? {} : { comment: row.comment }),
    ...(labels === null ? {} : { labels }),
  };
}

/**
 * `n_distinct` is a count, or a share of the rows under a minus (PostgreSQL manual, "pg_stats"). A count says
 * how often a value comes back in the table; among neighbours it does so less, unless the rows lie in its order.
 */
function distinctShare({ distinct, correlation }: Attribute, rows: number | null): Pick<SourceColumn, 'distinct'> {
  if (distinct === null || distinct === 0) return {};
  if (distinct < 0) return { distinct: -distinct };
  if (Math.abs(correlation ?? 0) > 0.5) return rows === null ? {} : { distinct: Math.min(1, distinct / rows) };
  return { distinct: differentAmongNeighbours(distinct) };
}

// ── Types ───────────────────────────────────────────────────────────────────

interface Described {
  readonly type: PgType;
  readonly labels: readonly string[] | null;
  /** A domain may forbid NULL itself. */
  readonly notNull: boolean;
}

interface TypeRow {
  readonly oid: number;
  readonly typname: string;
  readonly typtype: string;
  readonly category: string;
  readonly basetype: number;
  readonly typmod: number;
  readonly element: number;
  readonly notNull: boolean;
  readonly labels: string[] | null;
}

/** All types that these reach through domains and arrays, in a fixed number of round trips. */
const TYPES = `
  WITH RECURSIVE reach(oid) AS (
    SELECT unnest($1::oid[])
    UNION SELECT x.oid FROM reach r JOIN pg_type t ON t.oid = r.oid
      CROSS JOIN LATERAL (VALUES (t.typbasetype), (CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END)) x(oid)
      WHERE x.oid <> 0)
  SELECT t.oid::int8::float8 AS oid, typname, typtype, typcategory AS category, typbasetype::int8::float8 AS basetype,
    typtypmod AS typmod, CASE WHEN typcategory = 'A' THEN typelem ELSE 0 END::int8::float8 AS element,
    typnotnull AS "notNull",
    (SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) AS labels
  FROM reach JOIN pg_type t USING (oid)`;

async function typesOf(client: pg.Client, columns: readonly { oid: number; typmod: number }[]): Promise<Described[]> {
  const oids = columns.map(({ oid }) => oid);
  const names = await client.query<{ name: string }>(
    `SELECT format_type(c.oid, c.typmod) AS name FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY c(oid, typmod, at)
     ORDER BY c.at`,
    [oids, columns.map(({ typmod }) => typmod)],
  );
  const { rows } = await client.query<TypeRow>(TYPES, [oids]);
  const known = new Map(rows.map((row) => [row.oid, row]));
  return columns.map(({ oid, typmod }, index) => build(known, oid, typmod, names.rows[index]?.name ?? '?'));
}

function build(known: ReadonlyMap<number, TypeRow>, oid: number, typmod: number, name: string): Described {
  let row = known.get(oid) as TypeRow;
  let modifier = typmod;
  let notNull = false;
  while (row.typtype === 'd') {
    notNull ||= row.notNull;
    modifier = row.typmod;
    row = known.get(row.basetype) as TypeRow;
  }
  const { typtype, typname: base, category, labels } = row;
  const element = row.element === 0 ? null : build(known, row.element, modifier, name.replace(/\[\]$/, ''));
  const type = {
    name,
    typtype,
    base,
    category,
    typmod: modifier,
    ...(element === null ? {} : { element: element.type }),
  };
  return { type, labels, notNull };
}

// ── Cursor candidates ───────────────────────────────────────────────────────

const CURSOR_TYPES: Readonly<Record<string, number>> = {
  timestamptz: 20,
  timestamp: 17,
  int8: 12,
  int4: 10,
  date: 8,
  int2: 2,
};

/** Ranks columns that only grow; a score has a meaning only beside the others. */
function candidates(rows: readonly Attribute[], types: readonly Described[]): CursorCandidate[] {
  return rows
    .flatMap((row, index) => {
      const { type, notNull } = types[index] as Described;
      return CURSOR_TYPES[type.base] === undefined ? [] : [rank(row, type, row.notNull || notNull)];
    })
    .sort((a, b) => b.score - a.score);
}

function rank(row: Attribute, { base, name }: PgType, notNull: boolean): CursorCandidate {
  const integer = base.startsWith('int');
  const nulls = row.nullFraction ?? 0;
  const few = integer && row.distinct !== null && row.distinct > 0 && row.distinct < 20;
  const marks: (readonly [when: boolean, points: number, words: string])[] = [
    [row.indexed, 40, 'indexed'],
    [!row.indexed, 0, 'no index'],
    [notNull, 20, 'not null'],
    [!notNull, -Math.round(30 * nulls), nulls > 0 ? `${Math.round(nulls * 100)} % null` : 'may be null'],
    [true, CURSOR_TYPES[base] ?? 0, name],
    [!integer && /(updated|modified|changed|last_?change|mtime)/i.test(row.name), 30, 'moves with updates'],
    [!integer && /(created|inserted)/i.test(row.name), 12, 'sees new rows only'],
    [integer && row.drawn, 10, 'drawn from a sequence, sees new rows only'],
    [integer && !row.drawn && row.name !== 'id', -25, 'not drawn from a sequence'],
    [row.foreignKey, -40, 'a foreign key'],
    [few, -30, 'few different values'],
    [Math.abs(row.correlation ?? 0) > 0.9, 5, 'in the order of the table'],
  ];
  const held = marks.filter(([when]) => when);
  return {
    column: row.name,
    reason: held.map(([, , words]) => words).join(', '),
    score: held.reduce((sum, [, points]) => sum + points, 0),
  };
}
