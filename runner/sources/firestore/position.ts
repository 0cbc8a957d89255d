/** Single values of a document, without the rest: where to go on, and whether it is in a window. */
import type { Window } from '../../core/contracts/source.ts';
import { type CursorValue, isBefore, parseCursor } from './cursor.ts';
import { fieldOf } from './names.ts';
import type { Position } from './queries.ts';
import { type DocumentPlace, eachField, findDocument, integerOf, momentOf, VALUE, Wire } from './wire.ts';

/** Where a document lies in the order of its query. */
export function lastPosition(message: Buffer, window: Window | null): Position {
  const wire = new Wire();
  const place: DocumentPlace = { nameStart: 0, nameEnd: 0, start: 0, end: 0 };
  wire.read(message);
  findDocument(wire, place);
  const name = message.toString('utf8', place.nameStart, place.nameEnd);
  const cursor = window === null ? null : fieldCursor(wire, place, Buffer.from(fieldOf(window.column) ?? ''));
  return { name, cursor };
}

/** The field as a cursor; `null` where it can be none. */
function fieldCursor(wire: Wire, { start, end }: DocumentPlace, key: Buffer): CursorValue | null {
  let found: CursorValue | null = null;
  eachField(wire, start, end, 2, (keyStart, keyEnd) => {
    if (wire.bytes.compare(key, 0, key.length, keyStart, keyEnd) !== 0) return;
    if (wire.kind === VALUE.timestamp) found = momentOf(wire, wire.start, wire.end);
    else if (wire.kind === VALUE.integer) found = integerOf(wire);
  });
  return found;
}

/** Keeps the documents of a window and those that have no value in its column. */
export class Sieve {
  readonly #wire = new Wire();
  readonly #place: DocumentPlace = { nameStart: 0, nameEnd: 0, start: 0, end: 0 };
  readonly #key: Buffer;
  readonly #from: CursorValue | null;
  readonly #to: CursorValue;

  constructor({ column, from, to }: Window) {
    this.#key = Buffer.from(fieldOf(column) ?? '');
    this.#from = from === null ? null : parseCursor(from);
    this.#to = parseCursor(to);
  }

  /** Whether the document of this answer lies outside. */
  drops(message: Buffer): boolean {
    this.#wire.read(message);
    if (!findDocument(this.#wire, this.#place)) return false;
    const at = fieldCursor(this.#wire, this.#place, this.#key);
    if (at === null || typeof at !== typeof this.#to) return false;
    return !isBefore(at, this.#to) || (this.#from !== null && isBefore(at, this.#from));
  }
}
