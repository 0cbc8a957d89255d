/**
 * The logical types of Tributary: BigQuery's, because BigQuery is production and every
 * other warehouse is held to what it would do. Rules: docs/types.md.
 */
import type { TypeName } from '../../tenants/schema/types.ts';

type DecimalKind = 'NUMERIC' | 'BIGNUMERIC';

export type ScalarKind = Exclude<TypeName, DecimalKind>;

export type LogicalType =
  | { readonly kind: ScalarKind }
  /** `precision` and `scale` are absent where the source declares none. */
  | { readonly kind: DecimalKind; readonly precision?: number; readonly scale?: number }
  /** One dimension, no NULL inside. */
  | { readonly kind: 'ARRAY'; readonly item: ScalarKind };

export type LogicalKind = LogicalType['kind'];

/**
 * The type for a source's `numeric(precision, scale)`: NUMERIC holds 29 digits before and 9
 * after the point, everything else (and a numeric without limits) is BIGNUMERIC.
 *
 * @example numericType(12, 2) // { kind: 'NUMERIC', precision: 12, scale: 2 }
 */
export function numericType(precision?: number, scale = 0): LogicalType {
  if (precision === undefined) return { kind: 'BIGNUMERIC' };
  const kind = scale >= 0 && scale <= 9 && precision - scale <= 29 ? 'NUMERIC' : 'BIGNUMERIC';
  return { kind, precision, scale };
}

/** The type as a person writes it in a tenant file: `NUMERIC(12,2)`, `ARRAY<STRING>`. */
export function typeName(type: LogicalType): string {
  if (type.kind === 'ARRAY') return `ARRAY<${type.item}>`;
  if ('precision' in type && type.precision !== undefined) return `${type.kind}(${type.precision},${type.scale ?? 0})`;
  return type.kind;
}

const SCALARS: Readonly<Record<ScalarKind, true>> = {
  INT64: true,
  FLOAT64: true,
  BOOL: true,
  STRING: true,
  BYTES: true,
  DATE: true,
  TIME: true,
  DATETIME: true,
  TIMESTAMP: true,
  JSON: true,
};

/** Whether a name is that of a type without parts or digits. */
export const isScalar = (name: string): name is ScalarKind => Object.hasOwn(SCALARS, name);

/** Reads what {@link typeName} writes; `null` where the text names no type. */
export function parseType(text: string): LogicalType | null {
  const name = text.trim().toUpperCase();
  if (isScalar(name)) return { kind: name };
  const array = /^ARRAY<\s*([A-Z0-9]+)\s*>$/.exec(name)?.[1];
  if (array !== undefined) return isScalar(array) ? { kind: 'ARRAY', item: array } : null;
  const numeric = /^(NUMERIC|BIGNUMERIC)(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?$/.exec(name);
  if (numeric === null) return null;
  const kind = numeric[1] as DecimalKind;
  if (numeric[2] === undefined) return { kind };
  return { kind, precision: Number(numeric[2]), scale: Number(numeric[3] ?? 0) };
}

export function sameType(a: LogicalType, b: LogicalType): boolean {
  return typeName(a) === typeName(b);
}
