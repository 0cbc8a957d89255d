/**
 * The code of fixed-width values. Variables: `q` position in `bytes` (viewed by `dv`), `r` row, `a<c>` the vector's words,
 * `l`, `x`, `y`, `h`, `w`, `i`, `z` scratch, `k<c>` and `n<c>` the last day of a column as it came and in days since 1970.
 */
import type { WireKind } from './types.ts';

const READ: Readonly<Partial<Record<WireKind, readonly [code: string, bytes: number]>>> = {
  int8: ['dv.getInt8(q)', 1],
  uint8: ['bytes[q]', 1],
  int16: ['dv.getInt16(q,true)', 2],
  uint16: ['dv.getUint16(q,true)', 2],
  int32: ['dv.getInt32(q,true)', 4],
  uint32: ['dv.getUint32(q,true)', 4],
};

/**
 * A whole number into 64 bits, or into the 128 of a decimal.
 *
 * @param scale of the decimal; `null` for 64 bits.
 */
export function integerCode(wire: WireKind, c: number, scale: number | null, misfits: string): string {
  const [read, bytes] = READ[wire] ?? [];
  if (read !== undefined) {
    if (scale === null) return `x=${read};a${c}[r*2]=x|0;a${c}[r*2+1]=x<0?-1:0;q+=${bytes};`;
    return `x=(${read})*${10 ** scale};h=Math.floor(x/4294967296);${wide(c, 'x-h*4294967296|0', 'h|0', 'x<0?-1:0')}q+=${bytes};`;
  }
  const low = 'dv.getInt32(q,true)';
  const high = 'dv.getInt32(q+4,true)';
  const signed = wire === 'int64';
  if (scale === null) {
    const store = `a${c}[r*2]=${low};a${c}[r*2+1]=h;`;
    return `h=${high};${signed ? store : `if(h<0)${misfits}else{${store}}`}q+=8;`;
  }
  return `h=${high};${wide(c, low, 'h', signed ? 'h>>31' : '0')}q+=8;`;
}

function wide(c: number, word0: string, word1: string, sign: string): string {
  return `w=${sign};a${c}[r*4]=${word0};a${c}[r*4+1]=${word1};a${c}[r*4+2]=w;a${c}[r*4+3]=w;`;
}

/** The digits of a text of `l` bytes: up to 15 of them in exact double arithmetic, others the exact way with BigInt. */
export function decimalCode(c: number, scale: number, misfits: string): string {
  return `x=0;y=-1;w=0;i=0;
    if(l<=16){
      if(bytes[q]===45){w=1;i=1;}
      for(;i<l;i++){h=bytes[q+i];if(h===46)y=l-1-i;else x=x*10+(h-48);}
      if(y<0)y=0;
    }
    if(l>16||y!==${scale}||x>999999999999999){if(!S.slowDecimal(bytes,q,l,${scale},a${c},r*4))${misfits}}
    else{if(w)x=-x;h=Math.floor(x/4294967296);${wide(c, 'x-h*4294967296|0', 'h|0', 'x<0?-1:0')}}`;
}

/**
 * A date, with or without a time of day: as many bytes as are not zero. The days of a date are kept for the next row.
 * Seconds times a million go in two halves, as a double has 53 bits and the year 9999 needs 58.
 */
export function dateCode(c: number, dateOnly: boolean, noDay: number, misfits: string): string {
  const day = `i=l===0?0:(bytes[q]|bytes[q+1]<<8)*512+bytes[q+2]*32+bytes[q+3];
    if(i!==k${c}){k${c}=i;n${c}=l===0?${noDay}:DAYS(bytes[q]|bytes[q+1]<<8,bytes[q+2],bytes[q+3]);}`;
  if (dateOnly) return `l=bytes[q++];${day}if(n${c}===${noDay})${misfits}else a${c}[r]=n${c};q+=l;`;
  return `l=bytes[q++];${day}
    if(n${c}===${noDay})${misfits}else{
      x=n${c}*86400;if(l>=7)x+=bytes[q+4]*3600+bytes[q+5]*60+bytes[q+6];
      h=Math.floor(x/65536);y=(x-h*65536)*1000000+(l>=11?dv.getUint32(q+7,true):0);
      h*=1000000;w=Math.floor(h/65536);z=(h-w*65536)*65536+y;h=Math.floor(z/4294967296);
      a${c}[r*2]=z-h*4294967296|0;a${c}[r*2+1]=w+h;
    }q+=l;`;
}

/** A time of day; what is negative or reaches past it does not fit. */
export function timeCode(c: number, misfits: string): string {
  return `l=bytes[q++];
    if(l===0){a${c}[r*2]=0;a${c}[r*2+1]=0;}
    else if(bytes[q]!==0||dv.getUint32(q+1,true)!==0)${misfits}
    else{
      x=(bytes[q+5]*3600+bytes[q+6]*60+bytes[q+7])*1000000+(l>=12?dv.getUint32(q+8,true):0);
      h=Math.floor(x/4294967296);a${c}[r*2]=x-h*4294967296|0;a${c}[r*2+1]=h;
    }q+=l;`;
}
