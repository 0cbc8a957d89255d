/** What changed since the last run, and whether the contract allows it. Pure. */
import type { SourceSpec } from '../../tenants/schema/index.ts';
import type { SchemaChange, TableColumn } from '../core/contracts/warehouse.ts';
import { TributaryError } from '../core/errors.ts';
import { type LogicalType, sameType, typeName } from '../core/types.ts';

export interface SchemaVerdict {
  readonly changes: readonly SchemaChange[];
  /** New columns that the contract leaves out. */
  readonly discarded: readonly string[];
}

type Contract = SourceSpec['contract'] & {
  /** The table is swapped whole: its types may change freely. */
  readonly swap?: boolean;
};

/**
 * Compares the columns of this run with those of the last one.
 *
 * @param excluded source names that the tenant file leaves out on purpose.
 * @throws SCHEMA_FROZEN, SCHEMA_NARROWED, SOURCE_COLUMN_MISSING
 */
export function compareSchema(
  object: string,
  before: readonly TableColumn[],
  now: readonly TableColumn[],
  contract: Contract,
  excluded: readonly string[],
): SchemaVerdict {
  const changes: SchemaChange[] = [];
  const discarded: string[] = [];
  const known = new Map(before.map((column) => [column.name, column]));
  for (const column of now) {
    const old = known.get(column.name);
    if (old === undefined) {
      if (contract.columns === 'freeze')
        throw new TributaryError('SCHEMA_FROZEN', {
          change: `Column ${column.name} (${typeName(column.type)}) is new`,
        });
      if (contract.columns === 'discard') discarded.push(column.name);
      else changes.push({ kind: 'add', column });
      continue;
    }
    if (!sameType(old.type, column.type)) changes.push(...typeChange(column.name, old.type, column.type, contract));
    if (!old.nullable && column.nullable) changes.push({ kind: 'relax', column: column.name });
  }
  const names = new Set(now.map(({ name }) => name));
  const gone = before.find(
    ({ name, description }) => !names.has(name) && !excluded.includes(sourceName(name, description)),
  );
  if (gone !== undefined)
    throw new TributaryError('SOURCE_COLUMN_MISSING', {
      object,
      column: sourceName(gone.name, gone.description),
      why: 'an earlier run loaded it',
    });
  return { changes, discarded };
}

/** The description starts with the original name; see columns.ts. */
function sourceName(name: string, description: string | undefined): string {
  return description?.split(' — ')[0] ?? name;
}

function typeChange(column: string, from: LogicalType, to: LogicalType, contract: Contract): SchemaChange[] {
  if (contract.types === 'freeze')
    throw new TributaryError('SCHEMA_FROZEN', {
      change: `Column ${column} was ${typeName(from)} and is ${typeName(to)}`,
    });
  if (contract.swap !== true && !widens(from, to))
    throw new TributaryError('SCHEMA_NARROWED', { column, from: typeName(from), to: typeName(to) });
  return [{ kind: 'widen', column, from, to }];
}

const FREE = { whole: 29, fraction: 9 };

/** Digits before and after the point. */
function room(type: LogicalType): { whole: number; fraction: number } | null {
  if (type.kind === 'INT64') return { whole: 19, fraction: 0 };
  if (type.kind !== 'NUMERIC' && type.kind !== 'BIGNUMERIC') return null;
  if (type.precision === undefined) return FREE;
  const fraction = type.scale ?? 0;
  return { whole: type.precision - fraction, fraction };
}

/** Whether every value of `from` is one of `to`. */
export function widens(from: LogicalType, to: LogicalType): boolean {
  if (from.kind === 'FLOAT64' || to.kind === 'INT64') return sameType(from, to);
  const old = room(from);
  const wider = room(to);
  return (
    old !== null && wider !== null && wider.whole >= Math.min(old.whole, FREE.whole) && wider.fraction >= old.fraction
  );
}
