/** Values of the wire as JSON and as texts. */
import { numberText } from '../../core/legible.ts';
import { eachElement, eachField, integerOf, momentOf, momentText, VALUE, type Wire } from './wire.ts';

const QUOTE = 34;
const BACKSLASH = 92;
const VECTOR_MARK = '__vector__';

/** Bytes of JSON that grow; written anew for each value. */
export class JsonWriter {
  bytes = Buffer.allocUnsafe(4096);
  length = 0;
  /** Prefix of the names of documents in the database: a reference is shown without it. */
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  text(): string {
    return this.bytes.toString('utf8', 0, this.length);
  }

  ascii(text: string): void {
    this.#room(text.length);
    this.length += this.bytes.write(text, this.length, 'latin1');
  }

  /** A string of the wire, quoted. */
  string(from: Buffer, start: number, end: number): void {
    this.#room(2 + (end - start));
    this.bytes[this.length++] = QUOTE;
    let plain = start;
    for (let at = start; at < end; at++) {
      const octet = from[at] ?? 0;
      if (octet >= 32 && octet !== QUOTE && octet !== BACKSLASH) continue;
      this.#copy(from, plain, at);
      const escaped = JSON.stringify(String.fromCharCode(octet));
      this.ascii(escaped.slice(1, -1));
      plain = at + 1;
    }
    this.#copy(from, plain, end);
    this.#room(1);
    this.bytes[this.length++] = QUOTE;
  }

  /** The value that was read last. */
  value(wire: Wire): void {
    const { kind, start, end } = wire;
    if (kind === VALUE.string) this.string(wire.bytes, start, end);
    else if (kind === VALUE.reference) this.string(wire.bytes, start + this.rootLength(wire, start, end), end);
    else if (kind === VALUE.geoPoint) this.#geoPoint(wire, start, end);
    else if (kind === VALUE.array) this.#array(wire, start, end);
    else if (kind === VALUE.map) this.#map(wire, start, end);
    else this.ascii(simpleJson(wire));
  }

  /** Bytes of a reference's prefix that are of this database. */
  rootLength({ bytes }: Wire, start: number, end: number): number {
    const length = this.#root.length;
    return end - start > length && bytes.toString('latin1', start, start + length) === this.#root ? length : 0;
  }

  #geoPoint(wire: Wire, start: number, end: number): void {
    const point = [0, 0];
    wire.at = start;
    while (wire.at < end) {
      const tag = wire.small();
      if ((tag & 7) === 1) {
        point[(tag >>> 3) - 1] = wire.view.getFloat64(wire.at, true);
        wire.at += 8;
      } else wire.skip(tag & 7);
    }
    this.ascii(`{"latitude":${doubleJson(point[0] ?? 0)},"longitude":${doubleJson(point[1] ?? 0)}}`);
  }

  #array(wire: Wire, start: number, end: number): void {
    let first = true;
    this.ascii('[');
    eachElement(wire, start, end, () => {
      if (!first) this.ascii(',');
      first = false;
      this.value(wire);
    });
    this.ascii(']');
  }

  /** A vector is a map of a mark and an array: the array is what it is. */
  #map(wire: Wire, start: number, end: number): void {
    const begun = this.length;
    let first = true;
    let vector = false;
    let items: { start: number; end: number } | null = null;
    this.ascii('{');
    eachField(wire, start, end, 1, (keyStart, keyEnd) => {
      if (!first) this.ascii(',');
      first = false;
      const { bytes, kind } = wire;
      if (kind === VALUE.string && keyEnd - keyStart === 8 && bytes.toString('latin1', keyStart, keyEnd) === '__type__')
        vector ||= bytes.toString('latin1', wire.start, wire.end) === VECTOR_MARK;
      if (kind === VALUE.array) items = { start: wire.start, end: wire.end };
      this.string(bytes, keyStart, keyEnd);
      this.ascii(':');
      this.value(wire);
    });
    this.ascii('}');
    if (!vector || items === null) return;
    this.length = begun;
    const { start: from, end: to } = items as { start: number; end: number };
    this.#array(wire, from, to);
  }

  #copy(from: Buffer, start: number, end: number): void {
    if (end <= start) return;
    this.#room(end - start);
    from.copy(this.bytes, this.length, start, end);
    this.length += end - start;
  }

  #room(more: number): void {
    if (this.length + more + 16 <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + more + 4096));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

function simpleJson(wire: Wire): string {
  const { kind, start, end } = wire;
  switch (kind) {
    case VALUE.boolean:
      return wire.low === 0 ? 'false' : 'true';
    case VALUE.integer:
      return integerOf(wire).toString();
    case VALUE.double:
      return doubleJson(wire.view.getFloat64(start, true));
    case VALUE.timestamp:
      return `"${momentText(momentOf(wire, start, end))}"`;
    case VALUE.bytes:
      return `"${wire.bytes.toString('base64', start, end)}"`;
    default:
      return 'null';
  }
}

/** A double that reads back as one, and as the same; what JSON has no number for is a string. */
function doubleJson(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return Number.isInteger(value) && !text.includes('e') ? `${text}.0` : text;
}

/** The value that was read last as the text of a row in quarantine; `null` for NULL. */
export function plainText(wire: Wire, writer: JsonWriter): string | null {
  const { kind, start, end, bytes } = wire;
  if (kind === VALUE.null || kind === VALUE.none) return null;
  if (kind === VALUE.string) return bytes.toString('utf8', start, end);
  if (kind === VALUE.bytes) return `\\x${bytes.toString('hex', start, end)}`;
  if (kind === VALUE.reference) return bytes.toString('utf8', start + writer.rootLength(wire, start, end), end);
  if (kind === VALUE.timestamp) return momentText(momentOf(wire, start, end));
  if (kind === VALUE.double) return numberText(wire.view.getFloat64(start, true));
  writer.length = 0;
  writer.value(wire);
  return writer.text();
}
