/** Whether the fast way of filling vectors gives back what it was given, on this machine and this DuckDB. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { type Batch, batchLayout, INLINE_BYTES, VECTOR_ROWS } from '../core/vectors.ts';
import { type Receiver, ROWS } from './receive.ts';

const TEXTS = ['', 'a', 'exactly 12 b', 'just thirteen', 'zażółć gęślą jaźń 🙂', null, 'x'.repeat(5000)];
const ROW_COUNT = VECTOR_ROWS + TEXTS.length;

export async function vectorPathWorks(connection: DuckDBConnection, receiver: Receiver): Promise<boolean> {
  const layout = batchLayout([
    { name: 'n', kind: 'int64' },
    { name: 't', kind: 'text' },
  ]);
  const batches = [probe(layout)];
  const feed = {
    layout,
    receive: () => {
      const batch = batches.pop();
      return batch === undefined ? null : { batch, release: () => undefined };
    },
  };
  try {
    let seen: (string | null)[] = [];
    await receiver.run(feed, async () => {
      const reader = await connection.runAndReadAll(`SELECT t FROM ${ROWS}() ORDER BY n`);
      seen = reader.getRowsJson().map(([text]) => text as string | null);
    });
    return seen.length === ROW_COUNT && seen.every((text, i) => text === TEXTS[i % TEXTS.length]);
  } catch {
    // Whatever went wrong, the safe way is there for it; the caller records which way was taken.
    return false;
  }
}

function probe(layout: ReturnType<typeof batchLayout>): Batch {
  const fixed = new ArrayBuffer(layout.bytes);
  const numbers = new BigInt64Array(fixed, layout.values[0], ROW_COUNT);
  const entries = new Uint32Array(fixed, layout.values[1], ROW_COUNT * 4);
  const octets = new Uint8Array(fixed, layout.values[1], ROW_COUNT * 16);
  new Uint8Array(fixed, layout.validity[0]).fill(255);
  const valid = new Uint8Array(fixed, layout.validity[1]);
  const blob = new Uint8Array(4 << 20);
  const starts = new Int32Array(layout.rows / VECTOR_ROWS + 1);
  let end = 0;
  let base = 0;
  for (let row = 0; row < ROW_COUNT; row++) {
    if (row % VECTOR_ROWS === 0) {
      base = end;
      starts[row / VECTOR_ROWS] = end;
    }
    numbers[row] = BigInt(row);
    const text = TEXTS[row % TEXTS.length];
    if (text === null || text === undefined) {
      valid[row >> 3] = (valid[row >> 3] ?? 0) & ~(1 << (row & 7));
      continue;
    }
    const bytes = Buffer.from(text);
    entries[row * 4] = bytes.length;
    if (bytes.length <= INLINE_BYTES) {
      octets.set(bytes, row * 16 + 4);
      continue;
    }
    octets.set(bytes.subarray(0, 4), row * 16 + 4);
    entries[row * 4 + 2] = end - base;
    blob.set(bytes, end);
    end += bytes.length;
  }
  return {
    rows: ROW_COUNT,
    fixed,
    blobs: [null, blob.buffer],
    blobEnds: [0, end],
    vectorStarts: [null, starts],
    hasNull: Uint8Array.of(0, 1),
    rejected: [],
  };
}
