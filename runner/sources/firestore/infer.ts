/** What a column is by the values that were seen of it. Pure. */
import type { SourceColumn } from '../../core/contracts/source.ts';
import type { LogicalType } from '../../core/types.ts';
import { unionType } from '../../core/union.ts';
import { VALUE, type ValueKind } from './wire.ts';

/** Names of the types as Firestore's documentation has them, and what each becomes. */
const TYPES: Readonly<Partial<Record<ValueKind, readonly [name: string, logical: LogicalType['kind']]>>> = {
  [VALUE.boolean]: ['BOOLEAN', 'BOOL'],
  [VALUE.integer]: ['INTEGER', 'INT64'],
  [VALUE.double]: ['FLOAT', 'FLOAT64'],
  [VALUE.timestamp]: ['TIMESTAMP', 'TIMESTAMP'],
  [VALUE.string]: ['STRING', 'STRING'],
  [VALUE.reference]: ['REFERENCE', 'STRING'],
  [VALUE.bytes]: ['BYTES', 'BYTES'],
  [VALUE.geoPoint]: ['GEOPOINT', 'JSON'],
  [VALUE.array]: ['ARRAY', 'JSON'],
  [VALUE.map]: ['MAP', 'JSON'],
};

/** Types that were seen under one name. NULL decides nothing. */
export interface Seen {
  readonly kinds: Set<ValueKind>;
  /** Documents that have a value. */
  values: number;
  /** A whole number of more than 53 bits: no float is the same. */
  wide: boolean;
}

export function nothingSeen(): Seen {
  return { kinds: new Set(), values: 0, wide: false };
}

export function see(seen: Seen, kind: number, wide: boolean): void {
  if (kind === VALUE.null || kind === VALUE.none) return;
  seen.kinds.add(kind as ValueKind);
  seen.values += 1;
  seen.wide ||= wide;
}

/** The narrowest type that holds all values and loses nothing; `null` where none was seen. */
export function inferType({
  kinds,
  wide,
}: Seen): { readonly sourceType: string; readonly logical: LogicalType } | null {
  const found = [...kinds].flatMap((kind) => TYPES[kind] ?? []) as string[];
  const types = [...kinds].flatMap((kind) => (TYPES[kind] === undefined ? [] : [TYPES[kind]]));
  if (found.length === 0) return null;
  const logicals = types.map(([, kind]) => ({ kind }) as LogicalType);
  const union = logicals.reduce(unionType);
  const loses = union.kind === 'FLOAT64' && wide && types.length > 1;
  return {
    sourceType: types
      .map(([name]) => name)
      .sort()
      .join('|'),
    logical: loses ? { kind: 'JSON' } : union,
  };
}

/** A column of the inferred shape. A field of which NULL alone was seen can still be anything. */
export function inferColumn(name: string, seen: Seen): SourceColumn {
  const type = inferType(seen) ?? { sourceType: 'NULL', logical: { kind: 'JSON' } };
  return { name, ...type, nullable: true };
}
