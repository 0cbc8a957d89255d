/** The shape of a table or a query: columns, key, and which column could be the cursor. */
import type { ObjectRef, ObjectShape, SourceColumn } from '../../core/contracts/source.ts';
import { type DatabaseConnection, factsOf } from '../../core/database.ts';
import { TributaryError } from '../../core/errors.ts';
import { announcedType } from './announced.ts';
import { type CoreColumn, rows, type Session, withPrepared } from './connect.ts';
import { type Candidate, candidates } from './cursors.ts';
import { nearMisses, relation } from './discover.ts';
import { mysqlProblem } from './errors.ts';
import { displayName, parseTableName, quoteTable, subquery, type TableName } from './identifier.ts';
import { logicalOf, unrepresentableOf } from './types.ts';

/** @throws SOURCE_OBJECT_MISSING, SOURCE_PERMISSION, SOURCE_QUERY_INVALID, SOURCE_QUERY_WRITES */
export async function describe(session: Session, ref: ObjectRef, spec: DatabaseConnection): Promise<ObjectShape> {
  if (ref.query !== undefined) return describeQuery(session, spec, ref.query);
  const table = { schema: spec.database, ...parseTableName(ref.table ?? '') };
  const facts = factsOf(spec, displayName(table));
  try {
    // Says whether it is missing or withheld; the catalog shows neither.
    const announced = (await prepared(session, `SELECT * FROM ${quoteTable(table)} LIMIT 0`).catch(onlySome)) ?? [];
    return await describeTable(session, table, announced);
  } catch (error) {
    const problem = mysqlProblem(error, facts);
    if (problem.problem.code !== 'SOURCE_OBJECT_MISSING') throw problem;
    throw new TributaryError('SOURCE_OBJECT_MISSING', { ...facts, near: await nearMisses(session, table) });
  }
}

/** `SELECT *` needs the right on every column. */
function onlySome(error: unknown): null {
  if ([1142, 1143].includes((error as { errno?: number }).errno ?? 0)) return null;
  throw error;
}

function prepared({ client }: Session, sql: string): Promise<readonly CoreColumn[]> {
  return withPrepared(client, sql, ({ columns }) => columns);
}

interface ColumnRow {
  readonly name: string;
  readonly type: string;
  readonly nullable: 'YES' | 'NO';
  readonly comment: string;
  readonly extra: string;
  readonly privileges: string;
}

const COLUMNS = `
  SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, IS_NULLABLE AS nullable, COLUMN_COMMENT AS comment, EXTRA AS extra,
    PRIVILEGES AS privileges
  FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`;

interface IndexRow {
  readonly name: string;
  readonly column: string | null;
  readonly position: string | number;
  readonly unique: string | number;
  readonly part: string | number | null;
  readonly cardinality: string | number | null;
}

const INDEXES = `
  SELECT INDEX_NAME AS name, COLUMN_NAME AS \`column\`, SEQ_IN_INDEX AS position, NOT NON_UNIQUE AS \`unique\`,
    SUB_PART AS part, CARDINALITY AS cardinality
  FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND INDEX_TYPE = 'BTREE'
  ORDER BY INDEX_NAME, SEQ_IN_INDEX`;

const FOREIGN = `
  SELECT COLUMN_NAME AS name FROM information_schema.KEY_COLUMN_USAGE
  WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND REFERENCED_TABLE_NAME IS NOT NULL`;

