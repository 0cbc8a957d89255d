/** Documents as they lie on the wire → column vectors. What no column is for becomes a late field. */
import type { ReadSpec, SourceColumn } from '../../core/contracts/source.ts';
import { lateKey } from '../../core/late.ts';
import type { VectorKind } from '../../core/vectors.ts';
import { wanted } from '../../core/wanted.ts';
import { BatchBuilder } from './batch.ts';
import { inferColumn, nothingSeen, type Seen, see } from './infer.ts';
import { type Mask, masked } from './masks.ts';
import { columnOf, fieldOf, ID, PATH } from './names.ts';
import { JsonWriter, plainText } from './texts.ts';
import { type DocumentPlace, eachField, findDocument, momentOf, safeInteger, VALUE, Wire } from './wire.ts';

/** No column: of a target one that is left out, of a search nothing found. */
const NOT_KEPT = -1;

interface Target {
  readonly key: Buffer;
  /** Of the column; {@link NOT_KEPT} for a field that is left out. */
  readonly column: number;
}

interface Column {
  readonly name: string;
  readonly kind: VectorKind;
  readonly mask: Mask | undefined;
  /** Takes values of any type as text: another type than Firestore's was asked for. */
  readonly lenient: boolean;
  readonly nullify: boolean;
  readonly wants: string;
}

export class Decoder {
  readonly batch: BatchBuilder;
  nullified = 0;
  readonly #wire = new Wire();
  readonly #place: DocumentPlace = { nameStart: 0, nameEnd: 0, start: 0, end: 0 };
  readonly #json: JsonWriter;
  readonly #lateJson: JsonWriter;
  readonly #rootLength: number;
  readonly #columns: readonly Column[];
  readonly #targets: Target[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #id: number;
  readonly #path: number;
  readonly #late: number;
  readonly #lateSeen = new Map<string, Seen>();
  readonly #spec: ReadSpec;
  /** Guess of the target that follows a target: documents of a collection have their fields in one order. */
  readonly #next: number[] = [0];
  #bad = -1;

