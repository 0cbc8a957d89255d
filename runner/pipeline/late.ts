/** Columns that are inferred from a few rows: what is known of them from earlier runs, and fields that a read met later. */
import { columnNames } from '../../tenants/naming.ts';
import type { SourceSpec } from '../../tenants/schema/index.ts';
import type { LateWishes, ObjectShape, SourceColumn } from '../core/contracts/source.ts';
import type { LoadState, SchemaChange, StagedColumn, StageSpec, TableColumn } from '../core/contracts/warehouse.ts';
import { TributaryError } from '../core/errors.ts';
import { LATE, LATE_VECTOR } from '../core/late.ts';
import { isScalar, type LogicalType, parseType, sameType, typeName } from '../core/types.ts';
import { unionType } from '../core/union.ts';
import type { VectorColumn } from '../core/vectors.ts';
import type { MappedColumn } from './columns.ts';
import type { Plan } from './plan.ts';

/**
 * The inferred shape with what else is known: columns of earlier runs, and those that the tenant file decides. The table's
 * type stands; a table that is swapped whole takes a type for all that was ever seen. What gets another type is read as
 * JSON, which holds whatever comes, and cast.
 */
export function knownShape(shape: ObjectShape, spec: SourceSpec, state: LoadState | null, swap: boolean): ObjectShape {
  const { types = {}, mask = {} } = spec.columns ?? {};
  const before = new Map((state?.columns ?? []).map((column) => [sourceName(column), column.type]));
  const columns = shape.columns.map((column): SourceColumn => {
    const { name, logical } = column;
    if (mask[name] !== undefined) return column;
    const asked = types[name] === undefined ? null : parseType(types[name]);
    if (asked !== null) return sameType(asked, logical) ? column : { ...column, logical: { kind: 'JSON' } };
    const old = before.get(name);
    if (old === undefined || !isScalar(old.kind)) return column;
    // Text is typed anew where the table is made anew: what any file has is in the sample's reach.
    if (swap && column.sourceType === 'text') return column;
    return { ...column, logical: swap ? unionType(old, logical) : old };
  });
  const seen = new Set(shape.columns.map(({ name }) => name));
  const unseen = (name: string, logical: LogicalType, sourceType: string): SourceColumn[] => {
    if (seen.has(name)) return [];
    seen.add(name);
    return [{ name, sourceType, logical, nullable: true }];
  };
  const told = [...Object.keys(types), ...Object.keys(mask)].flatMap((name) => unseen(name, { kind: 'JSON' }, 'any'));
  const loaded = [...before].flatMap(([name, type]) => unseen(name, type, typeName(type)));
  return { ...shape, columns: [...columns, ...told, ...loaded] };
}

/** The tenant file without what it says of fields that no sample showed: they may still come. */
export function ofSeen(spec: SourceSpec, shape: ObjectShape): SourceSpec {
  const { columns } = spec;
  if (columns === undefined) return spec;
  const present = new Set(shape.columns.map(({ name }) => name));
  const { include, rename = {}, ...rest } = columns;
  const shown = Object.entries(rename).filter(([name]) => present.has(name));
  const asked = include === undefined ? {} : { include: include.filter((name) => present.has(name)) };
  return { ...spec, columns: { ...rest, ...asked, rename: Object.fromEntries(shown) } };
}

/** The description starts with the original name; see columns.ts. */
export function sourceName({ name, description }: Pick<TableColumn, 'name' | 'description'>): string {
  return description?.split(' — ')[0] ?? name;
}

/** Which fields may come late; `null`: the contract leaves out what is new. */
export function lateWishes({ contract, columns }: SourceSpec, state: LoadState | null): LateWishes | null {
  const { include, exclude = [] } = columns ?? {};
  if (state !== null && contract.columns === 'discard') return null;
  return { ...(include === undefined ? {} : { only: include }), except: exclude };
}

export function withCarrier(vectors: readonly VectorColumn[]): readonly VectorColumn[] {
  return [...vectors, LATE_VECTOR];
}

export const CARRIER: StagedColumn = {
  vector: LATE_VECTOR,
  column: { name: LATE, type: { kind: 'JSON' }, nullable: true },
  cast: false,
};

export function withoutCarrier(columns: readonly StagedColumn[]): readonly StagedColumn[] {
  return columns.filter(({ column }) => column.name !== LATE);
}

/** What the late fields of a read become. */
export interface Unfolding {
  readonly late: readonly StagedColumn[];
  /** Of the run, from the unfolding on. */
  readonly stage: StageSpec;
  readonly changes: readonly SchemaChange[];
}

/**
 * Applies the contract to the late fields.
 *
 * @throws SCHEMA_FROZEN
 */
export function unfolding(plan: Plan, stage: StageSpec, spec: SourceSpec, fields: readonly SourceColumn[]): Unfolding {
  const { rename = {} } = spec.columns ?? {};
  const known = plan.columns.map(({ read }) => rename[read.source] ?? read.source);
  const names = columnNames([...known, ...fields.map(({ name }) => rename[name] ?? name)]).slice(known.length);
  const late = fields.map((field, i) => lateColumn(field, names[i] ?? field.name));
  const [first] = late;
  if (first !== undefined && plan.state !== null && spec.contract.columns === 'freeze')
    throw new TributaryError('SCHEMA_FROZEN', {
      change: `Column ${first.column.name} (${typeName(first.column.type)}) is new`,
    });
  const present = new Set(plan.before?.columns.map(({ name }) => name));
  const added = plan.state === null ? [] : late.filter(({ column }) => !present.has(column.name));
  return {
    late,
    stage: { ...stage, columns: [...withoutCarrier(stage.columns), ...late] },
    changes: added.map(({ column }) => ({ kind: 'add', column })),
  };
}

function lateColumn({ name: late, logical, comment }: SourceColumn, name: string): StagedColumn {
  const description = comment === undefined ? late : `${late} — ${comment}`;
  const column = { name, type: logical, nullable: true, description };
  return { vector: LATE_VECTOR, column, cast: false, late };
}

/** The columns of a plan with the late ones: what quality tests and evidence go by. */
export function lateMapped(late: readonly StagedColumn[]): readonly MappedColumn[] {
  return late.map(({ column, cast, late: source = column.name }) => ({
    column,
    cast,
    read: { source, name: column.name, sourceType: 'late', logical: column.type, unrepresentable: 'quarantine' },
  }));
}
