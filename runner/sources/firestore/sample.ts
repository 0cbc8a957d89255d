/** A few documents as texts. */
import type { ObjectRef, ReadColumn } from '../../core/contracts/source.ts';
import type { FirestoreClient } from './client.ts';
import { masked } from './masks.ts';
import { fieldOf, ID } from './names.ts';
import { documentsQuery } from './queries.ts';
import { JsonWriter, plainText } from './texts.ts';
import { type DocumentPlace, eachField, findDocument, Wire } from './wire.ts';

export async function sampleDocuments(
  client: FirestoreClient,
  object: ObjectRef,
  columns: readonly ReadColumn[],
  limit: number,
  signal: AbortSignal,
): Promise<readonly (readonly (string | null)[])[]> {
  const wire = new Wire();
  const writer = new JsonWriter(`${client.root}/`);
  const place: DocumentPlace = { nameStart: 0, nameEnd: 0, start: 0, end: 0 };
  const rows: (string | null)[][] = [];
  const take = (message: Buffer) => {
    wire.read(message);
    if (!findDocument(wire, place)) return;
    const path = message.toString('utf8', place.nameStart + client.root.length + 1, place.nameEnd);
    const values = new Map<string, string | null>();
    eachField(wire, place.start, place.end, 2, (start, end) => {
      const name = message.toString('utf8', start, end);
      values.set(name, plainText(wire, writer));
    });
    rows.push(
      columns.map(({ source, mask }) => {
        const field = fieldOf(source);
        const name = source === ID ? (path.split('/').at(-1) ?? '') : path;
        const text = field === null ? name : (values.get(field) ?? null);
        // A look needs no key: what would be hashed with it is hidden.
        return text === null || mask === undefined ? text : masked(text, mask === 'hmac-sha256' ? 'redact' : mask);
      }),
    );
  };
  await client.run(documentsQuery(client.root, { object, fields: null, window: null, limit }), take, signal);
  return rows;
}
