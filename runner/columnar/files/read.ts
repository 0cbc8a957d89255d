/** Objects into rows: cut into pieces, read by DuckDB's own readers piece by piece, malformed rows told apart. */
import type { ChannelProgress } from '../../core/channel.ts';
import type { ReadSummary } from '../../core/contracts/source.ts';
import type { RejectedRow } from '../../core/vectors.ts';
import type { Engine } from '../engine.ts';
import { setMaskKey } from './mask.ts';
import { piecesOf } from './pieces.ts';
import { type FilesReading, Reader } from './reader.ts';

export interface FilesWatch {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ChannelProgress) => void;
}

/** Two threads fill a row group each of a piece: what does not fill one is copied once more, by one thread at a time. */
const SLICE_BYTES = 64 << 20;

/**
 * Reads every file whole, in their order.
 *
 * @param write takes a SELECT of the vectors, once for each piece, and tells how many rows it gave
 * @throws FILE_UNREADABLE, FILE_CHANGED, QUARANTINE_OVERFLOW
 */
export async function readFiles(
  engine: Engine,
  reading: FilesReading,
  write: (select: string) => Promise<number>,
  watch: FilesWatch,
): Promise<{ readonly summary: ReadSummary; readonly rejected: readonly RejectedRow[] }> {
  const { offer } = reading;
  if (offer.maskKey !== undefined) await setMaskKey(engine, offer.maskKey);
  const reader = new Reader(engine, reading, write);
  const ending = new AbortController();
  const signal = AbortSignal.any([watch.signal, ending.signal]);
  const { sliceBytes = SLICE_BYTES } = reading;
  const pieces = piecesOf({ ...reading, sliceBytes, head: reader.head, signal });
  try {
    // While a piece is read the next one is fetched; one more waits.
    let next = pieces.next();
    next.catch(() => undefined);
    for (;;) {
      const { value: group, done } = await next;
      if (done === true) break;
      next = pieces.next();
      next.catch(() => undefined);
      await reader.take(group);
      watch.signal.throwIfAborted();
      watch.onProgress(reader.progress);
    }
  } finally {
    ending.abort();
    await pieces.return?.(undefined).catch(() => undefined);
  }
  return { summary: reader.summary(), rejected: reader.rejected };
}