  /** @param root `projects/…/documents` */
  constructor(spec: ReadSpec, root: string) {
    const { columns, layout, late } = spec;
    this.#spec = spec;
    this.batch = new BatchBuilder(layout);
    this.#json = new JsonWriter(`${root}/`);
    this.#lateJson = new JsonWriter(`${root}/`);
    this.#rootLength = root.length + 1;
    this.#columns = columns.map(({ name, sourceType, logical, mask, unrepresentable }, c) => ({
      name,
      mask,
      kind: layout.columns[c]?.kind ?? 'json',
      lenient: mask !== undefined || !/^(STRING|REFERENCE)(\|REFERENCE|\|STRING)?$/.test(sourceType),
      nullify: unrepresentable === 'nullify',
      wants: wanted(logical),
    }));
    const column = (source: string) => columns.findIndex((one) => one.source === source);
    this.#id = column(ID);
    this.#path = column(PATH);
    this.#late = late === undefined ? NOT_KEPT : layout.columns.length - 1;
    for (const [c, { source }] of columns.entries()) {
      const field = fieldOf(source);
      if (field !== null) this.#target(field, c);
    }
    for (const name of late?.except ?? []) this.#target(fieldOf(name) ?? '', NOT_KEPT);
  }

  /** The late fields so far. */
  get late(): readonly SourceColumn[] {
    return [...this.#lateSeen].map(([name, seen]) => inferColumn(columnOf(name), seen));
  }

  /**
   * Takes the document of an answer.
   *
   * @returns whether it holds one
   */
  take(message: Buffer): boolean {
    const wire = this.#wire;
    const place = this.#place;
    wire.read(message);
    if (!findDocument(wire, place)) return false;
    const counted = this.nullified;
    this.#bad = -1;
    this.batch.begin();
    this.batch.bytes += message.length;
    this.#names(message, place.nameStart, place.nameEnd);
    this.#lateJson.length = 0;
    let previous = 0;
    eachField(wire, place.start, place.end, 2, (start, end) => {
      const target = this.#find(message, start, end, previous);
      previous = target + 1;
      const column = this.#targets[target]?.column ?? NOT_KEPT;
      if (column >= 0) this.#value(column);
      else if (target === NOT_KEPT && this.#late >= 0) this.#lateField(message, start, end);
    });
    if (this.#lateJson.length > 0 && this.#bad < 0) {
      this.#lateJson.ascii('}');
      this.batch.text(this.#late, this.#lateJson.bytes, 0, this.#lateJson.length);
    }
    if (this.#bad < 0) this.batch.commit();
    else {
      this.nullified = counted;
      this.#reject();
    }
    return true;
  }

  #target(field: string, column: number): void {
    if (this.#byKey.has(field)) return;
    this.#byKey.set(field, this.#targets.length);
    this.#targets.push({ key: Buffer.from(field), column });
    this.#next.push(this.#targets.length);
  }

  /** The target of a key; {@link NOT_KEPT}: none. */
  #find(bytes: Buffer, start: number, end: number, previous: number): number {
    const guess = this.#next[previous] ?? 0;
    const key = this.#targets[guess]?.key;
    if (key !== undefined && same(key, bytes, start, end)) return guess;
    const found = this.#byKey.get(bytes.toString('utf8', start, end)) ?? NOT_KEPT;
    if (found >= 0) this.#next[previous] = found;
    return found;
  }

  #names(bytes: Buffer, start: number, end: number): void {
    if (this.#path >= 0) this.#nameText(this.#path, bytes, start + this.#rootLength, end);
    if (this.#id >= 0) this.#nameText(this.#id, bytes, bytes.subarray(start, end).lastIndexOf(47) + start + 1, end);
  }

  #nameText(c: number, bytes: Buffer, start: number, end: number): void {
    const mask = this.#columns[c]?.mask;
    if (mask === undefined) this.batch.text(c, bytes, start, end);
    else this.#masked(c, bytes.toString('utf8', start, end), mask);
  }

  #masked(c: number, text: string, mask: Mask): void {
    const value = masked(text, mask, this.#spec.maskKey);
    if (value === null) return;
    const bytes = Buffer.from(value);
    this.batch.text(c, bytes, 0, bytes.length);
  }

  /** The value that was read last into its column. */
  #value(c: number): void {
    const wire = this.#wire;
    const { kind, start, end } = wire;
    if (kind === VALUE.null || kind === VALUE.none) return;
    const column = this.#columns[c] as Column;
    if (column.mask !== undefined) {
      this.#masked(c, plainText(wire, this.#json) ?? '', column.mask);
      return;
    }
    if (this.#fits(c, column, kind, start, end)) return;
    if (column.nullify) this.nullified += 1;
    else if (this.#bad < 0) this.#bad = c;
  }

  #fits(c: number, { kind: as, lenient }: Column, kind: number, start: number, end: number): boolean {
    const wire = this.#wire;
    switch (as) {
      case 'int64':
        if (kind === VALUE.integer) this.batch.words(c, wire.low, wire.high);
        else if (kind === VALUE.double) return this.#whole(c, wire.view.getFloat64(start, true));
        else return false;
        return true;
      case 'float64': {
        const value = kind === VALUE.integer ? safeInteger(wire) : wire.view.getFloat64(start, true);
        if ((kind !== VALUE.integer || Number.isNaN(value)) && kind !== VALUE.double) return false;
        this.batch.double(c, value);
        return true;
      }
      case 'bool':
        if (kind !== VALUE.boolean) return false;
        this.batch.bool(c, wire.low !== 0);
        return true;
      case 'timestamp': {
        if (kind !== VALUE.timestamp) return false;
        const { seconds, micros } = momentOf(wire, start, end);
        this.batch.moment(c, seconds, micros);
        return true;
      }
      case 'bytes':
        if (kind !== VALUE.bytes) return false;
        this.batch.text(c, wire.bytes, start, end);
        return true;
      case 'text':
        return this.#text(c, lenient, kind, start, end);
      default:
        this.#json.length = 0;
        this.#json.value(wire);
        this.batch.text(c, this.#json.bytes, 0, this.#json.length);
        return true;
    }
  }

  #whole(c: number, value: number): boolean {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) return false;
    const high = Math.floor(value / 4294967296);
    this.batch.words(c, (value - high * 4294967296) | 0, high | 0);
    return true;
  }

  #text(c: number, lenient: boolean, kind: number, start: number, end: number): boolean {
    const wire = this.#wire;
    if (kind === VALUE.string) this.batch.text(c, wire.bytes, start, end);
    else if (kind === VALUE.reference)
      this.batch.text(c, wire.bytes, start + this.#json.rootLength(wire, start, end), end);
    else if (lenient) {
      const bytes = Buffer.from(plainText(wire, this.#json) ?? '');
      this.batch.text(c, bytes, 0, bytes.length);
    } else return false;
    return true;
  }

  #lateField(bytes: Buffer, start: number, end: number): void {
    const wire = this.#wire;
    const { kind } = wire;
    if (kind === VALUE.null || kind === VALUE.none) return;
    const name = bytes.toString('utf8', start, end);
    if (this.#spec.late?.only !== undefined && !this.#spec.late.only.includes(columnOf(name))) return;
    let seen = this.#lateSeen.get(name);
    if (seen === undefined) {
      seen = nothingSeen();
      this.#lateSeen.set(name, seen);
    }
    see(seen, kind, kind === VALUE.integer && Number.isNaN(safeInteger(wire)));
    const json = this.#lateJson;
    json.ascii(`${json.length === 0 ? '{' : ','}"${lateKey(columnOf(name))}":`);
    json.value(wire);
  }

  /** Takes the row out again and keeps it for quarantine, whole: late fields under their own names. */
  #reject(): void {
    const wire = this.#wire;
    const { nameStart, nameEnd, start, end } = this.#place;
    this.batch.takeBack();
    const texts: Record<string, string | null> = Object.fromEntries(this.#columns.map(({ name }) => [name, null]));
    const path = wire.bytes.toString('utf8', nameStart + this.#rootLength, nameEnd);
    if (this.#path >= 0) texts[this.#columns[this.#path]?.name ?? ''] = this.#hidden(this.#path, path);
    if (this.#id >= 0)
      texts[this.#columns[this.#id]?.name ?? ''] = this.#hidden(this.#id, path.split('/').at(-1) ?? '');
    const bad = this.#columns[this.#bad] as Column;
    let found = '';
    eachField(wire, start, end, 2, (keyStart, keyEnd) => {
      const name = wire.bytes.toString('utf8', keyStart, keyEnd);
      const target = this.#byKey.get(name);
      const column = target === undefined ? NOT_KEPT : (this.#targets[target]?.column ?? NOT_KEPT);
      if (target !== undefined && column === NOT_KEPT) return;
      const keeps = column >= 0 || (this.#late >= 0 && this.#spec.late?.only === undefined);
      if (!keeps) return;
      const kind = wire.kind;
      const text = this.#rowText(column);
      texts[this.#columns[column]?.name ?? name] = text === null ? null : this.#hidden(column, text);
      if (column === this.#bad) found = KIND_NAMES[kind] ?? 'a value of another type';
    });
    const reason = `VALUE_OUT_OF_RANGE: ${bad.name}: ${found} is not ${bad.wants}`;
    this.batch.rejected.push({ column: bad.name, reason, row: JSON.stringify(texts) });
  }

  /** A JSON column's text is JSON; that of the others is plain. */
  #rowText(column: number): string | null {
    const wire = this.#wire;
    if (this.#columns[column]?.kind !== 'json' || wire.kind === VALUE.null) return plainText(wire, this.#json);
    this.#json.length = 0;
    this.#json.value(wire);
    return this.#json.text();
  }

  #hidden(column: number, text: string): string | null {
    const mask = this.#columns[column]?.mask;
    return mask === undefined ? text : masked(text, mask, this.#spec.maskKey);
  }
}

const KIND_NAMES: Readonly<Record<number, string>> = {
  [VALUE.boolean]: 'a boolean',
  [VALUE.integer]: 'an integer',
  [VALUE.double]: 'a double',
  [VALUE.reference]: 'a reference',
  [VALUE.map]: 'a map',
  [VALUE.geoPoint]: 'a geographical point',
  [VALUE.array]: 'an array',
  [VALUE.timestamp]: 'a timestamp',
  [VALUE.string]: 'a string',
  [VALUE.bytes]: 'bytes',
};

function same(key: Buffer, bytes: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (key.length !== length) return false;
  for (let i = 0; i < length; i++) if (key[i] !== bytes[start + i]) return false;
  return true;
}
