/** How the table of a source lies in the warehouse and what is said about it. Pure. */
import { labels } from '../../tenants/naming.ts';
import { durationSeconds } from '../../tenants/schema/duration.ts';
import type { SourceSpec, TenantSpec } from '../../tenants/schema/index.ts';
import { CLUSTER_TYPES, PARTITION_TYPES } from '../../tenants/schema/types.ts';
import { suggest } from '../../tenants/suggest.ts';
import type { ObjectShape } from '../core/contracts/source.ts';
import type { TableDesign } from '../core/contracts/warehouse.ts';
import { TributaryError } from '../core/errors.ts';
import type { LogicalKind } from '../core/types.ts';
import type { Strategy } from '../strategies/strategy.ts';
import { keyOf, type MappedColumn } from './columns.ts';

export interface DesignFacts {
  readonly tenant: Pick<TenantSpec, 'tenant' | 'costCenter'>;
  readonly sourceName: string;
  readonly spec: SourceSpec;
  readonly strategy: Strategy;
  readonly shape: Pick<ObjectShape, 'key' | 'comment'>;
  readonly columns: readonly MappedColumn[];
  /** Environment of the stack, a label of everything in it. */
  readonly env: string;
}

const DAY = '_snapshot_date';
const MOST_CLUSTERS = 4;
const MOST_KEYS = 16;
const DAY_SECONDS = 86_400;

/**
 * The design of the tenant file. Daily snapshots are partitioned by their day, a merge is clustered by its key unless the
 * file says otherwise.
 *
 * @throws DESIGN_INVALID where the file names a column that is not there, or has a type that no table can lie by.
 */
export function tableDesign(facts: DesignFacts): TableDesign {
  const { tenant, spec, strategy, shape, env } = facts;
  const { destination } = spec;
  const partitionBy = partitionOf(facts);
  const description = destination.description ?? shape.comment;
  return {
    ...(partitionBy === undefined ? {} : { partitionBy }),
    clusterBy: clustersOf(facts),
    requirePartitionFilter: destination.requirePartitionFilter && partitionBy !== undefined,
    ...(destination.partitionExpiration === undefined || partitionBy === undefined
      ? {}
      : { partitionExpirationDays: durationSeconds(destination.partitionExpiration) / DAY_SECONDS }),
    ...(description === undefined ? {} : { description }),
    labels: { ...destination.labels, ...labels({ tenant: tenant.tenant, env, costCenter: tenant.costCenter }) },
    key: uniqueKey(facts, strategy.whole ? shape.key : keyOf(spec)),
  };
}

function partitionOf(facts: DesignFacts): TableDesign['partitionBy'] {
  if (facts.strategy.dated) return { column: DAY, by: 'day' };
  const { partitionBy } = facts.spec.destination;
  if (partitionBy === undefined) return undefined;
  const type = typeOf(facts, 'partitionBy', partitionBy.column, PARTITION_TYPES);
  if (partitionBy.by === 'hour' && type === 'DATE')
    throw invalid(facts, 'partitionBy', `${partitionBy.column} is a DATE, which has no hours`, 'Write by: day.');
  return partitionBy;
}

function clustersOf(facts: DesignFacts): readonly string[] {
  const { clusterBy } = facts.spec.destination;
  for (const column of clusterBy) typeOf(facts, 'clusterBy', column, CLUSTER_TYPES);
  if (clusterBy.length > 0 || facts.strategy.name !== 'transactional/merge') return clusterBy;
  return keyColumns(facts, keyOf(facts.spec))
    .filter(({ column }) => (CLUSTER_TYPES as readonly string[]).includes(column.type.kind))
    .map(({ column }) => column.name)
    .slice(0, MOST_CLUSTERS);
}

/**
 * The key where the table has one row of each and no NULL in it: an append keeps every version of a row. A snapshot of a
 * day has one row of each.
 */
function uniqueKey(facts: DesignFacts, names: readonly string[]): readonly string[] {
  const { strategy } = facts;
  const columns = keyColumns(facts, names);
  const holds =
    strategy.name !== 'transactional/append' &&
    names.length > 0 &&
    columns.length === names.length &&
    columns.every(({ column, read }) => !column.nullable && isKeyType(column.type.kind) && !isBlurred(read.mask));
  if (!holds) return [];
  const key = [...columns.map(({ column }) => column.name), ...(strategy.dated ? [DAY] : [])];
  return key.length > MOST_KEYS ? [] : key;
}

function isKeyType(kind: LogicalKind): boolean {
  return (CLUSTER_TYPES as readonly string[]).includes(kind);
}

/** Whether different values look the same behind the mask. */
function isBlurred(mask: MappedColumn['read']['mask']): boolean {
  return mask === 'redact' || mask === 'null';
}

function keyColumns({ columns }: DesignFacts, names: readonly string[]): MappedColumn[] {
  return names.flatMap((name) => columns.find(({ read }) => read.source === name) ?? []);
}

/** The type of a column, named as the warehouse spells it. */
function typeOf(
  facts: DesignFacts,
  key: 'partitionBy' | 'clusterBy',
  name: string,
  allowed: readonly LogicalKind[],
): LogicalKind {
  const kinds = new Map<string, LogicalKind>([
    ['_run_id', 'STRING'],
    ['_extracted_at', 'TIMESTAMP'],
    ...(facts.strategy.dated ? [[DAY, 'DATE'] as const] : []),
    ...facts.columns.map(({ column }) => [column.name, column.type.kind] as const),
  ]);
  const kind = kinds.get(name);
  if (kind === undefined) {
    const near = facts.columns.find(({ read }) => read.source === name)?.column.name ?? suggest(name, kinds.keys());
    throw invalid(facts, key, `the table has no ${name}`, near === undefined ? undefined : `Did you mean ${near}?`);
  }
  if (!allowed.includes(kind))
    throw invalid(facts, key, `${name} is ${kind}`, `Name a column of ${allowed.join(', ')}.`);
  return kind;
}

function invalid({ sourceName }: DesignFacts, key: string, reason: string, advice?: string): TributaryError {
  return new TributaryError('DESIGN_INVALID', { source: sourceName, key, reason, advice });
}
