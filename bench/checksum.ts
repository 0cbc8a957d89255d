/**
 * Count and one checksum per column, computed by each database from its own values and comparable
 * between the two: a sum weighted by the id, so that a value in the wrong row is noticed too.
 *
 * As a program: `node bench/checksum.ts <duckdb file> <table> <columns as JSON>` prints the sums as JSON.
 */
import { pathToFileURL } from 'node:url';
import type { Kind } from './tables.ts';

export type Columns = Readonly<Record<string, Kind>>;
export type Sums = Readonly<Record<string, string>>;

const MODULUS = 1_000_000_007;

const postgres: Record<Kind, (column: string) => string> = {
  integer: (column) => `${column}::bigint`,
  decimal: (column) => `(${column} * 1000000000)::bigint`,
  boolean: (column) => `${column}::int::bigint`,
  text: (column) => `('x' || substr(md5(${column}), 1, 8))::bit(32)::bigint`,
  json: (column) => `('x' || substr(md5(replace(${column}::text, ' ', '')), 1, 8))::bit(32)::bigint`,
  timestamp: (column) => `(extract(epoch from ${column}) * 1000000)::bigint`,
  date: (column) => `(${column} - date '1970-01-01')::bigint`,
};

const duckdb: Record<Kind, (column: string) => string> = {
  integer: (column) => `${column}::BIGINT`,
  // DECIMAL(18,9): a cast of text to anything wider is a hundred times slower in DuckDB 1.5.
  decimal: (column) => `(${column}::DECIMAL(18,9)::DECIMAL(38,9) * 1000000000)::BIGINT`,
  boolean: (column) => `${column}::BOOLEAN::INTEGER::BIGINT`,
  text: (column) => `('0x' || substr(md5(${column}), 1, 8))::BIGINT`,
  json: (column) => `('0x' || substr(md5(replace(${column}::VARCHAR, ' ', '')), 1, 8))::BIGINT`,
  timestamp: (column) => `epoch_us(${column})`,
  date: (column) => `(${column}::DATE - DATE '1970-01-01')::BIGINT`,
};

export function sumsQuery(dialect: 'postgres' | 'duckdb', table: string, columns: Columns): string {
  const value = dialect === 'postgres' ? postgres : duckdb;
  const text = dialect === 'postgres' ? 'text' : 'VARCHAR';
  const sums = Object.entries(columns).map(
    ([name, kind]) =>
      `CAST(sum((id % 9973 + 1) * (coalesce(${value[kind](name)}, -7) % ${MODULUS})) AS ${text}) AS ${name}`,
  );
  return `SELECT CAST(count(*) AS ${text}) AS count, ${sums.join(', ')} FROM ${table}`;
}

/** Names of what differs; empty when both hold the same. */
export function differences(expected: Sums, found: Sums): string[] {
  return Object.keys(expected).filter((name) => expected[name] !== found[name]);
}

async function duckdbSums(file: string, table: string, columns: Columns): Promise<Sums> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(sumsQuery('duckdb', table, columns));
  return reader.getRowObjectsJson()[0] as Sums;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [file, table, columns] = process.argv.slice(2);
  if (!file || !table || !columns) throw new Error('usage: checksum.ts <file> <table> <columns as JSON>');
  process.stdout.write(`${JSON.stringify(await duckdbSums(file, table, JSON.parse(columns) as Columns))}\n`);
}
