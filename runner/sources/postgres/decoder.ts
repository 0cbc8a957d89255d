/**
 * COPY BINARY rows → column vectors, by a decoder generated for the table: no string, no BigInt and
 * no object per row on the fast path. Layout of the wire: PostgreSQL manual, "COPY", binary format,
 * and each type's `_send` function. Layout of the vectors: core/vectors.ts.
 */
import { isUtf8 } from 'node:buffer';
import type { ReadColumn } from '../../core/contracts/source.ts';
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
import { type BatchLayout, VECTOR_ROWS } from '../../core/vectors.ts';
import type { WireColumn } from './types.ts';
import { unscaled, wireText } from './values.ts';

export interface DecodedColumn extends WireColumn {
  readonly name: string;
  readonly unrepresentable: ReadColumn['unrepresentable'];
}

const US_2000 = 946_684_800_000_000;
const FIRST_DAY = -730_119;
const LAST_DAY = 2_921_939;
const FIRST_US = BigInt(FIRST_DAY) * 86_400_000_000n;
const END_US = BigInt(LAST_DAY + 1) * 86_400_000_000n;

type Decode = (bytes: Buffer, view: DataView, position: number, end: number) => number;

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
  reject(column: number, row: number, bytes: Buffer, view: DataView, start: number): void {
    const texts: Record<string, string | null> = {};
    let at = start;
    let reason = '';
    let legible = true;
    for (const [c, { name, wire, vector }] of this.#columns.entries()) {
      const length = view.getInt32(at);
      at += 4;
      texts[name] = length < 0 ? null : wireText(wire, bytes, view, at, length, vector.kind);
      if (length > 0 && (wire === 'text' || wire === 'jsonb')) legible &&= isUtf8(bytes.subarray(at, at + length));
      if (c === column) reason = misfit(wire, vector.scale ?? 0, view, at, texts[name] ?? '');
      at += Math.max(0, length);
    }
    this.restore(row);
    const name = this.#columns[column]?.name ?? '';
    const why = legible ? reason : `${reason}; ${ALSO_NOT_UTF8}`;
    this.rejected.push({ column: name, reason: `VALUE_OUT_OF_RANGE: ${name}: ${why}`, row: JSON.stringify(texts) });
  }

  /** The exact branch of `numeric`; false where the value has no place in 38 digits. */
  slowNumeric(view: DataView, at: number, scale: number, out: Int32Array, word: number): boolean {
    const value = unscaled(view, at, scale);
    if (typeof value === 'string') return false;
    const bits = BigInt.asUintN(128, value);
    for (let i = 0; i < 4; i++) out[word + i] = Number((bits >> BigInt(32 * i)) & 0xffff_ffffn) | 0;
    return true;
  }

  /** The exact branch of `timestamp`: false outside the years 1 to 9999. */
  timestampFits(view: DataView, at: number): boolean {
    const us = view.getBigInt64(at);
    return us >= FIRST_US && us < END_US;
  }
}

function misfit(wire: string, scale: number, view: DataView, at: number, text: string): string {
  if (wire !== 'numeric')
    return `${text.length > 40 ? `${text.slice(0, 40)}…` : text} is outside the years 1 to 9999 or the day`;
  const why = unscaled(view, at, scale);
  return typeof why === 'string' ? why : 'does not fit';
}

/**
 * Generates the decoder.
 *
 * `decode(bytes, view, position, end)` takes whole CopyData messages until the batch is full or a
 * message is incomplete or of another type, and returns the new position.
 */
export function makeDecoder(
  columns: readonly DecodedColumn[],
  layout: BatchLayout,
): { state: DecoderState; decode: Decode } {
  const state = new DecoderState(columns, layout);
  const single = columns.length <= COLUMNS_PER_FUNCTION;
  const vectors = columns.map(({ vector }) => vector);
  const names = vectors.flatMap(variables);
  const load = vectors.map(loadVariables).join('\n');
  const store = vectors.map(storeVariables).join('');
  const newVector = vectors.map(vectorBegins).join('');
  const scratch = 'let l=0,x=0,h=0,n=0,w=0,ip=0,fp=0,y=0,lo=0,hi=0;';
  const bodies: string[] = [];
  for (let c = 0; c < columns.length; c += COLUMNS_PER_FUNCTION) {
    bodies.push(
      columns
        .slice(c, c + COLUMNS_PER_FUNCTION)
        .map((column, i) => columnCode(column, c + i))
        .join('\n'),
    );
  }
  const groups = single
    ? ''
    : bodies.map((body, g) => `function g${g}(bytes,dv,q,r){${scratch}${body}return q;}`).join('\n');
  const row = single ? (bodies[0] ?? '') : bodies.map((_, g) => `q=g${g}(bytes,dv,q,r);`).join('');
  const source = `'use strict';
${single ? '' : `let ${names.join(',')},bad=-1;`}
${groups}
return function decode(bytes,dv,p,end){
  const p0=p, stop=p+(S.limit-S.bytes); let r=S.row,q=0;
  ${single ? `let ${names.join(',')},bad=-1;${scratch}` : ''}
  ${load}
  while(r<${layout.rows}&&p<stop){
    if(end-p<5||bytes[p]!==0x64) break;
    const m=dv.getInt32(p+1); if(end-p<m+1) break;
    q=p+5; p+=m+1;
    if(bytes[q]===0x50&&bytes[q+1]===0x47&&m>=23){ q+=19; if(q>=p) continue; }
    if(dv.getInt16(q)<0) continue;
    q+=2; const start=q, counted=S.nullified;
    if((r&${VECTOR_ROWS - 1})===0){ ${newVector} }
    ${row}
    if(bad>=0){ S.nullified=counted; S.reject(bad,r,bytes,dv,start); bad=-1; continue; }
    r++;
  }
  S.row=r; S.bytes+=p-p0; ${store}
  return p;
}`;
  const decode = new Function('S', 'M0', 'M1', 'M2', 'HEX', source)(state, MASKS[0], MASKS[1], MASKS[2], HEX) as Decode;
  return { state, decode };
}

