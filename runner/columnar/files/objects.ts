/** SQL over objects in lines: a value is its text, or its JSON. */
import { quoteName, quoteText } from '../sql.ts';
import { type Given, pathList } from './relation.ts';

/** A field that is wanted by its name. */
export interface Field {
  readonly source: string;
  /** As JSON, not as text. */
  readonly json: boolean;
}

const LINES = `format = 'newline_delimited', compression = 'uncompressed', maximum_object_size = ${16 << 20}`;
/** Field of the first line of a piece, where that is {@link headLine}. */
const HEAD = '_tributary_head';
const ROWS = `WHERE ${HEAD} IS NULL`;

/**
 * A line that goes before those of a piece: it has all known names, and by it alone DuckDB finds the types. What has
 * another name is then refused, so one pass reads a piece without such names and tells that there are none.
 *
 * @returns `null` where names differ in case only: DuckDB takes them for one
 */
export function headLine(fields: readonly Field[]): Buffer | null {
  if (fields.length === 0 || !areDistinct(fields)) return null;
  const values = fields.map(({ source, json }) => [source, json ? null : 'text']);
  return Buffer.from(`${JSON.stringify(Object.fromEntries([...values, [HEAD, 'text']]))}\n`);
}

/** A piece that begins with {@link headLine}, where nothing else is in its objects. */
export function knownGiven(path: string): Given {
  const found = 'records = true, sample_size = 1, map_inference_threshold = -1, field_appearance_threshold = 0';
  return {
    from: (told) => rowsOf(`read_json(${quoteText(path)}, ${LINES}, ${found}${told})`),
    value: (source) => quoteName(source),
    others: [],
  };
}

/** @param headed the first line is {@link headLine} */
export function jsonGiven(
  paths: readonly string[],
  wanted: readonly Field[],
  others: readonly string[],
  headed: boolean,
): Given {
  const fields = [...wanted, ...others.map((source) => ({ source, json: true }))];
  const lines = `${pathList(paths)}, ${LINES}`;
  if (!areDistinct(fields) || fields.length === 0) {
    const all = (told: string) => `read_ndjson_objects(${lines}${told})`;
    return {
      from: (told) => (headed ? `(SELECT * FROM ${all(told)} WHERE json ->> '/${HEAD}' IS NULL)` : all(told)),
      value: (source, { kind }) => {
        const pointer = quoteText(`/${source.replaceAll('~', '~0').replaceAll('/', '~1')}`);
        return kind === 'json' ? `nullif(json -> ${pointer}, 'null'::JSON)` : `json ->> ${pointer}`;
      },
      others,
    };
  }
  const typed = headed ? [...fields, { source: HEAD, json: false }] : fields;
  const columns = typed.map(({ source, json }) => `${quoteText(source)}: '${json ? 'JSON' : 'VARCHAR'}'`).join(', ');
  const all = (told: string) => `read_json(${lines}, auto_detect = false, columns = {${columns}}${told})`;
  return {
    from: (told) => (headed ? rowsOf(all(told)) : all(told)),
    value: (source) => quoteName(source),
    others,
  };
}

/** The query of all names that objects in these lines have. */
export function jsonKeys(paths: readonly string[]): string {
  const names = `SELECT DISTINCT unnest(json_keys(json)) AS name FROM read_ndjson_objects(${pathList(paths)}, ${LINES})`;
  return `SELECT name FROM (${names}) WHERE name <> '${HEAD}'`;
}

const rowsOf = (all: string) => `(SELECT * EXCLUDE (${HEAD}) FROM ${all} ${ROWS})`;

function areDistinct(fields: readonly Field[]): boolean {
  return new Set(fields.map(({ source }) => source.toLowerCase())).size === fields.length;
}
