/** One object over several connections at once. */
import type { ByteRange, StoredObject } from '../contracts/object-store.ts';

export interface Ahead {
  /** Ranges that are asked for at once; default 4. */
  readonly connections?: number;
  /** Of a range; default 8 MB. At most `connections` × this is held. */
  readonly chunkBytes?: number;
}

const CONNECTIONS = 4;
const CHUNK_BYTES = 8 << 20;

/**
 * The bytes of a version in their order, read over several connections: a single one seldom fills the line. A consumer
 * that is slow holds it back; a small object takes one connection.
 *
 * @example for await (const bytes of readAhead(store.open, object, { from: 0 }, signal)) …
 * @throws what `open` throws
 */
export async function* readAhead(
  open: (range: Required<ByteRange>, signal: AbortSignal) => AsyncIterable<Uint8Array>,
  { bytes }: Pick<StoredObject, 'bytes'>,
  range: ByteRange,
  signal: AbortSignal,
  { connections = CONNECTIONS, chunkBytes = CHUNK_BYTES }: Ahead = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = Math.min(range.to ?? bytes, bytes);
  if (end - range.from <= chunkBytes || connections === 1) {
    if (range.from < end) yield* open({ from: range.from, to: end }, signal);
    return;
  }
  const ending = new AbortController();
  const within = AbortSignal.any([signal, ending.signal]);
  const window: Promise<readonly Uint8Array[]>[] = [];
  let asked = range.from;
  const ask = () => {
    const to = Math.min(asked + chunkBytes, end);
    const chunk = collect(open({ from: asked, to }, within));
    // Whoever takes it later learns of its failure; until then nobody does.
    chunk.catch(() => undefined);
    window.push(chunk);
    asked = to;
  };
  try {
    while (asked < end && window.length < connections) ask();
    for (let next = window.shift(); next !== undefined; next = window.shift()) {
      const chunk = await next;
      yield* chunk;
      if (asked < end) ask();
    }
  } finally {
    ending.abort();
    await Promise.allSettled(window);
  }
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return chunks;
}
