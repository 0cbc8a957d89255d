/** The one table of all chaos, and whether a destination holds exactly what it holds. */
import type pg from 'pg';

export interface Difference {
  readonly rows: number;
  /** Rows of the source that the destination has not, or not as they are. */
  readonly lost: number;
  /** Rows of the destination that the source has not, or not so often. */
  readonly doubled: number;
}

export type Ask = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** Both cursors in one table: a time that may be NULL, and a number drawn from a sequence. */
export function createTable(name: string): string {
  return `CREATE SEQUENCE ${name}_version;
    CREATE TABLE ${name} (id bigserial PRIMARY KEY, amount numeric(12,2) NOT NULL, note text,
      stamp timestamptz DEFAULT now(), version bigint NOT NULL DEFAULT nextval('${name}_version'));
    CREATE INDEX ON ${name} (stamp);
    CREATE INDEX ON ${name} (version)`;
}

/** Rows whose texts are short, long, empty and NULL. */
export function insertRows(name: string, count: number, stamp = 'DEFAULT'): string {
  const values = `(i % 9973) / 100.0, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'ząb' ELSE repeat(md5(i::text), 2) END`;
  return stamp === 'DEFAULT'
    ? `INSERT INTO ${name} (amount, note) SELECT ${values} FROM generate_series(1, ${count}) i`
    : `INSERT INTO ${name} (amount, note, stamp) SELECT ${values}, ${stamp} FROM generate_series(1, ${count}) i`;
}

/** How a warehouse's SQL says what the oracle asks. */
export interface Dialect {
  /** All of a row of the one table as one text, the same everywhere. */
  readonly row: string;
  /** Columns `n` and `digest`: the count, and the MD5 in hexadecimal of all rows, sorted by id and text, one a line. */
  digest(row: string, from: string): string;
}

const md5 = (row: string, from: string) =>
  `SELECT count(*) AS n, md5(string_agg(${row}, chr(10) ORDER BY id, ${row})) AS digest FROM ${from}`;
const line = (amount: string, stamp: string) =>
  `concat(id, '|', ${amount}, '|', coalesce(note, 'NULL'), '|', coalesce((${stamp})::text, 'NULL'), '|', version)`;

const postgres: Dialect = { row: line('amount::text', '(extract(epoch FROM stamp) * 1000000)::bigint'), digest: md5 };

export const duckdbDialect: Dialect = { row: line('(amount::DECIMAL(12,2))::VARCHAR', 'epoch_us(stamp)'), digest: md5 };

export const bigqueryDialect: Dialect = {
  row: `CONCAT(CAST(id AS STRING), '|', FORMAT('%.2f', amount), '|', IFNULL(note, 'NULL'), '|',
    IFNULL(CAST(UNIX_MICROS(stamp) AS STRING), 'NULL'), '|', CAST(version AS STRING))`,
  digest: (row, from) =>
    `SELECT n, TO_HEX(MD5(rows_)) AS digest FROM (
      SELECT COUNT(*) AS n, STRING_AGG(line, '\\n' ORDER BY id, line) AS rows_ FROM (SELECT id, ${row} AS line FROM ${from}))`,
};

/** What the comparison asks at the destination. */
export interface Asked {
  readonly ask: Ask;
  readonly dialect: Dialect;
  /** As its SQL names the table. */
  readonly table: string;
}

/** Compares by one digest of all rows; only where it differs are the rows themselves fetched. */
export async function compare(source: pg.Client, table: string, destination: Asked): Promise<Difference> {
  const { ask, dialect, table: from } = destination;
  const there = (await source.query<{ n: string; digest: string | null }>(postgres.digest(postgres.row, table)))
    .rows[0];
  const here = (await ask(dialect.digest(dialect.row, from)))[0];
  const rows = Number(there?.n ?? 0);
  if (rows === Number(here?.n) && (there?.digest ?? null) === (here?.digest ?? null))
    return { rows, lost: 0, doubled: 0 };
  const counts = new Map<string, number>();
  const wanted = await source.query<{ row: string }>(`SELECT ${postgres.row} AS row FROM ${table}`);
  for (const { row } of wanted.rows) counts.set(row, (counts.get(row) ?? 0) + 1);
  for (const { line: row } of await ask(`SELECT ${dialect.row} AS line FROM ${from}`))
    counts.set(String(row), (counts.get(String(row)) ?? 0) - 1);
  const sum = (sign: 1 | -1) => [...counts.values()].reduce((total, n) => total + Math.max(0, sign * n), 0);
  return { rows, lost: sum(1), doubled: sum(-1) };
}

/** Waits until the sessions of runs that are gone are gone too: while they linger they hold windows back. */
export async function sessionsEnded(source: pg.Client, waitMs = 5000): Promise<void> {
  const left = `SELECT count(*)::int AS n FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'tributary%'`;
  for (const end = Date.now() + waitMs; Date.now() < end; await new Promise((done) => setTimeout(done, 10))) {
    if ((await source.query<{ n: number }>(left)).rows[0]?.n === 0) return;
  }
  throw new Error(`sessions of ended runs are still at the source after ${waitMs} ms`);
}
