/** Every shape of script, and the tables that it is over as the analyzer takes them. */

import type { Query } from '../../../../runner/bigquery/sql.ts';
import type {
  CommitSpec,
  SchemaChange,
  StagedColumn,
  TableChange,
  TableDesign,
} from '../../../../runner/core/contracts/warehouse.ts';
import type { LogicalType } from '../../../../runner/core/types.ts';
import type { VectorKind } from '../../../../runner/core/vectors.ts';
import type { Checked } from '../../../../runner/warehouses/bigquery/check-query.ts';
import { checkQuery } from '../../../../runner/warehouses/bigquery/check-query.ts';
import { type CommitInput, commitScript, keyOfChange } from '../../../../runner/warehouses/bigquery/commit-script.ts';
import { stagedTable } from '../../../../runner/warehouses/bigquery/commit-tables.ts';
import { costStatements } from '../../../../runner/warehouses/bigquery/cost-statement.ts';
import { designChange, designOf, type FoundTable } from '../../../../runner/warehouses/bigquery/design.ts';
import {
  createShared,
  createState,
  createStateView,
  SHARED_TABLES,
} from '../../../../runner/warehouses/bigquery/evidence.ts';
import { stagingOf, stateOf, undoSnapshotOf } from '../../../../runner/warehouses/bigquery/names.ts';
import { qualityQuery } from '../../../../runner/warehouses/bigquery/quality.ts';
import {
  billingUpdate,
  committedQuery,
  countsQuery,
  pendingQuery,
  repeatsQuery,
  stateQuery,
} from '../../../../runner/warehouses/bigquery/queries.ts';
import { createStaging, targetColumns } from '../../../../runner/warehouses/bigquery/tables.ts';
import { columnType, stagingFields } from '../../../../runner/warehouses/bigquery/types.ts';
import { undoPlan, undoQuery, undoScript, undoSnapshot } from '../../../../runner/warehouses/bigquery/undo-script.ts';

export const PROJECT = 'test-project';
export const TARGET = { dataset: 'acme_raw', table: 'orders' };
export const RUN = {
  tenant: 'acme',
  source: 'orders',
  runId: 'run_2',
  fencingToken: 2,
  startedAt: '2026-03-01T00:00:02.000Z',
};

