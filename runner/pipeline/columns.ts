/** From the source's columns and the tenant file to what is read and what it becomes. Pure. */
import { columnNames } from '../../tenants/naming.ts';
import type { SourceSpec } from '../../tenants/schema/index.ts';
import type { ObjectShape, ReadColumn } from '../core/contracts/source.ts';
import type { StagedColumn, TableColumn, WarehouseCapabilities } from '../core/contracts/warehouse.ts';
import { TributaryError } from '../core/errors.ts';
import { type LogicalType, parseType, sameType } from '../core/types.ts';
import type { VectorColumn } from '../core/vectors.ts';

/** A column on its whole way. */
export interface MappedColumn {
  readonly read: ReadColumn;
  readonly column: TableColumn;
  readonly cast: boolean;
  readonly nullify?: boolean;
  readonly distinct?: number;
}

const VECTOR_DIGITS = 38;
const ALL_DIGITS: ReadonlySet<LogicalType['kind']> = new Set(['NUMERIC', 'BIGNUMERIC', 'STRING']);

/**
 * A decimal that no vector holds and the warehouse does is read as text and cast in the check.
 *
 * @param decimalDigits of the warehouse.
 * @throws SOURCE_COLUMN_MISSING where the tenant file names a column that the source has not.
 */
export function mapColumns(
  shape: ObjectShape,
  spec: SourceSpec,
  decimalDigits: WarehouseCapabilities['decimalDigits'],
): readonly MappedColumn[] {
  const { include, exclude = [], rename = {}, types = {}, mask = {}, unrepresentable = {} } = spec.columns ?? {};
  const present = new Set(shape.columns.map(({ name }) => name));
  const asked: [string, string][] = [
    ...(include ?? []).map((name): [string, string] => [name, 'columns.include names it']),
    ...Object.keys(rename).map((name): [string, string] => [name, 'columns.rename names it']),
    ...Object.keys(types).map((name): [string, string] => [name, 'columns.types names it']),
    ...Object.keys(mask).map((name): [string, string] => [name, 'columns.mask names it']),
    ...keyOf(spec).map((name): [string, string] => [name, 'load.key names it']),
    ...(cursorOf(spec) === undefined ? [] : [[cursorOf(spec) as string, 'load.cursor names it'] as [string, string]]),
  ];
  for (const [column, why] of asked) {
    if (!present.has(column)) throw new TributaryError('SOURCE_COLUMN_MISSING', { object: shape.name, column, why });
  }
  const chosen = shape.columns.filter(
    ({ name }) => (include === undefined || include.includes(name)) && !exclude.includes(name),
  );
  const names = columnNames(chosen.map(({ name }) => rename[name] ?? name));
  return chosen.map((column, i) => {
    const name = names[i] ?? column.name;
    const masking = mask[column.name];
    const natural: LogicalType = masking === undefined ? column.logical : { kind: 'STRING' };
    const wanted =
      masking === undefined && types[column.name] !== undefined ? parseType(types[column.name] as string) : null;
    const wide = decimalDigits > VECTOR_DIGITS && isWide(natural) && isWide(wanted ?? natural);
    const asText = wanted?.kind === 'STRING' || wide;
    const cast = wide || (wanted !== null && !asText && !sameType(wanted, natural));
    const read: ReadColumn = {
      source: column.name,
      name,
      sourceType: column.sourceType,
      logical: asText ? { kind: 'STRING' } : natural,
      ...(wanted !== null && ALL_DIGITS.has(wanted.kind) ? { allDigits: true } : {}),
      ...(masking === undefined ? {} : { mask: masking }),
      unrepresentable: unrepresentable[column.name] ?? column.unrepresentable ?? 'quarantine',
    };
    return {
      read,
      cast,
      ...(wide && read.unrepresentable === 'nullify' ? { nullify: true } : {}),
      ...(column.distinct === undefined ? {} : { distinct: column.distinct }),
      column: {
        name,
        type: wanted ?? natural,
        nullable: column.nullable,
        description: describe(column.name, column.comment, column.labels),
      },
    };
  });
}

function isWide(type: LogicalType): boolean {
  return type.kind === 'BIGNUMERIC' && (type.precision === undefined || type.precision > VECTOR_DIGITS);
}

function describe(name: string, comment: string | undefined, labels: readonly string[] | undefined): string {
  const parts = [
    name,
    ...(comment === undefined ? [] : [comment]),
    ...(labels === undefined ? [] : [`one of: ${labels.join(', ')}`]),
  ];
  return parts.join(' — ');
}

export function stagedColumns(mapped: readonly MappedColumn[], vectors: readonly VectorColumn[]): StagedColumn[] {
  return mapped.map(({ read, ...column }, i) => {
    const vector = vectors[i] as VectorColumn;
    const text = vector.kind === 'text' && column.column.type.kind !== 'STRING';
    if (!text || column.cast) return { ...column, vector };
    return { ...column, vector, cast: true, ...(read.unrepresentable === 'nullify' ? { nullify: true } : {}) };
  });
}

/** The destination's name of a source column. */
export function outputName(mapped: readonly MappedColumn[], source: string): string {
  return mapped.find(({ read }) => read.source === source)?.column.name ?? source;
}

export function keyOf(spec: SourceSpec): readonly string[] {
  return spec.load.strategy === 'transactional' ? (spec.load.key ?? []) : [];
}

export function cursorOf(spec: SourceSpec): string | undefined {
  return spec.load.strategy === 'transactional' ? spec.load.cursor : undefined;
}
