/**
 * Rows of the binary protocol → column vectors, by a decoder generated for the statement: no string, no BigInt and no
 * object per row on the fast path. Layout of the wire: "Binary Protocol Resultset Row" of the protocol's documentation.
 * Layout of the vectors: core/vectors.ts.
 */
import { isUtf8 } from 'node:buffer';
import type { DecodeRows } from '../../core/batch-sender.ts';
import type { ReadColumn } from '../../core/contracts/source.ts';
import { TributaryError } from '../../core/errors.ts';
import { ALSO_NOT_UTF8 } from '../../core/legible.ts';
import {
  COLUMNS_PER_FUNCTION,
  loadVariables,
  MASKS,
  setNull,
  storeVariables,
  textCode,
  VectorWriter,
  variables,
  vectorBegins,
} from '../../core/vector-writer.ts';
import { type BatchLayout, isVarying, VECTOR_ROWS, type VectorColumn } from '../../core/vectors.ts';
import { dateCode, decimalCode, integerCode, timeCode } from './decoder-code.ts';
import type { WireKind } from './types.ts';
import { daysOf, lengthAt, NO_DAY, type Shown, unscaled, wireText } from './values.ts';

export interface DecodedColumn {
  readonly wire: WireKind;
  readonly vector: VectorColumn;
  readonly name: string;
  readonly unrepresentable: ReadColumn['unrepresentable'];
}

/** Kinds of wires that a vector can be made of. */
const TAKES: Readonly<Record<VectorColumn['kind'], RegExp>> = {
  int64: /^u?int\d+$/,
  float64: /^(float|double)$/,
  bool: /^$/,
  decimal: /^(decimal|u?int\d+)$/,
  date: /^date$/,
  time: /^time$/,
  datetime: /^date$/,
  timestamp: /^date$/,
  text: /^(text|decimal)$/,
  bytes: /^text$/,
  json: /^text$/,
};

/** The vectors, with what a row needs that does not fit them. */
export class DecoderState extends VectorWriter {
  readonly #columns: readonly DecodedColumn[];

  constructor(columns: readonly DecodedColumn[], layout: BatchLayout) {
    super(
      columns.map(({ vector }) => vector),
      layout,
    );
    this.#columns = columns;
  }

