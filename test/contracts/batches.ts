/** Small batches from plain values, posted before the warehouse looks: nobody has to wait for anybody. */
import { BatchChannel, BatchOutlet, type InletEnd } from '../../runner/core/channel.ts';
import {
  type Batch,
  type BatchLayout,
  INLINE_BYTES,
  isVarying,
  type RejectedRow,
  VECTOR_ROWS,
  type VectorKind,
  WIDTH,
} from '../../runner/core/vectors.ts';

/** Integers as numbers; decimals, dates and times as text, or as the integer that a vector holds; bytes as a Buffer. */
export type Value = string | number | bigint | boolean | Buffer | null;

/** The end of a channel that holds these rows already; a batch takes `layout.rows` of them. */
export function inletOf(
  layout: BatchLayout,
  rows: readonly (readonly Value[])[],
  rejected: readonly RejectedRow[] = [],
): InletEnd {
  const batches = Math.max(1, Math.ceil(rows.length / layout.rows));
  const channel = new BatchChannel(1);
  const [end] = channel.outlets;
  if (end === undefined) throw new Error('a channel of one producer has one outlet');
  const outlet = new BatchOutlet(end, layout, batches);
  for (let i = 0; i < batches; i++) {
    const part = rows.slice(i * layout.rows, (i + 1) * layout.rows);
    outlet.send(batchOf(layout, part, outlet.take(), i === 0 ? rejected : []));
  }
  outlet.end();
  return channel.inlet;
}

/** The end of a channel whose producer fails after these rows. */
export function failingInlet(layout: BatchLayout, rows: readonly (readonly Value[])[], failure: unknown): InletEnd {
  const channel = new BatchChannel(1);
  const [end] = channel.outlets;
  if (end === undefined) throw new Error('a channel of one producer has one outlet');
  const outlet = new BatchOutlet(end, layout, 1);
  outlet.send(batchOf(layout, rows, outlet.take(), []));
  outlet.fail(failure);
  return channel.inlet;
}

function batchOf(
  layout: BatchLayout,
  rows: readonly (readonly Value[])[],
  { fixed }: Pick<Batch, 'fixed'>,
  rejected: readonly RejectedRow[],
): Batch {
  const view = new DataView(fixed);
  const octets = new Uint8Array(fixed);
  const hasNull = new Uint8Array(layout.columns.length);
  const columns = layout.columns.map(({ kind, scale = 0 }, c) => {
    const starts = new Int32Array(layout.rows / VECTOR_ROWS + 1);
    const long: Buffer[] = [];
    let end = 0;
    octets.fill(255, layout.validity[c], (layout.validity[c] ?? 0) + layout.rows / 8);
    for (const [r, row] of rows.entries()) {
      if (r % VECTOR_ROWS === 0) starts[r / VECTOR_ROWS] = end;
      const value = row[c] ?? null;
      const at = (layout.values[c] ?? 0) + r * WIDTH[kind];
      octets.fill(0, at, at + WIDTH[kind]);
      if (value === null) {
        const bit = (layout.validity[c] ?? 0) + (r >> 3);
        octets[bit] = (octets[bit] ?? 0) & ~(1 << (r & 7));
        hasNull[c] = 1;
      } else if (isVarying(kind)) {
        const bytes = Buffer.isBuffer(value) ? value : Buffer.from(String(value));
        view.setUint32(at, bytes.length, true);
        octets.set(bytes.subarray(0, bytes.length <= INLINE_BYTES ? bytes.length : 4), at + 4);
        if (bytes.length <= INLINE_BYTES) continue;
        view.setUint32(at + 8, end - (starts[Math.floor(r / VECTOR_ROWS)] ?? 0), true);
        long.push(bytes);
        end += bytes.length;
      } else if (!Buffer.isBuffer(value)) setFixed(view, at, kind, value, scale);
    }
    const blob = new Uint8Array(Math.max(end, 64) + 64);
    let filled = 0;
    for (const bytes of long) {
      blob.set(bytes, filled);
      filled += bytes.length;
    }
    return { end, blob: isVarying(kind) ? blob.buffer : null, starts: isVarying(kind) ? starts : null };
  });
  return {
    rows: rows.length,
    fixed,
    blobs: columns.map(({ blob }) => blob),
    blobEnds: columns.map(({ end }) => end),
    vectorStarts: columns.map(({ starts }) => starts),
    hasNull,
    rejected,
  };
}

function setFixed(
  view: DataView,
  at: number,
  kind: VectorKind,
  value: string | number | bigint | boolean,
  scale: number,
): void {
  if (typeof value === 'bigint' && kind !== 'decimal' && kind !== 'date') view.setBigInt64(at, value, true);
  else if (kind === 'int64') view.setBigInt64(at, BigInt(value), true);
  else if (kind === 'float64') view.setFloat64(at, Number(value), true);
  else if (kind === 'bool') view.setUint8(at, value ? 1 : 0);
  else if (kind === 'date') view.setInt32(at, Date.parse(`${value}T00:00:00Z`) / 86_400_000, true);
  else if (kind === 'datetime' || kind === 'timestamp')
    view.setBigInt64(at, BigInt(Date.parse(String(value))) * 1000n, true);
  else if (kind === 'decimal') {
    const [whole = '0', fraction = ''] = String(value).split('.');
    const bits = BigInt.asUintN(128, BigInt(`${whole}${fraction.padEnd(scale, '0')}`));
    view.setBigUint64(at, bits & 0xffff_ffff_ffff_ffffn, true);
    view.setBigUint64(at + 8, bits >> 64n, true);
  } else throw new Error(`no test needs ${kind}`);
}
