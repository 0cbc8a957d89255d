/** How a person names an object of a connection on the command line. Pure. */
import { type ConnectionKind, READS, readsOfKind } from '../../tenants/schema/connection.ts';
import { type FilesSpec, filesSchema } from '../../tenants/schema/files.ts';
import type { TenantSpec } from '../../tenants/schema/index.ts';
import type { ObjectRef } from '../core/contracts/source.ts';
import { TributaryError } from '../core/errors.ts';
import { objectOf } from '../pipeline/plan.ts';

/** Before the id of a collection group, which a collection may have too. */
const GROUP = 'group:';

const COMPRESSED = /\.(?:gz|gzip|zst|zip)$/i;

const FORMATS: readonly (readonly [ending: RegExp, Record<string, unknown>])[] = [
  [/\.csv$/i, { format: 'csv' }],
  [/\.(?:tsv|tab)$/i, { format: 'csv', csv: { delimiter: '\t' } }],
  [/\.(?:parquet|pq)$/i, { format: 'parquet' }],
  [/\.(?:json|ndjson|jsonl)$/i, { format: 'json' }],
];

/** What the words mean where they are wrong. */
const SPELLING = {
  table: 'a table: <schema>.<table>',
  query: '',
  collection: 'the path of a collection: products, or shops/berlin/orders',
  collectionGroup: `a collection group: ${GROUP}reviews`,
  files: "objects: 'daily/*.csv.gz' (its ending says the format), or the name of a source of files",
} as const;

/**
 * The object that a text names.
 *
 * @example objectNamed('firestore', 'group:reviews', tenant, 'app') // { collectionGroup: 'reviews' }
 * @throws USAGE
 */
export function objectNamed(kind: ConnectionKind, text: string, tenant: TenantSpec, connection: string): ObjectRef {
  const reads: readonly string[] = readsOfKind[kind];
  if (reads.includes('files'))
    return { files: sourceOf(text, tenant, connection) ?? filesNamed(text) ?? fail(kind, text) };
  if (!reads.includes('collection')) return text.trim() === '' ? fail(kind, text) : { table: text };
  if (text.startsWith(GROUP)) {
    const id = text.slice(GROUP.length);
    return id === '' || id.includes('/') ? fail(kind, text) : { collectionGroup: id };
  }
  const parts = text.split('/');
  return parts.includes('') || parts.length % 2 === 0 ? fail(kind, text) : { collection: text };
}

/** The text that names an object; `null` for a query. */
export function nameOf({ table, collection, collectionGroup, files }: ObjectRef): string | null {
  if (files !== undefined) return `${files.prefix}${files.match}`;
  return table ?? collection ?? (collectionGroup === undefined ? null : `${GROUP}${collectionGroup}`);
}

/** Objects that the tenant file reads through a connection, as they would be typed. */
export function namesInUse(tenant: TenantSpec, connection: string): readonly string[] {
  const names = Object.values(tenant.sources)
    .filter((spec) => spec.connection === connection)
    .map((spec) => nameOf(objectOf(spec)));
  return [...new Set(names.filter((name) => name !== null))];
}

function sourceOf(text: string, tenant: TenantSpec, connection: string): FilesSpec | undefined {
  const spec = Object.hasOwn(tenant.sources, text) ? tenant.sources[text] : undefined;
  return spec?.connection === connection ? spec.files : undefined;
}

/** A name with or without a pattern in it: what is before the pattern, up to its last slash, is the prefix. */
function filesNamed(text: string): FilesSpec | null {
  const bare = text.replace(COMPRESSED, '');
  const format = FORMATS.find(([ending]) => ending.test(bare))?.[1];
  if (format === undefined) return null;
  const pattern = text.search(/[*?{[]/);
  const slash = text.lastIndexOf('/', pattern === -1 ? text.length : pattern);
  return filesSchema.parse({ prefix: text.slice(0, slash + 1), match: text.slice(slash + 1), ...format });
}

function fail(kind: ConnectionKind, text: string): never {
  const ways = READS.filter((way) => (readsOfKind[kind] as readonly string[]).includes(way) && SPELLING[way] !== '');
  throw new TributaryError('USAGE', {
    reason: `"${text}" names nothing that a ${kind} connection can read.`,
    advice: `Write ${ways.map((way) => SPELLING[way]).join('; or ')}.`,
  });
}
