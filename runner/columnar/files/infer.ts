/** Columns of a file from its beginning: names, the narrowest type that holds every value seen, rows and bytes. */
import { rm } from 'node:fs/promises';
import type { FilesOffer, OfferedFile } from '../../core/contracts/offer.ts';
import type { SourceColumn } from '../../core/contracts/source.ts';
import { TributaryError } from '../../core/errors.ts';
import { type LogicalType, numericType } from '../../core/types.ts';
import type { Engine } from '../engine.ts';
import { exactText } from '../fit.ts';
import { quoteText } from '../sql.ts';
import type { CsvSpec } from './cutter.ts';
import { withFooters } from './footers.ts';
import { jsonKeys } from './objects.ts';
import { type Piece, piecesOf } from './pieces.ts';
import { dropRejects, goodLines, STORE_REJECTS, withOneLineEnd } from './rejects.ts';
import { csvGiven } from './relation.ts';

/** What the beginning of a file shows. */
export interface Look {
  readonly columns: readonly SourceColumn[];
  /** Rows that were looked at, or all rows where the format tells. */
  readonly rows: number;
  /** Packed bytes that these rows took, about. */
  readonly bytes: number;
}

const LOOK_BYTES = 1 << 20;

/** @throws FILE_UNREADABLE */
export async function lookAt(
  engine: Engine,
  spec: FilesOffer['spec'],
  file: OfferedFile,
  folder: string,
  signal: AbortSignal,
): Promise<Look> {
  try {
    if (spec.format === 'parquet') return await lookAtParquet(engine, file, folder, signal);
    return await lookAtText(engine, spec, file, folder, signal);
  } catch (error) {
    if (!TributaryError.is(error) || !error.problem.code.startsWith('WAREHOUSE_')) throw error;
    const reason = error.problem.detail.replace(/\.$/, '');
    throw new TributaryError('FILE_UNREADABLE', { file: file.uri, reason }, { cause: error });
  }
}

async function lookAtText(
  engine: Engine,
  spec: Exclude<FilesOffer['spec'], { format: 'parquet' }>,
  file: OfferedFile,
  folder: string,
  signal: AbortSignal,
): Promise<Look> {
  let seen = 0;
  const ending = new AbortController();
  const within = AbortSignal.any([signal, ending.signal]);
  const begun: OfferedFile = {
    ...file,
    // As a large file it is cut, and nothing past the first piece is fetched.
    bytes: Math.max(file.bytes, LOOK_BYTES),
    open: async function* (from, until, to) {
      for await (const chunk of file.open(from, until, Math.min(to ?? file.bytes, file.bytes))) {
        seen += chunk.length;
        yield chunk;
      }
    },
  };
  const packed = file.compression === 'zip' ? { ...begun, bytes: file.bytes } : begun;
  const pieces = piecesOf({
    offer: { way: 'files', spec, columns: [], files: [packed] },
    ...{ folder, sliceBytes: LOOK_BYTES, signal: within },
  });
  try {
    const { value } = await pieces.next();
    const [piece] = value ?? [];
    if (piece === undefined) return { columns: [], rows: 0, bytes: 0 };
    const look = spec.format === 'csv' ? await csvColumns(engine, spec.csv, piece) : await objectColumns(engine, piece);
    await rm(piece.slice.path, { force: true });
    return { ...look, bytes: Math.min(seen, file.bytes) };
  } finally {
    ending.abort();
    await pieces.return(undefined).catch(() => undefined);
  }
}

type Shown = Omit<Look, 'bytes'>;

async function csvColumns(engine: Engine, csv: CsvSpec, piece: Piece): Promise<Shown> {
  const given = csvGiven([await withOneLineEnd(piece, csv)], csv, STORE_REJECTS);
  const all = given.others;
  const texts = all.map((_, i) => `c${i}`);
  const left = await kindsLeft(engine, given.from(''), texts, KINDS);
  await dropRejects(engine);
  const flags = texts.flatMap((text, i) => typeFlags(text, i, left[i]));
  const [row = {}] = await engine.query(`SELECT count(*) AS n, ${flags.join(', ')} FROM ${given.from('')}`);
  await dropRejects(engine);
  const columns = all.map((name, i) => ({ ...column(name, 'text', typeOf(row, i)), ...distinctOf(row, i) }));
  return { columns, rows: Number(row.n ?? 0) };
}