export interface Scene {
  readonly name: string;
  readonly query: Query;
  /** What is there before. */
  readonly tables: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export function column(
  name: string,
  kind: VectorKind,
  type: LogicalType,
  more: Partial<StagedColumn> = {},
): StagedColumn {
  return { vector: { name, kind }, column: { name, type, nullable: true }, cast: false, ...more };
}

export const COLUMNS: readonly StagedColumn[] = [
  { ...column('id', 'int64', { kind: 'INT64' }), column: { name: 'id', type: { kind: 'INT64' }, nullable: false } },
  {
    ...column('note', 'text', { kind: 'STRING' }),
    column: { name: 'note', type: { kind: 'STRING' }, nullable: true, description: 'Note — "quoted" \\ `it\'s`\nnext' },
  },
  column('at', 'timestamp', { kind: 'TIMESTAMP' }),
  column('amount', 'decimal', { kind: 'NUMERIC', precision: 12, scale: 2 }),
  column('huge', 'text', { kind: 'BIGNUMERIC' }, { cast: true }),
  column('doc', 'json', { kind: 'JSON' }),
  column('ratio', 'float64', { kind: 'FLOAT64' }),
  column('tags', 'json', { kind: 'ARRAY', item: 'JSON' }, { cast: true }),
  column('names', 'json', { kind: 'ARRAY', item: 'STRING' }, { cast: true }),
  column('raw', 'bytes', { kind: 'BYTES' }),
  column('day', 'date', { kind: 'DATE' }),
];

/** Enough for what is the same whatever the types are. */
export const FEW: readonly StagedColumn[] = COLUMNS.filter(({ column: { name } }) =>
  ['id', 'note', 'at', 'doc'].includes(name),
);

export const DESIGN: TableDesign = {
  clusterBy: ['id'],
  requirePartitionFilter: false,
  labels: { tenant: 'acme' },
  key: [],
};

export const CHECKED: Checked = {
  rows: 3,
  misfits: 0,
  frequentReason: null,
  nullified: 0,
  ranges: [],
  distinctKeys: null,
};

export function specOf(change: TableChange, more: Partial<CommitSpec> = {}): CommitSpec {
  return {
    run: RUN,
    target: TARGET,
    columns: FEW,
    design: DESIGN,
    change,
    schemaChanges: [],
    cursor: '2026-03-01 00:00:00+00',
    evidence: {
      strategy: 'transactional/merge',
      mode: 'cloud_run',
      modeReason: 'a test',
      window: { column: 'at', from: null, to: '2026-03-01' },
      boundProof: null,
      extracted: 3,
      bytesExtracted: 30,
      nullified: 0,
      seconds: { plan: 0.5 },
    },
    ...(change.kind === 'partition' ? { latestView: { ...TARGET, table: 'orders_latest' } } : {}),
    maxDeleteRatio: 0.5,
    allowMassDelete: false,
    maxBytesBilled: null,
    command: 'tributary run acme orders',
    ...more,
  };
}

/** The table as an earlier commit of the same spec left it. */
export function foundOf(spec: CommitSpec, more: Partial<FoundTable> = {}): FoundTable {
  const { partitionBy, clusterBy, requirePartitionFilter, labels, key } = designOf(spec);
  return {
    columns: targetColumns(spec),
    partition: partitionBy === undefined ? null : { ...partitionBy, expirationMs: null },
    clusterBy,
    requirePartitionFilter,
    description: '',
    labels,
    key,
    rows: 10,
    ...more,
  };
}

export const MERGE = {
  kind: 'merge',
  key: ['id'],
  cursor: 'at',
  keyIsUnique: false,
  mayRepeat: true,
  deletes: 'ignore',
} as const satisfies TableChange;

const RANGES = { ranges: [{ column: 'id', min: '-5', max: '900', nulls: 0 }], distinctKeys: 3 };
const FACTS = { rejected: 0, uncastable: 0, vectorPath: 'fast', nullified: 0, twins: null } as const;

function commit(spec: CommitSpec, more: Partial<CommitInput> = {}, checked: Partial<Checked> = {}): CommitInput {
  const staged = { ...FACTS, checked: { ...CHECKED, ...checked } };
  return { project: PROJECT, spec, found: foundOf(spec), staged, seen: 'run_1', ...more };
}

const filtered: Partial<CommitSpec> = {
  design: { ...DESIGN, partitionBy: { column: 'at', by: 'day' }, requirePartitionFilter: true },
};
const replay = (twins: readonly string[] = []) => ({ ...FACTS, checked: { ...CHECKED, misfits: 1 }, twins });
const added: SchemaChange = { kind: 'add', column: { name: 'more', type: { kind: 'STRING' }, nullable: true } };
const grown = { columns: [...FEW, column('more', 'text', { kind: 'STRING' })], schemaChanges: [added] };
const soft = { ...MERGE, deletes: 'soft' } as const;
const hard = { ...MERGE, deletes: 'hard' } as const;
const byNote = { ...MERGE, key: ['note', 'ratio'] } as const;
const RATIO = { columns: [...FEW, column('ratio', 'float64', { kind: 'FLOAT64' })] };
const stretch = { column: 'at', from: '2026-01-01 00:00:00+00', to: '2026-02-01 00:00:00+00' };
const day = { kind: 'partition', column: '_snapshot_date', date: '2026-03-01' } as const;

const FILES = [
  {
    uri: 'gs://acme-landing/a.csv',
    version: '1700000000000001',
    bytes: 12,
    modifiedAt: '2026-03-01T00:00:00.000Z',
    rows: 3,
  },
];

/** All commits, by what is special about them. */
export const COMMITS: Readonly<Record<string, CommitInput>> = {
  'append, first load': commit(specOf({ kind: 'append' }), { found: null, seen: null }),
  'append, every type, misfits': commit(specOf({ kind: 'append' }, { columns: COLUMNS }), {}, { misfits: 2 }),
  'append, state not read': commit(specOf({ kind: 'append' }), { seen: undefined }),
  'append, nothing staged': commit(specOf({ kind: 'append' }), {}, { rows: 0 }),
  'append, key': commit(specOf({ kind: 'append', key: ['id'] }), {}, RANGES),
  'append, key with NULL': commit(specOf({ kind: 'append', key: ['note', 'doc'] }), {}, { distinctKeys: 3 }),
  'append, rows without a cursor': commit(specOf({ kind: 'append', nullCursor: 'at' })),
  'append, rows without a cursor and a key': commit(
    specOf({ kind: 'append', nullCursor: 'at', key: ['id'] }),
    {},
    RANGES,
  ),
  'append, rows without a cursor and a new column': commit(
    specOf({ kind: 'append', nullCursor: 'at' }, { ...grown, ...filtered }),
    { found: foundOf(specOf({ kind: 'append' }, filtered)) },
  ),
  'append, files': commit(specOf({ kind: 'append' }, { files: FILES })),
  'append, stretch': commit(specOf({ kind: 'append', stretch })),
  'append, stretch with a key': commit(specOf({ kind: 'append', stretch, key: ['id'] }, filtered), {}, RANGES),
  'append, replay': commit(specOf({ kind: 'append', mayRepeat: true }), { staged: replay(['run_1/000000000002']) }),
  'append, replay with a key': commit(specOf({ kind: 'append', mayRepeat: true, key: ['id'] }), { staged: replay() }),
  'merge, first load': commit(specOf(MERGE), { found: null }),
  merge: commit(specOf(MERGE), {}, RANGES),
  'merge, every type': commit(specOf(MERGE, { columns: COLUMNS }), {}, RANGES),
  'merge, unknown ranges': commit(specOf(MERGE)),
  'merge, several versions of a key': commit(specOf(MERGE), {}, { ...RANGES, distinctKeys: 2 }),
  'merge, promised key that is not repeated': commit(
    specOf({ ...MERGE, keyIsUnique: true, mayRepeat: false }),
    {},
    RANGES,
  ),
  'merge, key with NULL': commit(
    specOf(byNote, RATIO),
    {},
    {
      ranges: [
        { column: 'note', min: "it's", max: 'z\\', nulls: 1 },
        { column: 'ratio', min: null, max: null, nulls: 0 },
      ],
      distinctKeys: 3,
    },
  ),
  'merge, required partition filter, column that is no more': commit(
    specOf(MERGE, filtered),
    { found: foundOf(specOf(MERGE, { ...filtered, columns: grown.columns })) },
    RANGES,
  ),
  'merge, soft deletes': commit(specOf(soft), { found: foundOf(specOf(MERGE)) }, RANGES),
  'merge, hard deletes, required partition filter': commit(specOf(hard, filtered), {}, { ...RANGES, rows: 0 }),
  'merge, replay': commit(specOf({ ...MERGE, mayRepeat: false, mayBeOlder: true }), {
    staged: replay(['run_1/000000000002']),
  }),
  'merge, grown and widened': commit(
    specOf(MERGE, {
      columns: [...COLUMNS, column('more', 'text', { kind: 'STRING' })],
      schemaChanges: [
        added,
        {
          kind: 'widen',
          column: 'amount',
          from: { kind: 'NUMERIC', precision: 10, scale: 2 },
          to: { kind: 'NUMERIC', precision: 12, scale: 2 },
        },
        { kind: 'relax', column: 'note' },
      ],
    }),
    { found: foundOf(specOf(MERGE, { columns: COLUMNS }), { columns: narrower() }) },
    RANGES,
  ),
  'daily, first day': commit(specOf(day), { found: null }),
  daily: commit(specOf(day)),
  replace: commit(specOf({ kind: 'replace' })),
  'replace, required partition filter, columns that are no more': commit(specOf({ kind: 'replace' }, filtered), {
    found: foundOf(specOf({ kind: 'replace' }, { ...filtered, columns: grown.columns })),
  }),
  'replace, another type': commit(specOf({ kind: 'replace' }), {
    found: foundOf(specOf({ kind: 'replace' }), {
      columns: [{ name: 'id', type: { kind: 'STRING' }, nullable: true }],
    }),
  }),
};

function narrower(): FoundTable['columns'] {
  return targetColumns(specOf(MERGE, { columns: COLUMNS })).map((found) => {
    if (found.name === 'amount') return { ...found, type: { kind: 'NUMERIC', precision: 10, scale: 2 } };
    return found.name === 'note' ? { ...found, nullable: false } : found;
  });
}

/** Every script and statement there is. */
export function scenes(): readonly Scene[] {
  return [...Object.entries(COMMITS).flatMap(([name, input]) => commitScenes(name, input)), ...otherScenes()];
}

function commitScenes(name: string, input: CommitInput): Scene[] {
  const { spec, found, staged } = input;
  const { sql, parameters, after, recreate } = commitScript(input);
  const tables = { ...evidenceTables(), ...stagingTables(spec.columns), ...targetTable(found) };
  const remade = recreate === null ? tables : { ...tables, ...targetTable(foundOf(spec)) };
  const made = { ...tables, ...targetTable(foundOf(spec)) };
  const table = stagedTable({ project: PROJECT, spec, replay: staged.twins !== null });
  const key = keyOfChange(spec);
  return [
    ...(recreate === null ? [] : [{ name: `${name}: table made anew`, query: recreate, tables }]),
    { name, query: { sql, parameters }, tables: remade },
    ...after.map((statement, i) => ({ name: `${name}: after ${i}`, query: literal(statement), tables: made })),
    { name: `${name}: check`, query: literal(checkQuery(table, key)), tables },
    ...costStatements(PROJECT, spec, found, staged.checked).statements.map((statement, i) => ({
      name: `${name}: cost ${i}`,
      query: literal(statement),
      tables,
    })),
  ];
}

const literal = (sql: string): Query => ({ sql, parameters: [] });

function otherScenes(): Scene[] {
  const spec = specOf(MERGE, { ...filtered, columns: COLUMNS });
  const found = foundOf(spec);
  const tables = { ...evidenceTables(), ...stagingTables(COLUMNS), ...targetTable(found) };
  const labels = { tenant: 'acme', cost_center: 'unassigned' };
  const table = stagedTable({ project: PROJECT, spec, replay: false });
  const snapshot = undoSnapshotOf(RUN);
  const before = {
    ...found,
    columns: [...found.columns, { name: 'gone', type: { kind: 'STRING' } as const, nullable: true }],
  };
  const plan = undoPlan([
    {
      run_id: 'run_1',
      mode: 'cloud_run',
      undone_by: null,
      started_from: '2026-03-01 00:00:00+00',
      hours: '3',
      earlier: '1',
    },
  ]);
  if (typeof plan === 'string') throw new Error(plan);
  const undo = undoScript({ project: PROJECT, run: RUN, target: TARGET, plan, now: found, before });
  const withSnapshot = { ...tables, [path(snapshot)]: columnsOf(before) };
  const design = designChange(PROJECT, TARGET, { ...DESIGN, key: ['id'] }, { ...found, key: ['note'] }, false);
  const one = (name: string, query: Query | string, there: Scene['tables'] = tables): Scene => ({
    name,
    query: typeof query === 'string' ? literal(query) : query,
    tables: there,
  });
  return [
    ...SHARED_TABLES.map((shared) => one(`create ${shared}`, createShared(PROJECT, 'acme', shared, labels), {})),
    one('create the state of a source', createState(PROJECT, 'acme', "o'r`d\\ers", labels), {}),
    one('create _state', createStateView(PROJECT, 'acme', [stateOf('acme', 'orders').table], labels)),
    one('create a staging table', createStaging(PROJECT, RUN, COLUMNS, labels), {}),
    one('create a staging table of keys', createStaging(PROJECT, RUN, COLUMNS.slice(0, 1), labels, true), {}),
    one('state', stateQuery(PROJECT, 'acme', 'orders')),
    one('committed', committedQuery(PROJECT, 'acme', 'run_1')),
    one('counts', countsQuery(PROJECT, 'acme', 'run_1')),
    one('pending', pendingQuery(PROJECT, 'acme', 'orders')),
    one('billing', billingUpdate(PROJECT, 'acme', 'run_1', { bytes: 10, slotMs: 5.4, usd: 0.000001234 })),
    one('repeats', repeatsQuery(PROJECT, TARGET, ['id', 'doc'], found)),
    one(
      'quality',
      literal(
        qualityQuery(
          [
            { test: 'unique', column: 'doc' },
            { test: 'not_null', column: 'note' },
            { test: 'accepted_values', column: 'note', values: ["it's", 'a\\'] },
            { test: 'accepted_values', column: 'id', values: [1, 2] },
            { test: 'range', column: 'amount', min: 0, max: '99.5' },
            { test: 'range', column: 'at', min: '2026-01-01' },
            { test: 'range', column: 'ratio', max: 1.5 },
            { test: 'freshness', column: 'at', withinSeconds: 60 },
            { test: 'freshness', column: 'day', withinSeconds: 1e12 },
            { test: 'row_count', min: 1 },
          ],
          table,
        ),
      ),
    ),
    ...design.statements.map((statement, i) => one(`design ${i}`, statement)),
    one('undo: plan', undoQuery(PROJECT, RUN, 'run_1')),
    one('undo: snapshot', undoSnapshot(PROJECT, RUN, TARGET, plan.at)),
    one('undo', { sql: undo.sql, parameters: undo.parameters }, withSnapshot),
  ];
}

const path = ({ dataset, table }: { dataset: string; table: string }) => `${PROJECT}.${dataset}.${table}`;

function columnsOf(found: FoundTable): Record<string, string> {
  return Object.fromEntries(found.columns.map(({ name, type }) => [name, withoutDigits(columnType(type))]));
}

/** The analyzer's tables have no digits in their types. */
function withoutDigits(type: string): string {
  return type.replace(/\(.*\)$/, '');
}

function targetTable(found: FoundTable | null): Scene['tables'] {
  return found === null ? {} : { [path(TARGET)]: columnsOf(found) };
}

function stagingTables(columns: readonly StagedColumn[]): Scene['tables'] {
  const fields = stagingFields(columns).map(({ name, type, mode }) => [
    name,
    mode === 'REPEATED' ? `ARRAY<${type}>` : type,
  ]);
  const described = Object.fromEntries(fields);
  return { [path(stagingOf(RUN))]: described, [path(stagingOf(RUN, true))]: described };
}

/** What the DDL of the evidence says. */
function evidenceTables(): Scene['tables'] {
  const ddl = [
    ...SHARED_TABLES.map((shared) => createShared(PROJECT, 'acme', shared, {})),
    createState(PROJECT, 'acme', 'orders', {}),
  ];
  return Object.fromEntries(
    ddl.map((sql) => {
      const [, name = '', columns = ''] = /NOT EXISTS (\S+) \(([^)]*)\)/.exec(sql) ?? [];
      const fields = columns.split(',').map((field) => field.trim().replaceAll('`', '').split(' '));
      return [name.replaceAll('`', ''), Object.fromEntries(fields)];
    }),
  );
}
