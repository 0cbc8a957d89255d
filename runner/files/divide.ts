/** Objects dealt out to splits: each split has about as much to do as another. Pure. */
import type { FilesSpec } from '../../tenants/schema/index.ts';
import type { StoredObject } from '../core/contracts/object-store.ts';
import type { Split } from '../core/contracts/splits.ts';
import { compressionOf } from './select.ts';
import type { FilesSnapshotOptions } from './snapshot.ts';

/** What a split reads: names behind the prefix, and what fixes what each of them holds. */
export interface FilesTask {
  readonly objects: readonly (readonly [name: string, version: string, bytes: number, modifiedAt: string])[];
}

export type Dealing = Pick<FilesSnapshotOptions, 'objects' | 'spec' | 'rowsPerByte' | 'splitBytes'>;

/** What an object takes beside its bytes, as bytes: a request, and its answer's way. */
const OBJECT_BYTES = 32 << 10;
/** Bytes of text for a compressed one. */
const RATIO = 4;

/**
 * The largest first, each to who has least; an object stays whole, as a quoted line break of CSV is found only from its
 * beginning on.
 *
 * @param most splits at most
 */
export function dealObjects({ objects, spec, rowsPerByte, splitBytes }: Dealing, most: number): readonly Split[] {
  const weighed = objects.map((object, place) => {
    const ratio = compressionOf(object.name, spec) === 'none' ? 1 : RATIO;
    return { object, place, weight: object.bytes * ratio + OBJECT_BYTES };
  });
  const all = weighed.reduce((sum, { weight }) => sum + weight, 0);
  const count = Math.max(1, Math.min(most, objects.length, Math.ceil(all / splitBytes)));
  const hands = Array.from({ length: count }, () => ({ weight: 0, taken: [] as typeof weighed }));
  for (const one of weighed.toSorted((a, b) => b.weight - a.weight || a.place - b.place)) {
    const least = hands[0];
    if (least === undefined) break;
    least.taken.push(one);
    least.weight += one.weight;
    sink(hands);
  }
  return hands.map(({ taken }, i) => {
    const own = taken.sort((a, b) => a.place - b.place).map(({ object }) => object);
    const bytes = own.reduce((sum, object) => sum + object.bytes, 0);
    const task: FilesTask = {
      objects: own.map(({ name, version, bytes, modifiedAt }) => [
        name.slice(spec.prefix.length),
        version,
        bytes,
        modifiedAt,
      ]),
    };
    const rows = rowsPerByte === 0 && bytes > 0 ? null : Math.round(bytes * rowsPerByte);
    return { id: String(i).padStart(5, '0'), task, rows };
  });
}

/** Brings the first, which has grown, to its place in a heap. */
function sink(heap: { weight: number }[]): void {
  for (let at = 0; ; ) {
    const left = 2 * at + 1;
    const right = left + 1;
    const weight = (i: number) => heap[i]?.weight ?? Number.POSITIVE_INFINITY;
    const lighter = weight(right) < weight(left) ? right : left;
    const [own, other] = [heap[at], heap[lighter]];
    if (own === undefined || other === undefined || own.weight <= other.weight) return;
    heap[at] = other;
    heap[lighter] = own;
    at = lighter;
  }
}

/** The objects of a task as another process has it again; `null` where it is none. */
export function objectsOf(given: unknown, { prefix }: Pick<FilesSpec, 'prefix'>): readonly StoredObject[] | null {
  const { objects } = (given ?? {}) as { objects?: unknown };
  if (!Array.isArray(objects)) return null;
  const found = objects.map((one: unknown) => {
    if (!Array.isArray(one)) return null;
    const [name, version, bytes, modifiedAt] = one as unknown[];
    if (typeof name !== 'string' || typeof version !== 'string' || typeof modifiedAt !== 'string') return null;
    return Number.isSafeInteger(bytes) ? { name: prefix + name, version, bytes: bytes as number, modifiedAt } : null;
  });
  return found.every((one) => one !== null) ? found : null;
}