type TextKind = 'BOOL' | 'INT64' | 'FLOAT64' | 'DATE' | 'DATETIME' | 'TIMESTAMP' | 'TIME';

/** A number with a zero in front is a name: of a place, an article. One of more digits than a float holds is one too. */
const GUARDS: Readonly<Record<TextKind, (x: string) => string>> = {
  BOOL: () => 'true',
  INT64: (x) => `NOT regexp_matches(${x}, '^[+-]?0[0-9]|[.]')`,
  FLOAT64: (x) =>
    `NOT regexp_matches(${x}, '^[+-]?0[0-9]') AND length(regexp_replace(${x}, '[^0-9]', '', 'g')) BETWEEN 1 AND 17`,
  DATE: (x) => `length(${x}) <= 10`,
  DATETIME: () => 'true',
  TIMESTAMP: () => 'true',
  TIME: () => 'true',
};
const KINDS = Object.keys(GUARDS) as readonly TextKind[];

function typeFlags(x: string, i: number, kinds: readonly TextKind[] = []): string[] {
  const flag = (kind: TextKind) =>
    `coalesce(bool_and(${x} IS NULL OR (${exactText(x, { kind })} IS NOT NULL AND ${GUARDS[kind](x)})), false) AS ${kind.toLowerCase()}_${i}`;
  return [`count(${x}) AS n_${i}`, `approx_count_distinct(${x}) AS d_${i}`, ...kinds.map(flag)];
}

const FIRST_ROWS = 256;

/** The kinds that the first rows leave for each text: to try all of them on every row costs more than all else. */
async function kindsLeft(
  engine: Engine,
  from: string,
  texts: readonly string[],
  kinds: readonly TextKind[],
): Promise<readonly (readonly TextKind[])[]> {
  if (texts.length === 0) return [];
  const flags = texts.flatMap((text, i) => typeFlags(text, i, kinds));
  const [row = {}] = await engine.query(`SELECT ${flags.join(', ')} FROM (SELECT * FROM ${from} LIMIT ${FIRST_ROWS})`);
  return texts.map((_, i) => kinds.filter((kind) => row[`${kind.toLowerCase()}_${i}`] === true));
}

function typeOf(row: Readonly<Record<string, unknown>>, i: number, kinds: readonly TextKind[] = KINDS): LogicalType {
  if (Number(row[`n_${i}`] ?? 0) === 0) return { kind: 'STRING' };
  return { kind: kinds.find((kind) => row[`${kind.toLowerCase()}_${i}`] === true) ?? 'STRING' };
}

function column(name: string, sourceType: string, logical: LogicalType): SourceColumn {
  return { name, sourceType, logical, nullable: true };
}

/** Of fewer values nothing is said. */
const TELLING = 1000;

function distinctOf(row: Readonly<Record<string, unknown>>, i: number): Pick<SourceColumn, 'distinct'> {
  const [values, different] = [Number(row[`n_${i}`] ?? 0), Number(row[`d_${i}`] ?? 0)];
  return values < TELLING ? {} : { distinct: Math.min(1, different / values) };
}

const JSON_TEXTS = ['DATE', 'DATETIME', 'TIMESTAMP'] as const;

/** Lines that are no object are left to the read, which tells them. */
async function objectColumns(engine: Engine, piece: Piece): Promise<Shown> {
  try {
    return await jsonColumns(engine, piece);
  } catch {
    const path = `${piece.slice.path}.good`;
    await goodLines(piece.slice, path);
    const look = await jsonColumns(engine, { ...piece, slice: { ...piece.slice, path } });
    await rm(path, { force: true });
    return look;
  }
}