  /** Takes the row that was just decoded out again and keeps it for quarantine. */
  reject(column: number, row: number, bytes: Buffer, view: DataView, bitmap: number): void {
    const texts: Record<string, string | null> = {};
    let at = bitmap + bitmapBytes(this.#columns.length);
    let reason = '';
    let legible = true;
    for (const [c, { name, wire, vector }] of this.#columns.entries()) {
      texts[name] = null;
      if (wire === 'null' || isNull(view, bitmap, c)) continue;
      const { text, next } = wireText(wire, bytes, view, at, shownAs(vector));
      texts[name] = text;
      if (wire === 'text' && vector.kind !== 'bytes') legible &&= isUtf8(bytes.subarray(lengthAt(view, at).next, next));
      if (c === column) reason = misfit(vector, text);
      at = next;
    }
    this.restore(row);
    const name = this.#columns[column]?.name ?? '';
    const why = legible ? reason : `${reason}; ${ALSO_NOT_UTF8}`;
    this.rejected.push({ column: name, reason: `VALUE_OUT_OF_RANGE: ${name}: ${why}`, row: JSON.stringify(texts) });
  }

  /** The exact branch of `decimal`; false where the value has no place in 38 digits. */
  slowDecimal(bytes: Buffer, at: number, length: number, scale: number, out: Int32Array, word: number): boolean {
    const value = unscaled(bytes.toString('latin1', at, at + length), scale);
    if (typeof value === 'string') return false;
    const bits = BigInt.asUintN(128, value);
    for (let i = 0; i < 4; i++) out[word + i] = Number((bits >> BigInt(32 * i)) & 0xffff_ffffn) | 0;
    return true;
  }
}

function bitmapBytes(columns: number): number {
  return (columns + 9) >> 3;
}

/** The bitmap of NULLs begins with two bits for nothing. */
function isNull(view: DataView, bitmap: number, column: number): boolean {
  return (view.getUint8(bitmap + ((column + 2) >> 3)) & (1 << ((column + 2) & 7))) !== 0;
}

function shownAs({ kind }: VectorColumn): Shown {
  if (kind === 'bytes') return 'hex';
  return kind === 'date' || kind === 'datetime' || kind === 'timestamp' ? kind : 'text';
}

function misfit({ kind, scale = 0 }: VectorColumn, text: string): string {
  switch (kind) {
    case 'decimal': {
      const why = unscaled(text, scale);
      return typeof why === 'string' ? why : 'does not fit';
    }
    case 'time':
      return `${text} is no time of day`;
    case 'int64':
      return `${text} is more than 64 bits hold`;
    default:
      return `${text} is no day of the years 1 to 9999`;
  }
}

/**
 * Generates the decoder: it takes whole packets of rows until the batch is full, or a packet is incomplete or no row. It is told
 * the length of a row that came in several packets, whose headers were taken out.
 *
 * @throws SOURCE_FAILED where a column is not of the type that it was described with.
 */
export function makeDecoder(
  columns: readonly DecodedColumn[],
  layout: BatchLayout,
): { state: DecoderState; decode: DecodeRows } {
  for (const { name, wire, vector } of columns) {
    if (wire === 'null' || TAKES[vector.kind].test(wire)) continue;
    const reason = `The column ${name} changed its type at the source after the run was planned (it comes as ${wire}).`;
    throw new TributaryError('SOURCE_FAILED', { reason });
  }
  const state = new DecoderState(columns, layout);
  const single = columns.length <= COLUMNS_PER_FUNCTION;
  const vectors = columns.map(({ vector }) => vector);
  const names = [
    ...vectors.flatMap(variables),
    ...columns.flatMap(({ wire }, c) => (wire === 'date' ? [`k${c}`, `n${c}`] : [])),
  ];
  const bodies: string[] = [];
  for (let c = 0; c < columns.length; c += COLUMNS_PER_FUNCTION) {
    const part = columns.slice(c, c + COLUMNS_PER_FUNCTION);
    bodies.push(part.map((column, i) => columnCode(column, c + i)).join('\n'));
  }
  const scratch = 'let l=0,x=0,y=0,h=0,w=0,i=0,z=0;';
  const groups = bodies.map((body, g) => `function g${g}(bytes,dv,q,r,nb){${scratch}${body}return q;}`).join('\n');
  const row = single ? (bodies[0] ?? '') : bodies.map((_, g) => `q=g${g}(bytes,dv,q,r,nb);`).join('');
  const declared = `let ${[...names, 'bad=-1'].join(',')};`;
  const source = `'use strict';
${single ? '' : `${declared}${groups}`}
return function decode(bytes,dv,p,end,large){
  const p0=p, stop=p+(S.limit-S.bytes); let r=S.row,q=0,m=0,nb=0;
  ${single ? `${declared}${scratch}` : ''}
  ${vectors.map(loadVariables).join('\n')}
  while(r<${layout.rows}&&p<stop){
    if(end-p<5||bytes[p+4]!==0) break;
    m=large;
    if(m===0){ m=bytes[p]|bytes[p+1]<<8|bytes[p+2]<<16; if(m===0xffffff) break; }
    if(end-p<m+4) break;
    nb=p+5; q=nb+${bitmapBytes(columns.length)}; p+=m+4;
    const counted=S.nullified;
    if((r&${VECTOR_ROWS - 1})===0){ ${vectors.map(vectorBegins).join('')} }
    ${row}
    if(bad>=0){ S.nullified=counted; S.reject(bad,r,bytes,dv,nb); bad=-1; continue; }
    r++;
  }
  S.row=r; S.bytes+=p-p0; ${vectors.map(storeVariables).join('')}
  return p;
}`;
  const decode = new Function('S', 'M0', 'M1', 'M2', 'DAYS', source)(state, ...MASKS, daysOf) as DecodeRows;
  return { state, decode };
}

function columnCode({ wire, vector, unrepresentable }: DecodedColumn, c: number): string {
  const none = setNull(vector, c);
  if (wire === 'null') return none;
  const misfits = unrepresentable === 'nullify' ? `{S.nullified++;${none}}` : `{if(bad<0)bad=${c};}`;
  const bit = c + 2;
  return `if(bytes[nb+${bit >> 3}]&${1 << (bit & 7)}){${none}}else{${valueCode({ wire, vector }, c, misfits)}}`;
}

const LENGTH = `l=bytes[q++];if(l>250){if(l===252){l=bytes[q]|bytes[q+1]<<8;q+=2;}
  else if(l===253){l=bytes[q]|bytes[q+1]<<8|bytes[q+2]<<16;q+=3;}else{l=dv.getUint32(q,true);q+=8;}}`;

function valueCode({ wire, vector }: Pick<DecodedColumn, 'wire' | 'vector'>, c: number, misfits: string): string {
  if (isVarying(vector.kind)) return `${LENGTH}${textCode(c)}q+=l;`;
  switch (wire) {
    case 'float':
      return `a${c}[r]=dv.getFloat32(q,true);q+=4;`;
    case 'double':
      return `a${c}[r]=dv.getFloat64(q,true);q+=8;`;
    case 'decimal':
      return `${LENGTH}${decimalCode(c, vector.scale ?? 0, misfits)}q+=l;`;
    case 'date':
      return dateCode(c, vector.kind === 'date', NO_DAY, misfits);
    case 'time':
      return timeCode(c, misfits);
    default:
      return integerCode(wire, c, vector.kind === 'decimal' ? (vector.scale ?? 0) : null, misfits);
  }
}
