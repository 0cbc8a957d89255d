/**
 * The wire of protocol buffers, as far as answers of Firestore need it: fields are read where they lie, and nothing becomes
 * an object. Layout: protobuf.dev, "Encoding"; numbers of fields: google/firestore/v1/document.proto.
 */

/** Kinds of a value by the number of its field in `Value`. */
export const VALUE = {
  none: 0,
  boolean: 1,
  integer: 2,
  double: 3,
  reference: 5,
  map: 6,
  geoPoint: 8,
  array: 9,
  timestamp: 10,
  null: 11,
  string: 17,
  bytes: 18,
} as const;

export type ValueKind = (typeof VALUE)[keyof typeof VALUE];

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

/** A place in a message. What was read last lies in its fields. */
export class Wire {
  bytes: Buffer = Buffer.alloc(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  at = 0;
  /** Of the last varint: its low and its high 32 bits. */
  low = 0;
  high = 0;
  /** Of the last value: see {@link VALUE}; where its content starts and ends. */
  kind = 0;
  start = 0;
  end = 0;

  read(bytes: Buffer): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = 0;
  }

  /** Reads a varint of up to 32 bits, as tags and lengths are. */
  small(): number {
    const { bytes } = this;
    let octet = bytes[this.at++] ?? 0;
    if (octet < 128) return octet;
    let value = octet & 127;
    for (let shift = 7; octet >= 128; shift += 7) {
      octet = bytes[this.at++] ?? 0;
      if (shift < 32) value |= (octet & 127) << shift;
    }
    return value >>> 0;
  }

  /** Reads a varint of 64 bits into `low` and `high`. */
  varint(): void {
    const { bytes } = this;
    let low = 0;
    let high = 0;
    let octet = 128;
    for (let shift = 0; octet >= 128 && shift < 70; shift += 7) {
      octet = bytes[this.at++] ?? 0;
      const bits = octet & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= bits << 31;
    }
    this.low = low | 0;
    this.high = high | 0;
  }

  skip(wireType: number): void {
    if (wireType === DELIMITED) {
      const length = this.small();
      this.at += length;
    } else if (wireType === VARINT) this.varint();
    else if (wireType === FIXED64) this.at += 8;
    else if (wireType === FIXED32) this.at += 4;
    else throw new RangeError(`wire type ${wireType}`);
  }

  /** Reads a `Value` that ends there: its kind, and where its content lies. An integer or boolean is in `low` and `high`. */
  value(end: number): void {
    this.kind = VALUE.none;
    this.start = this.at;
    this.end = this.at;
    while (this.at < end) {
      const tag = this.small();
      const field = tag >>> 3;
      const wireType = tag & 7;
      this.kind = field;
      if (wireType === DELIMITED) {
        const length = this.small();
        this.start = this.at;
        this.end = this.at + length;
        this.at = this.end;
      } else if (wireType === VARINT) this.varint();
      else if (wireType === FIXED64) {
        this.start = this.at;
        this.at += 8;
        this.end = this.at;
      } else this.skip(wireType);
    }
    this.at = end;
  }
}

/** The integer of the last varint, exact. */
export function integerOf({ low, high }: Wire): bigint {
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

/** The same as a number; NaN past 53 bits. */
export function safeInteger({ low, high }: Wire): number {
  const value = high * 4294967296 + (low >>> 0);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** A point in time, as `google.protobuf.Timestamp` has it. */
export interface Moment {
  readonly seconds: number;
  readonly micros: number;
}

/** Reads the message between the two places. Firestore keeps microseconds. */
export function momentOf(wire: Wire, start: number, end: number): Moment {
  const at = wire.at;
  wire.at = start;
  let seconds = 0;
  let nanos = 0;
  while (wire.at < end) {
    const tag = wire.small();
    if (tag >>> 3 === 1) {
      wire.varint();
      seconds = wire.high * 4294967296 + (wire.low >>> 0);
    } else if (tag >>> 3 === 2) {
      wire.varint();
      nanos = wire.low;
    } else wire.skip(tag & 7);
  }
  wire.at = at;
  return { seconds, micros: Math.floor(nanos / 1000) };
}

/** @example momentText({ seconds: 0, micros: 1 }) // '1970-01-01T00:00:00.000001Z' */
export function momentText({ seconds, micros }: Moment): string {
  const text = new Date(seconds * 1000).toISOString().slice(0, -5);
  return micros === 0 ? `${text}Z` : `${text}.${String(micros).padStart(6, '0')}Z`;
}

/** Where the parts of a document lie in a message of `RunQuery`. */
export interface DocumentPlace {
  nameStart: number;
  nameEnd: number;
  /** Of each field, three numbers: where its key starts, where that ends, and where its value ends; what lies between is the value with its tag. */
  start: number;
  end: number;
}

/**
 * Finds the document in a `RunQueryResponse`.
 *
 * @returns false where the message has none: it says how far the query has come
 */
export function findDocument(wire: Wire, place: DocumentPlace): boolean {
  const all = wire.bytes.length;
  wire.at = 0;
  while (wire.at < all) {
    const tag = wire.small();
    if (tag !== 10) {
      wire.skip(tag & 7);
      continue;
    }
    const length = wire.small();
    place.start = wire.at;
    place.end = wire.at + length;
    place.nameStart = 0;
    place.nameEnd = 0;
    if (wire.bytes[wire.at] === 10) {
      wire.at += 1;
      const named = wire.small();
      place.nameStart = wire.at;
      place.nameEnd = wire.at + named;
    }
    return true;
  }
  return false;
}

/**
 * Calls for each field of a document, or of a map, with where its key lies; the value was read into the wire.
 *
 * @param field number of the entries: 2 in a document, 1 in a map
 */
export function eachField(
  wire: Wire,
  start: number,
  end: number,
  field: 1 | 2,
  take: (keyStart: number, keyEnd: number) => void,
): void {
  const entryTag = (field << 3) | DELIMITED;
  wire.at = start;
  while (wire.at < end) {
    const tag = wire.small();
    if (tag !== entryTag) {
      wire.skip(tag & 7);
      continue;
    }
    const length = wire.small();
    const entryEnd = wire.at + length;
    let keyStart = wire.at;
    let keyEnd = wire.at;
    wire.kind = VALUE.none;
    while (wire.at < entryEnd) {
      const part = wire.small();
      const size = wire.small();
      if (part === 10) {
        keyStart = wire.at;
        keyEnd = wire.at + size;
        wire.at = keyEnd;
      } else wire.value(wire.at + size);
    }
    take(keyStart, keyEnd);
    wire.at = entryEnd;
  }
}

/** Calls for each element of an array; the value was read into the wire. */
export function eachElement(wire: Wire, start: number, end: number, take: () => void): void {
  wire.at = start;
  while (wire.at < end) {
    const tag = wire.small();
    if (tag !== 10) {
      wire.skip(tag & 7);
      continue;
    }
    const length = wire.small();
    const next = wire.at + length;
    wire.value(next);
    take();
    wire.at = next;
  }
}

/** When the answer of a query was true: field 3 of `RunQueryResponse`. */
export function readTimeOf(message: Buffer): { readonly seconds: number; readonly nanos: number } | null {
  const wire = new Wire();
  wire.read(message);
  while (wire.at < message.length) {
    const tag = wire.small();
    if (tag !== 26) {
      wire.skip(tag & 7);
      continue;
    }
    const length = wire.small();
    const { seconds, micros } = momentOf(wire, wire.at, wire.at + length);
    return { seconds, nanos: micros * 1000 };
  }
  return null;
}