async function jsonColumns(engine: Engine, { slice }: Piece): Promise<Shown> {
  const keys = (await engine.query(jsonKeys([slice.path]))).map(({ name }) => String(name));
  const from = `read_ndjson_objects(${quoteText(slice.path)}, format = 'newline_delimited', compression = 'uncompressed')`;
  const pointers = keys.map((key) => quoteText(`/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`));
  const texts = pointers.map((at) => `(CASE WHEN json_type(json, ${at}) = 'VARCHAR' THEN json ->> ${at} END)`);
  const left = await kindsLeft(engine, from, texts, JSON_TEXTS);
  const items = pointers.flatMap((pointer, i) => [
    `list(DISTINCT json_type(json, ${pointer})) AS types_${i}`,
    ...typeFlags(texts[i] as string, i, left[i]),
  ]);
  const [row = {}] = await engine.query(`SELECT ${['count(*) AS n', ...items].join(', ')} FROM ${from}`);
  const columns = keys.map((key, i) => {
    const types = new Set(((row[`types_${i}`] ?? []) as readonly unknown[]).map(String));
    types.delete('NULL');
    types.delete('null');
    const sourceType = [...types].sort().join(' or ').toLowerCase() || 'null';
    return { ...column(key, sourceType, jsonType(types, row, i)), ...distinctOf(row, i) };
  });
  return { columns, rows: Number(row.n ?? 0) };
}

const WHOLE = new Set(['BIGINT', 'UBIGINT']);

function jsonType(types: ReadonlySet<string>, row: Readonly<Record<string, unknown>>, i: number): LogicalType {
  const all = [...types];
  if (all.length === 0) return { kind: 'STRING' };
  if (all.every((type) => type === 'VARCHAR')) return typeOf(row, i, JSON_TEXTS);
  if (all.every((type) => type === 'BOOLEAN')) return { kind: 'BOOL' };
  if (all.every((type) => WHOLE.has(type))) return { kind: 'INT64' };
  if (all.every((type) => WHOLE.has(type) || type === 'DOUBLE')) return { kind: 'FLOAT64' };
  return { kind: 'JSON' };
}

async function lookAtParquet(engine: Engine, file: OfferedFile, folder: string, signal: AbortSignal): Promise<Look> {
  return await withFooters([file], folder, signal, async ([path = '']) => {
    const described = await engine.query(`DESCRIBE SELECT * FROM read_parquet(${quoteText(path)})`);
    const [meta] = await engine.query(`SELECT num_rows AS n FROM parquet_file_metadata(${quoteText(path)})`);
    const plain = await engine.query(`SELECT path_in_schema AS name FROM parquet_metadata(${quoteText(path)})
      WHERE type = 'BYTE_ARRAY' GROUP BY name HAVING NOT bool_or(contains(encodings, 'DICTIONARY'))`);
    const unalike = new Set(plain.map(({ name }) => name));
    const columns = described.map(({ column_name: name, column_type }) => ({
      ...column(String(name), String(column_type), parquetType(String(column_type))),
      // Who wrote it looked for values that repeat, and found none.
      ...(unalike.has(name) ? { distinct: 1 } : {}),
    }));
    return { columns, rows: Number(meta?.n ?? 0), bytes: file.bytes };
  });
}

const PARQUET: Readonly<Record<string, LogicalType['kind']>> = {
  BOOLEAN: 'BOOL',
  TINYINT: 'INT64',
  SMALLINT: 'INT64',
  INTEGER: 'INT64',
  BIGINT: 'INT64',
  UTINYINT: 'INT64',
  USMALLINT: 'INT64',
  UINTEGER: 'INT64',
  FLOAT: 'FLOAT64',
  DOUBLE: 'FLOAT64',
  BLOB: 'BYTES',
  DATE: 'DATE',
  TIME: 'TIME',
  TIMESTAMP: 'DATETIME',
  TIMESTAMP_S: 'DATETIME',
  TIMESTAMP_MS: 'DATETIME',
  TIMESTAMP_NS: 'DATETIME',
  'TIMESTAMP WITH TIME ZONE': 'TIMESTAMP',
};

function parquetType(type: string): LogicalType {
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(type);
  if (decimal !== null) return numericType(Number(decimal[1]), Number(decimal[2]));
  if (type === 'UBIGINT') return numericType(20, 0);
  if (/[[(]|^(?:MAP|STRUCT|UNION|JSON|VARIANT)/.test(type)) return { kind: 'JSON' };
  return { kind: PARQUET[type] ?? 'STRING' } as LogicalType;
}
