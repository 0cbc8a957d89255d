/** SQL over the pieces of files: what a stage wants of them, under the names of its vectors. */
import type { OfferedFile } from '../../core/contracts/offer.ts';
import type { ReadColumn } from '../../core/contracts/source.ts';
import { LATE, lateKey } from '../../core/late.ts';
import type { VectorColumn } from '../../core/vectors.ts';
import { quoteName, quoteText } from '../sql.ts';
import { sqlType, vectorLogical } from '../types.ts';
import type { CsvSpec } from './cutter.ts';
import { masked } from './mask.ts';
import type { Piece } from './pieces.ts';

/** What is wanted of every file. */
export interface Wanted {
  readonly columns: readonly ReadColumn[];
  /** One for each column, in their order. */
  readonly vectors: readonly VectorColumn[];
  /** Which other fields are wanted in the column of late fields; `null`: none, and no such column. */
  readonly late: ((name: string) => boolean) | null;
}

/** How a file's own columns are reached. */
export interface Given {
  /** SQL of a table. @param told more options of its reader */
  readonly from: (told: string) => string;
  /** SQL of the value for a vector of this kind; `null` where the file has no such column. */
  readonly value: (source: string, vector: VectorColumn) => string | null;
  /** Names of the file's columns that are not among those wanted. */
  readonly others: readonly string[];
}

/** SQL of the text that all rows of a file have for a column; `undefined` where it is none of those. */
type Constant = (source: string) => string | undefined;

/** The SELECT of the vectors of one piece of a file. */
export function vectorSelect(wanted: Wanted, given: Given, { constants }: Pick<OfferedFile, 'constants'>): string {
  const constant = (source: string) => {
    const text = constants[source];
    return text === undefined ? undefined : quoteText(text);
  };
  return `SELECT ${vectorItems(wanted, given, constant).join(', ')} FROM ${given.from('')}`;
}

/** Name of the column that says which of several files a row is of; it has the path. */
const PATH = '_tributary_path';

/**
 * The same of whole small files that are alike: one statement for all of them.
 *
 * @param given of all of them
 * @param places of the files among others; each row has that of its own, under the name `place`
 */
export function alikeSelect(
  wanted: Wanted,
  given: Given,
  pieces: readonly Pick<Piece, 'file' | 'slice'>[],
  place: string,
  places: readonly number[],
): string {
  const sources = Object.keys(pieces[0]?.file.constants ?? {});
  const names = ['_tributary_file_path', place, ...sources.map((_, i) => `_tributary_constant_${i}`)];
  const files = pieces.map(({ file, slice }, i) => {
    const texts = [slice.path, ...sources.map((source) => file.constants[source] ?? '')].map(quoteText);
    return `(${texts.toSpliced(1, 0, `${places[i]}`).join(', ')})`;
  });
  const constant = (source: string) => {
    const at = sources.indexOf(source);
    return at < 0 ? undefined : `_tributary_constant_${at}`;
  };
  const items = [place, ...vectorItems(wanted, given, constant)];
  const table = `(VALUES ${files.join(', ')}) AS _tributary_files(${names.join(', ')})`;
  return `SELECT ${items.join(', ')} FROM ${given.from(TOLD)} JOIN ${table} ON ${PATH} = _tributary_file_path`;
}

function vectorItems(wanted: Wanted, given: Given, constant: Constant): string[] {
  const items = wanted.columns.map((column, i) => {
    const vector = wanted.vectors[i] as VectorColumn;
    const text = constant(column.source);
    const value = text === undefined ? given.value(column.source, vector) : cast(text, vector);
    const found = value ?? `NULL::${kindOf(vector)}`;
    return `${column.mask === undefined ? found : masked(found, column.mask)} AS ${quoteName(vector.name)}`;
  });
  if (wanted.late !== null) items.push(`${lateObject(given, given.others.filter(wanted.late))} AS ${LATE}`);
  return items;
}

/** The list of files that a reader of DuckDB takes. */
export function pathList(paths: readonly string[]): string {
  return `[${paths.map(quoteText).join(', ')}]`;
}

/** Of a reader: each row says of which file it is. */
const TOLD = `, filename = '${PATH}'`;

function lateObject({ value }: Given, names: readonly string[]): string {
  if (names.length === 0) return 'NULL::JSON';
  const fields = names.map((name) => ({ key: lateKey(name), sql: value(name, { name, kind: 'json' }) ?? 'NULL' }));
  const none = fields.map(({ sql }) => `${sql} IS NULL`).join(' AND ');
  return `CASE WHEN NOT (${none}) THEN to_json(struct_pack(${fields.map(({ key, sql }) => `${quoteName(key)} := ${sql}`).join(', ')})) END`;
}

/** The type that DuckDB has for a vector. */
export function kindOf(vector: VectorColumn): string {
  if (vector.kind === 'decimal') return `DECIMAL(${vector.precision ?? 38},${vector.scale ?? 9})`;
  return sqlType(vectorLogical(vector));
}

function cast(value: string, vector: VectorColumn): string {
  return vector.kind === 'json' ? `to_json(${value})` : `${value}::${kindOf(vector)}`;
}

/** The longest row that the quick way takes; a piece with a longer one is read again as one buffer. */
const QUICK_LINE = 4 << 20;

/** Delimited text without its header, of one piece or of several with equal headers; all values are texts. */
export function csvGiven(pieces: readonly Piece[], csv: CsvSpec, more = ''): Given {
  const header = pieces[0]?.header ?? null;
  const bytes = Math.max(...pieces.map(({ slice }) => slice.bytes));
  const list = pathList(pieces.map(({ slice }) => slice.path));
  if (header === null) throw new TypeError('delimited text without its first record');
  const { names, lineEnd } = header;
  const { delimiter, quote, escape: escaping = quote, nullText } = csv;
  const columns = names.map((_, i) => `'c${i}': 'VARCHAR'`).join(', ');
  const line = more === '' ? Math.min(bytes + 1, QUICK_LINE) : bytes + 1;
  const options = [
    `auto_detect = false, header = false, delim = ${quoteText(delimiter)}, quote = ${quoteText(quote)}`,
    `escape = ${quoteText(escaping)}, nullstr = ${quoteText(nullText)}, allow_quoted_nulls = false`,
    `new_line = '${lineEnd === '\n' ? '\\n' : '\\r\\n'}'`,
    `max_line_size = ${line}, buffer_size = ${line + Math.min(line, QUICK_LINE)}, columns = {${columns}}`,
  ];
  const places = new Map(names.map((name, i) => [name, `c${i}`]));
  return {
    from: (told) => `read_csv(${list}, ${options.join(', ')}${more}${told})`,
    value: (source, vector) => {
      const place = places.get(source);
      if (place === undefined) return null;
      return vector.kind === 'json' ? `to_json(${place})` : place;
    },
    others: names,
  };
}

const NESTED = /[[({]|^(?:MAP|STRUCT|UNION|VARIANT|JSON)/;

/** Whole Parquet files, with the types that their columns have. */
export function parquetGiven(paths: readonly string[], types: ReadonlyMap<string, string>): Given {
  return {
    from: (told) => `read_parquet(${pathList(paths)}${told})`,
    value: (source, vector) => {
      const type = types.get(source);
      if (type === undefined) return null;
      const name = quoteName(source);
      if (vector.kind === 'json') return `to_json(${name})`;
      if (vector.kind === 'text' && NESTED.test(type) && !type.startsWith('DECIMAL'))
        return `to_json(${name})::VARCHAR`;
      return `CAST(${name} AS ${kindOf(vector)})`;
    },
    others: [...types.keys()],
  };
}
