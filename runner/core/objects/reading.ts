/** Bytes of one version, whatever the network does. */
import type { ByteRange, StoredObject } from '../contracts/object-store.ts';
import { type Budget, startRetry } from '../retry.ts';
import { isPassing, objectProblem } from './problem.ts';
import type { ObjectWire } from './wire.ts';

export interface Patience {
  readonly budget: Budget;
  /** Without a byte for so long a connection is given up. */
  readonly stallMs: number;
}

/** Over one connection after the other: each goes on where the last one broke. */
export async function* readBytes(
  wire: ObjectWire,
  object: Pick<StoredObject, 'name' | 'version' | 'bytes'>,
  range: ByteRange,
  { budget, stallMs }: Patience,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = Math.min(range.to ?? object.bytes, object.bytes);
  const work = { action: 'read', object: wire.uri(object.name), version: object.version } as const;
  const retry = startRetry({
    budget,
    isTransient: (error) => isPassing(wire, error),
    givenUp: (error, tried) => objectProblem(wire, error, work, tried),
  });
  for (let at = range.from; at < end; ) {
    signal.throwIfAborted();
    try {
      for await (const chunk of oneConnection(wire, object, { from: at, to: end, stallMs }, signal)) {
        if (at + chunk.length > end) throw new Error('more bytes came than were asked for');
        at += chunk.length;
        retry.forward();
        yield chunk;
      }
      if (at < end) throw new Error(`the connection ended ${end - at} byte(s) early`);
    } catch (error) {
      signal.throwIfAborted();
      await retry.after(error, signal);
    }
  }
}

/** Ends with the connection, at a failure, and when nothing arrives; a consumer that is slow is waited for. */
async function* oneConnection(
  wire: ObjectWire,
  object: Pick<StoredObject, 'name' | 'version'>,
  { from, to, stallMs }: Required<ByteRange> & Pick<Patience, 'stallMs'>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ending = new AbortController();
  let waiting = true;
  const timer = setInterval(() => {
    if (waiting) ending.abort(new Error(`nothing arrived for ${stallMs / 1000} s`));
  }, stallMs);
  try {
    const chunks = await wire.get(object, from, to, AbortSignal.any([signal, ending.signal]));
    for await (const chunk of chunks) {
      waiting = false;
      yield chunk;
      waiting = true;
      timer.refresh();
    }
  } catch (error) {
    throw ending.signal.aborted ? ending.signal.reason : error;
  } finally {
    clearInterval(timer);
    ending.abort();
  }
}
