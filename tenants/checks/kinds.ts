/** Keys that mean nothing, or not what they seem to, for the kind of a source. */
import { type Finding, keyFinding, type Path, valueFinding } from '../issues.ts';
import type { ConnectionKind, ConnectionSpec } from '../schema/connection.ts';
import type { SourceSpec } from '../schema/source.ts';
import type { Draft } from './draft.ts';

/** Kinds that have no readers to share a snapshot, with the reason. */
export const ONE_READER: Partial<Record<ConnectionKind, string>> = {
  mysql: 'a snapshot of MySQL belongs to one connection',
  gcs: 'the warehouse reads files itself',
  s3: 'the warehouse reads files itself',
  'azure-blob': 'the warehouse reads files itself',
};

/** What belongs to a cursor, which files have none of. */
const OF_CURSORS = ['cursorNulls', 'lookback', 'lag'] as const;

const FILE_KINDS: readonly ConnectionKind[] = ['gcs', 's3', 'azure-blob'];

interface Looked {
  readonly source: Partial<SourceSpec>;
  readonly connection: ConnectionSpec;
  /** The source as it is written. */
  readonly raw: Readonly<Record<string, unknown>>;
  readonly path: Path;
}

export function* checkKinds(draft: Draft): Iterable<Finding> {
  for (const [name, source] of draft.sources) {
    const connection = source.connection === undefined ? undefined : draft.connections.get(source.connection);
    if (connection === undefined) continue;
    const raw = (draft.data.sources as Record<string, Record<string, unknown>>)[name] ?? {};
    const looked = { source, connection, raw, path: ['sources', name] };
    yield* tableName(looked);
    yield* readers(looked);
    yield* deletes(looked);
    yield* exportOf(looked);
    if (FILE_KINDS.includes(connection.kind)) yield* files(looked);
    if (connection.kind === 'firestore') yield* collection(looked);
  }
}

/** Parts of a quoted name: `schema."a.b"` has two. */
function parts(name: string, quote: '"' | '`'): number {
  const hidden = quote === '"' ? /"(?:[^"]|"")*"/g : /`(?:[^`]|``)*`/g;
  return name.replace(hidden, 'x').split('.').length;
}

function* tableName({ source: { table }, connection: { kind }, path }: Looked): Iterable<Finding> {
  if (table === undefined) return;
  const place = [...path, 'table'];
  if (kind === 'postgres' && parts(table, '"') > 2)
    yield valueFinding(
      place,
      `${table} is not schema.table`,
      'write <schema>.<table>; the database stands in the connection',
    );
  if (kind === 'mysql' && parts(table, '`') > 2)
    yield valueFinding(place, `${table} is not table or database.table`, 'write <table>, or <database>.<table>');
}

function* readers({ source: { execution, query }, connection: { kind }, path }: Looked): Iterable<Finding> {
  if (execution === undefined || execution.readers === 1) return;
  const why = ONE_READER[kind] ?? (query === undefined ? undefined : 'a query is read over one connection');
  if (why !== undefined)
    yield valueFinding(
      [...path, 'execution', 'readers'],
      `${execution.readers} readers cannot share the work: ${why}`,
      'write readers: 1, or remove it',
    );
}

function* deletes({ source: { load }, raw, path }: Looked): Iterable<Finding> {
  if (load?.strategy === 'transactional' && load.deletes === 'ignore' && isWritten(raw.load, 'maxDeleteRatio'))
    yield keyFinding(
      [...path, 'load', 'maxDeleteRatio'],
      'nothing is deleted with deletes: ignore',
      'remove it, or write deletes: soft or deletes: hard',
    );
}

function* files({ source: { files: spec, load }, connection, raw, path }: Looked): Iterable<Finding> {
  if (load?.strategy === 'transactional') {
    for (const key of OF_CURSORS)
      if (isWritten(raw.load, key))
        yield keyFinding(
          [...path, 'load', key],
          `${key} is about a cursor, and files have none: each version of a file is loaded once`,
          `remove ${key}`,
        );
  }
  if (spec === undefined) return;
  if (load?.strategy === 'catalog' && isWritten(raw.files, 'overlap'))
    yield keyFinding(
      [...path, 'files', 'overlap'],
      'overlap is about what was loaded before, and a catalog reads every file each time',
      'remove overlap',
    );
  const place = [...path, 'files', 'prefix'];
  const scheme = /^(?:[a-z][a-z0-9+.-]*:)?\/\/?/i.exec(spec.prefix)?.[0];
  if (scheme !== undefined) {
    const holder = 'container' in connection ? connection.container : 'bucket' in connection ? connection.bucket : '';
    yield valueFinding(
      place,
      `${spec.prefix} begins with ${scheme}, which names of objects do not`,
      `write what follows ${holder} only, for example prefix: daily/`,
    );
  } else if (spec.prefix.includes('*'))
    yield valueFinding(
      place,
      `a prefix is taken as it is, and ${spec.prefix} holds *`,
      'write the part from its first * on as match',
    );
  if (spec.match.startsWith('/'))
    yield valueFinding(
      [...path, 'files', 'match'],
      `${spec.match} begins with /, and the rest of a name does not`,
      `write match: "${spec.match.replace(/^\/+/, '')}"`,
    );
}

/** Ids are unique within their collection, and a group is many collections. */
function* collection({ source: { collectionGroup, load }, path }: Looked): Iterable<Finding> {
  if (collectionGroup === undefined || load?.strategy !== 'transactional') return;
  if (load.key?.length === 1 && load.key[0] === 'document_id')
    yield valueFinding(
      [...path, 'load', 'key', 0],
      'documents of different parents in a group may have the same id',
      'write key: [_document_path]',
    );
}

/** A managed export holds whole collections, with all that is in them. */
function* exportOf({ source, connection: { kind }, raw, path }: Looked): Iterable<Finding> {
  const { execution, load, columns, collection: read } = source;
  if (execution?.firestoreExport !== true) return;
  const withheld = columns !== undefined && (columns.include ?? [...columns.exclude, ...Object.keys(columns.mask)]);
  const why =
    kind !== 'firestore'
      ? `${kind} has no managed export`
      : load?.strategy === 'transactional'
        ? 'a managed export holds all documents, and a window is some of them'
        : read?.includes('/')
          ? 'a managed export is of all collections of an id, wherever they lie'
          : withheld && withheld.length > 0
            ? 'a managed export holds every field, those with it that columns withholds'
            : undefined;
  if (why !== undefined && isWritten(raw.execution, 'firestoreExport'))
    yield valueFinding([...path, 'execution', 'firestoreExport'], why, 'remove firestoreExport');
}

function isWritten(part: unknown, key: string): boolean {
  return typeof part === 'object' && part !== null && Object.hasOwn(part, key);
}
