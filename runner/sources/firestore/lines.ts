/** What a read can be parted along: the ids of one collection, or the values of a window. */
import type { ObjectRef, Window } from '../../core/contracts/source.ts';
import { budgetOf, repeatedly, startRetry } from '../../core/retry.ts';
import type { FirestoreClient } from './client.ts';
import { type CursorValue, parseCursor } from './cursor.ts';
import { isTransient } from './errors.ts';
import { idBetween, numberBetween } from './midway.ts';
import { scopeOf } from './names.ts';
import { lastPosition } from './position.ts';
import {
  type Asked,
  countQuery,
  documentsQuery,
  type NameRange,
  neededFields,
  type ReadTime,
  type Wanted,
} from './queries.ts';
import type { Line } from './stretches.ts';
import { findDocument, momentText, Wire } from './wire.ts';

/** Questions about one object at one read time, each asked again while it fails for a moment. */
export interface Questions {
  count(window: Window | null, range?: NameRange): Promise<number>;
  /** The first document of the query, as it lies on the wire; `null`: none. */
  first(wanted: Omit<Wanted, 'object' | 'limit'>): Promise<Buffer | null>;
}

export function questionsAt(
  client: FirestoreClient,
  object: ObjectRef,
  readTime: ReadTime,
  signal: AbortSignal,
): Questions {
  const patiently = <T>(work: () => Promise<T>) =>
    repeatedly(work, startRetry({ budget: budgetOf(), isTransient, givenUp: (error) => error }), signal);
  const firstOf = async (query: Asked) => {
    let found: Buffer | null = null;
    const take = (message: Buffer) => {
      if (holdsDocument(message)) found = message;
    };
    await client.run({ ...query, readTime }, take, signal);
    return found;
  };
  return {
    count: (window, range) =>
      patiently(() => client.count({ ...countQuery(client.root, object, window, range), readTime })),
    first: (wanted) => patiently(() => firstOf(documentsQuery(client.root, { ...wanted, object, limit: 1 }))),
  };
}

function holdsDocument(message: Buffer): boolean {
  const wire = new Wire();
  wire.read(message);
  return findDocument(wire, { nameStart: 0, nameEnd: 0, start: 0, end: 0 });
}

/** Ids of one collection. */
export function idsOf(questions: Questions, folder: string): Line<string> {
  const range = (from: string | null, to: string | null) => rangeOfIds(folder, { from, to });
  return {
    between: idBetween,
    count: (from, to) => questions.count(null, range(from, to)),
    async first(from, to) {
      const found = await questions.first({ fields: [], window: null, range: range(from, to) });
      return found === null ? null : (lastPosition(found, null).name.split('/').at(-1) ?? null);
    },
  };
}

/** `projects/…/documents/items/`: what the names of a collection's documents begin with. */
export function folderOf(object: ObjectRef, root: string): string {
  const { parent, collectionId } = scopeOf(object, root);
  return `${parent}/${collectionId}/`;
}

export function rangeOfIds(folder: string, { from, to }: NameRange): NameRange {
  const name = (id: string | null) => (id === null ? null : `${folder}${id}`);
  return { from: name(from), to: name(to) };
}

/** Values of a window's cursor, as whole numbers: microseconds, where it is a time. */
export function valuesOf(questions: Questions, window: Window): Line<bigint> {
  return {
    between: (from, to) => (to === null ? null : numberBetween(from, to)),
    count: (from, to) => questions.count(windowOf(window, from, to)),
    async first(from, to) {
      const within = windowOf(window, from, to);
      const found = await questions.first({ fields: neededFields([], within, undefined), window: within });
      const cursor = found === null ? null : lastPosition(found, within).cursor;
      return cursor === null ? null : numberOf(cursor);
    },
  };
}

const SECOND = 1_000_000n;

export function numberOf(cursor: CursorValue): bigint {
  return typeof cursor === 'bigint' ? cursor : BigInt(cursor.seconds) * SECOND + BigInt(cursor.micros);
}

/** The part of the window between these numbers. */
export function windowOf({ column, to: end }: Window, from: bigint | null, to: bigint | null): Window {
  const whole = typeof parseCursor(end) === 'bigint';
  const text = (value: bigint) => {
    if (whole) return value.toString();
    const micros = ((value % SECOND) + SECOND) % SECOND;
    return momentText({ seconds: Number((value - micros) / SECOND), micros: Number(micros) });
  };
  return { column, from: from === null ? null : text(from), to: to === null ? end : text(to) };
}
