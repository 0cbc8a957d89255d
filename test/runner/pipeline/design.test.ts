/** How tables lie, from the tenant file and the columns of the source. */
import { describe, expect, it } from 'vitest';
import type { ObjectShape, SourceColumn } from '../../../runner/core/contracts/source.ts';
import type { TableDesign } from '../../../runner/core/contracts/warehouse.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { parseType } from '../../../runner/core/types.ts';
import { mapColumns } from '../../../runner/pipeline/columns.ts';
import { tableDesign } from '../../../runner/pipeline/design.ts';
import { strategyOf } from '../../../runner/strategies/choose.ts';
import { type TenantInput, tenantSchema } from '../../../tenants/schema/index.ts';

type SourceInput = NonNullable<TenantInput['sources']>[string];

function column(name: string, type: string, nullable = false): SourceColumn {
  return { name, sourceType: type, logical: parseType(type) ?? { kind: 'STRING' }, nullable };
}

const SHAPE: ObjectShape = {
  name: 'public.orders',
  kind: 'table',
  rows: null,
  bytes: null,
  comment: 'Orders of the shop',
  columns: [
    column('id', 'INT64'),
    column('Größe', 'FLOAT64'),
    column('place', 'STRING'),
    column('note', 'JSON', true),
    column('born', 'DATE', true),
    column('at', 'TIMESTAMP', true),
  ],
  key: ['id'],
  cursorCandidates: [],
};

const MERGE = { strategy: 'transactional' as const, mode: 'merge' as const, key: ['id'], cursor: 'at' };
const APPEND = { strategy: 'transactional', mode: 'append', cursor: 'at' } as const;
const REPLACE = { strategy: 'catalog' } as const;
const DAILY = { strategy: 'catalog', history: 'daily' } as const;

function design(source: Partial<SourceInput>, shape: Partial<ObjectShape> = {}): TableDesign {
  const tenant = tenantSchema.parse({
    tenant: 'acme',
    costCenter: 'retail-42',
    connections: { main: { kind: 'postgres', host: 'h', database: 'd', user: 'u', secret: 's' } },
    sources: { orders: { load: REPLACE, table: 'public.orders', ...source, connection: 'main' } },
  });
  const spec = tenant.sources.orders;
  if (spec === undefined) throw new Error('the source of the test is gone');
  const found = { ...SHAPE, ...shape };
  const columns = mapColumns(found, spec, 76);
  const strategy = strategyOf(spec.load);
  return tableDesign({ tenant, sourceName: 'orders', spec, strategy, shape: found, columns, env: 'prod' });
}

describe('a design', () => {
  it('is what the tenant file writes', () => {
    expect(
      design({
        load: APPEND,
        destination: {
          partitionBy: { column: 'at', by: 'hour' },
          clusterBy: ['place', 'id'],
          requirePartitionFilter: true,
          partitionExpiration: '36h',
          description: 'What was sold',
          labels: { sensitivity: 'internal' },
        },
      }),
    ).toEqual({
      partitionBy: { column: 'at', by: 'hour' },
      clusterBy: ['place', 'id'],
      requirePartitionFilter: true,
      partitionExpirationDays: 1.5,
      description: 'What was sold',
      labels: {
        tenant: 'acme',
        env: 'prod',
        cost_center: 'retail-42',
        managed_by: 'tributary',
        sensitivity: 'internal',
      },
      key: [],
    });
  });

  it('has little where nothing is written', () => {
    const { labels: _, ...rest } = design({});
    expect(rest).toEqual({
      clusterBy: [],
      requirePartitionFilter: false,
      description: 'Orders of the shop',
      key: ['id'],
    });
  });

  it('clusters a merge by its key, by the names of the warehouse', () => {
    const key = ['Größe', 'note', 'place', 'id', 'born', 'at'];
    const load = { ...MERGE, key };
    expect(design({ load, columns: { rename: { place: 'city' } } }).clusterBy).toEqual(['city', 'id', 'born', 'at']);
    expect(design({ load: MERGE, destination: { clusterBy: ['place'] } }).clusterBy).toEqual(['place']);
    expect(design({ load: { ...APPEND, key: ['id'] } }).clusterBy).toEqual([]);
  });

  it('partitions snapshots by their day', () => {
    const daily = design({
      load: DAILY,
      destination: { requirePartitionFilter: true, partitionExpiration: '30d', clusterBy: ['_snapshot_date'] },
    });
    expect(daily).toMatchObject({
      partitionBy: { column: '_snapshot_date', by: 'day' },
      requirePartitionFilter: true,
      partitionExpirationDays: 30,
      clusterBy: ['_snapshot_date'],
      key: ['id', '_snapshot_date'],
    });
  });

  it('may use the columns that are added', () => {
    const destination = { partitionBy: { column: '_extracted_at' }, clusterBy: ['_run_id'] };
    expect(design({ destination })).toMatchObject({ partitionBy: { by: 'day' }, clusterBy: ['_run_id'] });
  });
});

describe('a key is told', () => {
  it('where each row has its own', () => {
    expect(design({ load: { ...MERGE, key: ['place', 'id'] } }).key).toEqual(['place', 'id']);
    expect(design({ columns: { rename: { id: 'number' }, mask: { id: 'hmac-sha256' } } }).key).toEqual(['number']);
  });

  it.each([
    ['an append, which keeps every version', { load: APPEND }],
    ['a column that is left out', { columns: { exclude: ['id'] } }],
    ['a mask that makes values alike', { columns: { mask: { id: 'redact' as const } } }],
    ['a NULL', { load: { ...MERGE, key: ['born'] } }],
    ['a type that is no key', { load: { ...MERGE, key: ['Größe'] } }],
  ])('not with %s', (_, source) => {
    expect(design(source).key).toEqual([]);
  });

  it('not past 16 columns, nor without one', () => {
    const columns = Array.from({ length: 17 }, (_, i) => column(`c${i}`, 'INT64'));
    expect(design({}, { columns, key: columns.slice(1).map(({ name }) => name) }).key).toHaveLength(16);
    expect(design({}, { columns, key: columns.map(({ name }) => name) }).key).toEqual([]);
    expect(design({}, { key: [] }).key).toEqual([]);
  });
});

describe('a design that no table can have', () => {
  it.each([
    [{ partitionBy: { column: 'plaec' } }, 'partitionBy', 'the table has no plaec', 'Did you mean place?'],
    [{ partitionBy: { column: 'place' } }, 'partitionBy', 'place is STRING', 'DATE, DATETIME, TIMESTAMP'],
    [{ partitionBy: { column: 'born', by: 'hour' as const } }, 'partitionBy', 'born is a DATE', 'by: day'],
    [{ clusterBy: ['id', 'note'] }, 'clusterBy', 'note is JSON', 'INT64'],
    [{ clusterBy: ['Größe'] }, 'clusterBy', 'the table has no Größe', 'Did you mean Grosse?'],
    [{ clusterBy: ['_snapshot_date'] }, 'clusterBy', 'the table has no _snapshot_date', ''],
  ])('%o is refused', (destination, key, reason, fix) => {
    let thrown: unknown;
    try {
      design({ destination });
    } catch (error) {
      thrown = error;
    }
    expect(problemOf(thrown)).toMatchObject({
      code: 'DESIGN_INVALID',
      detail: expect.stringContaining(`destination.${key} of orders: ${reason}`),
      fix: expect.stringContaining(fix),
    });
  });
});