async function describeTable(
  session: Session,
  { schema, table }: Required<TableName>,
  announced: readonly CoreColumn[],
): Promise<ObjectShape> {
  const { client } = session;
  const at = [schema, table];
  const object = await relation(session, schema, table);
  const listed = (await rows<ColumnRow>(client, COLUMNS, at)).filter(({ privileges }) => /select/i.test(privileges));
  if (object === null || listed.length === 0) {
    // Some right on the table, and none to read it; or none at all.
    await client.query(`SELECT 1 FROM ${quoteTable({ schema, table })} LIMIT 0`);
    throw Object.assign(new Error(`SELECT command denied for table '${table}'`), { errno: 1142 });
  }
  const indexes = await rows<IndexRow>(client, INDEXES, at);
  const foreign = new Set((await rows<{ name: string }>(client, FOREIGN, at)).map(({ name }) => name));
  const notNull = new Set(listed.filter(({ nullable }) => nullable === 'NO').map(({ name }) => name));
  const key = keyOf(indexes, notNull);
  const columns = listed.map((row): SourceColumn => {
    const json = announced.some(({ name, extendedFormat }) => name === row.name && extendedFormat === 'json');
    return toColumn(row, json ? 'json' : row.type, key.includes(row.name));
  });
  const facts = columns.map(
    (column, i): Candidate => ({
      name: column.name,
      type: column.sourceType,
      notNull: notNull.has(column.name),
      ...indexFacts(indexes, column.name),
      foreign: foreign.has(column.name),
      extra: listed[i]?.extra ?? '',
      rows: object.rows,
    }),
  );
  return { ...object, columns, key, cursorCandidates: candidates(facts) };
}

function indexFacts(indexes: readonly IndexRow[], column: string): Pick<Candidate, 'indexed' | 'cardinality'> {
  const leading = indexes.find((one) => one.column === column && Number(one.position) === 1 && one.part === null);
  return {
    indexed: leading !== undefined,
    cardinality: leading?.cardinality == null ? null : Number(leading.cardinality),
  };
}

/** The primary key, else the shortest unique index over whole columns that are not null. */
function keyOf(indexes: readonly IndexRow[], notNull: ReadonlySet<string>): readonly string[] {
  const byName = Map.groupBy(indexes, ({ name }) => name);
  const whole = [...byName.values()].filter((parts) =>
    parts.every(
      ({ unique, part, column }) => Number(unique) === 1 && part === null && column !== null && notNull.has(column),
    ),
  );
  const rank = (parts: readonly IndexRow[]) => (parts[0]?.name === 'PRIMARY' ? 0 : parts.length);
  return whole.sort((a, b) => rank(a) - rank(b))[0]?.flatMap(({ column }) => column ?? []) ?? [];
}

/** A zero date is a value for NOT NULL, and becomes NULL here; a key keeps such rows out instead. */
function toColumn({ name, nullable, comment }: ColumnRow, sourceType: string, inKey: boolean): SourceColumn {
  const logical = logicalOf(sourceType);
  const policy = inKey ? {} : unrepresentableOf(logical);
  const labels = labelsOf(sourceType);
  return {
    name,
    sourceType,
    logical,
    nullable: nullable === 'YES' || policy.unrepresentable === 'nullify',
    ...policy,
    ...(comment === '' ? {} : { comment }),
    ...(labels === null ? {} : { labels }),
  };
}

function labelsOf(type: string): readonly string[] | null {
  const list = /^(?:enum|set)\((.*)\)$/is.exec(type)?.[1];
  if (list === undefined) return null;
  return [...list.matchAll(/'((?:[^']|'')*)'/g)].map(([, label = '']) => label.replaceAll("''", "'"));
}

async function describeQuery(session: Session, spec: DatabaseConnection, query: string): Promise<ObjectShape> {
  try {
    const announced = await prepared(session, `SELECT * FROM ${subquery(query)} AS source_query LIMIT 0`);
    const columns = announced.map((column): SourceColumn => {
      const sourceType = announcedType(column);
      const logical = logicalOf(sourceType);
      return { name: column.name, sourceType, logical, nullable: true, ...unrepresentableOf(logical) };
    });
    const facts = columns.map(
      ({ name, sourceType: type }): Candidate => ({
        ...{ name, type, notNull: false, indexed: false, foreign: false, extra: '', cardinality: null, rows: null },
      }),
    );
    const shape = { name: 'query', kind: 'query', rows: null, bytes: null, key: [] } as const;
    return { ...shape, columns, cursorCandidates: candidates(facts) };
  } catch (error) {
    throw mysqlProblem(error, factsOf(spec, 'the query'));
  }
}