function columnCode(column: DecodedColumn, c: number): string {
  const none = setNull(column.vector, c);
  const misfits = column.unrepresentable === 'nullify' ? `S.nullified++;${none}` : `if(bad<0)bad=${c};`;
  return `l=dv.getInt32(q);q+=4;if(l<0){${none}}else{${valueCode(column, c, `{${misfits}}`)}q+=l;}`;
}

function valueCode({ wire, vector }: DecodedColumn, c: number, misfits: string): string {
  switch (wire) {
    case 'integer':
      return `if(l===8){a${c}[r*2+1]=dv.getInt32(q);a${c}[r*2]=dv.getInt32(q+4);}
        else{x=l===4?dv.getInt32(q):dv.getInt16(q);a${c}[r*2]=x;a${c}[r*2+1]=x>>31;}`;
    case 'float':
      return `a${c}[r]=l===8?dv.getFloat64(q):dv.getFloat32(q);`;
    case 'bool':
      return `a${c}[r]=bytes[q];`;
    case 'date':
      return `x=dv.getInt32(q);if(x<${FIRST_DAY}||x>${LAST_DAY})${misfits}else a${c}[r]=x+10957;`;
    case 'time':
      return `h=dv.getInt32(q);x=dv.getUint32(q+4);if(h>20||(h===20&&x>=500654080))${misfits}else{a${c}[r*2]=x|0;a${c}[r*2+1]=h;}`;
    case 'timestamp':
      return `h=dv.getInt32(q);x=dv.getUint32(q+4);
        if((h<-14687000||h>58779000)&&!S.timestampFits(dv,q))${misfits}
        else{x+=${US_2000 % 2 ** 32};a${c}[r*2]=x|0;a${c}[r*2+1]=h+${Math.floor(US_2000 / 2 ** 32)}+(x>4294967295?1:0);}`;
    case 'numeric':
      return numericCode(c, vector.scale ?? 0, misfits);
    case 'uuid':
      return `if(e${c}+52>t${c}.length){S.grow(${c},e${c},36);t${c}=S.blob[${c}];d${c}=S.blobView[${c}];}
        x=e${c};for(n=0;n<16;n++){if(n===4||n===6||n===8||n===10)t${c}[x++]=45;h=HEX[bytes[q+n]];t${c}[x++]=h>>8;t${c}[x++]=h&255;}
        a${c}[r*4]=36;a${c}[r*4+1]=d${c}.getInt32(e${c},true);a${c}[r*4+2]=e${c}-b${c};a${c}[r*4+3]=0;e${c}=x;`;
    case 'jsonb':
      return `q++;l--;${textCode(c)}`;
    case 'text':
    case 'bytea':
      return textCode(c);
  }
}

/**
 * Up to 8 digits before and 8 after the point in exact double arithmetic, as the 128-bit product of
 * two halves; everything else goes the exact way with BigInt.
 */
function numericCode(c: number, scale: number, misfits: string): string {
  const slow = `if(!S.slowNumeric(dv,q,${scale},a${c},r*4))${misfits}`;
  if (scale > 11) return slow;
  const unit = 10 ** scale;
  const fraction = scale >= 8 ? `fp*${10 ** (scale - 8)}` : `fp/${10 ** (8 - scale)}`;
  const exact = scale >= 8 ? 'true' : `fp%${10 ** (8 - scale)}===0`;
  return `n=dv.getInt16(q);w=dv.getInt16(q+2);h=dv.getUint16(q+4);ip=0;fp=0;
    if(h<=0x4000&&n<=4&&w<=1&&w-n>=-3){
      if(w===0){if(n>0)ip=dv.getInt16(q+8);if(n>1)fp=dv.getInt16(q+10)*10000;if(n>2)fp+=dv.getInt16(q+12);}
      else if(w===1){ip=dv.getInt16(q+8)*10000;if(n>1)ip+=dv.getInt16(q+10);if(n>2)fp=dv.getInt16(q+12)*10000;if(n>3)fp+=dv.getInt16(q+14);}
      else if(w===-1){if(n>0)fp=dv.getInt16(q+8)*10000;if(n>1)fp+=dv.getInt16(q+10);}
      else if(w===-2){if(n>0)fp=dv.getInt16(q+8);}
    }else w=-99;
    if(w===-99||(w<-2&&n>0)||!(${exact})){${slow}}
    else{
      x=(ip&65535)*${unit}+${fraction};y=(ip>>>16)*${unit};
      lo=(y%65536)*65536+(x%4294967296);hi=Math.floor(y/65536)+Math.floor(x/4294967296);if(lo>=4294967296){lo-=4294967296;hi++;}
      if(h===0x4000){if(lo===0)hi=-hi;else{lo=4294967296-lo;hi=-hi-1;}}
      a${c}[r*4]=lo|0;a${c}[r*4+1]=hi|0;w=hi<0?-1:0;a${c}[r*4+2]=w;a${c}[r*4+3]=w;
    }`;
}

/** Both hexadecimal digits of an octet in one number. */
const HEX = Uint16Array.from({ length: 256 }, (_, octet) => {
  const text = octet.toString(16).padStart(2, '0');
  return (text.charCodeAt(0) << 8) | text.charCodeAt(1);
});
