/** A collection as a table: the union of the fields of its first documents. */
import type { CursorCandidate, ObjectRef, ObjectShape, SourceColumn } from '../../core/contracts/source.ts';
import type { FirestoreClient } from './client.ts';
import { inferColumn, nothingSeen, type Seen, see } from './infer.ts';
import { columnOf, NAME_COLUMNS, objectName, PATH } from './names.ts';
import { countQuery, documentsQuery } from './queries.ts';
import { type DocumentPlace, eachField, findDocument, safeInteger, VALUE, Wire } from './wire.ts';

/** Documents that say what the columns are. */
export const SAMPLE_DOCUMENTS = 100;

export interface Described {
  readonly shape: ObjectShape;
  /** Bytes of a document on the wire, on average; 0 where there is none. */
  readonly documentBytes: number;
}

export async function describe(client: FirestoreClient, object: ObjectRef, signal: AbortSignal): Promise<Described> {
  const fields = new Map<string, Seen>();
  const wire = new Wire();
  const place: DocumentPlace = { nameStart: 0, nameEnd: 0, start: 0, end: 0 };
  let documents = 0;
  let bytes = 0;
  const query = documentsQuery(client.root, { object, fields: null, window: null, limit: SAMPLE_DOCUMENTS });
  const take = (message: Buffer) => {
    wire.read(message);
    if (!findDocument(wire, place)) return;
    documents += 1;
    bytes += message.length;
    eachField(wire, place.start, place.end, 2, (start, end) => {
      const name = message.toString('utf8', start, end);
      const seen = fields.get(name) ?? nothingSeen();
      fields.set(name, seen);
      see(seen, wire.kind, wire.kind === VALUE.integer && Number.isNaN(safeInteger(wire)));
    });
  };
  await client.run(query, take, signal);
  // A document comes with its fields in no order that means something.
  const names = [...fields.keys()].sort((a, b) => (a < b ? -1 : 1));
  const columns = names.map((name) => inferColumn(columnOf(name), fields.get(name) ?? nothingSeen()));
  const documentBytes = documents === 0 ? 0 : Math.ceil(bytes / documents);
  const rows = documents < SAMPLE_DOCUMENTS ? documents : await client.count(countQuery(client.root, object, null));
  return {
    documentBytes,
    shape: {
      name: objectName(object),
      kind: object.collectionGroup === undefined ? 'collection' : 'collection group',
      rows,
      bytes: rows * documentBytes,
      columns: [...NAME_COLUMNS, ...columns],
      key: [PATH],
      cursorCandidates: cursorCandidates(columns, fields, documents),
    },
  };
}

const TELLING = /updat|modif|chang|_at$|At$/i;

/** The API filters by no time of its own: only a field can be a cursor, and only documents that have it are found by it. */
function cursorCandidates(
  columns: readonly SourceColumn[],
  fields: ReadonlyMap<string, Seen>,
  documents: number,
): CursorCandidate[] {
  const found = columns
    .filter(({ logical }) => logical.kind === 'TIMESTAMP')
    .map(({ name }): CursorCandidate => {
      const share = (fields.get(name)?.values ?? 0) / Math.max(1, documents);
      const everywhere = share === 1 ? 'in every sampled document' : `in ${Math.round(share * 100)} % of the sample`;
      const telling = TELLING.test(name);
      const why = telling ? ', named like a time of change' : '';
      const caution = '; the time of a write itself (updateTime) is no field and cannot be asked for';
      return { column: name, reason: `timestamp, ${everywhere}${why}${caution}`, score: share * (telling ? 1 : 0.6) };
    });
  return found.sort((a, b) => b.score - a.score);
}
