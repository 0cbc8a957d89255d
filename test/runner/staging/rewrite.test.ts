/** Quarantined rows as a warehouse gives them, and the parts that they become. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Engine } from '../../../runner/columnar/engine.ts';
import type { PartColumn, PartFormat, QuarantinedRow } from '../../../runner/core/contracts/staging.ts';
import type { RestagePolicy } from '../../../runner/core/contracts/warehouse.ts';
import { parseType } from '../../../runner/core/types.ts';
import type { VectorKind } from '../../../runner/core/vectors.ts';
import { rewritten } from '../../../runner/staging/rewrite.ts';

let folder: string;
let engine: Engine;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-rewrite-'));
  engine = new Engine();
  await engine.open({ file: join(folder, 'e.duckdb'), memory: '200MB', threads: 2, vectorPath: 'auto' });
});

afterAll(async () => {
  await engine?.close();
  rmSync(folder, { recursive: true, force: true });
});

function part(name: string, kind: VectorKind, type: string, as: PartColumn['as'] = 'typed', cast = true): PartColumn {
  const logical = parseType(type);
  if (logical === null) throw new Error(`${type} is no type`);
  const vector = { name, kind, ...(kind === 'decimal' ? { precision: 38, scale: 4 } : {}) };
  return { staged: { vector, column: { name, type: logical, nullable: true }, cast }, as };
}

const COLUMNS = [
  part('id', 'int64', 'INT64', 'typed', false),
  part('price', 'decimal', 'NUMERIC(12,2)'),
  part('doc', 'json', 'JSON', 'text', false),
  part('exact', 'text', 'BIGNUMERIC', 'text'),
];

type Texts = Readonly<Record<string, string | null>>;

const quarantined = (place: string, runId: string, row: Texts, code = 'VALUE_NOT_CASTABLE'): QuarantinedRow => ({
  place,
  runId,
  column: 'price',
  reason: `${code}: price is not INT64`,
  row: JSON.stringify(row),
});

interface Part {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly twins: readonly string[];
  readonly nullified: number;
}

/** Rewrites pages into a file of this format, and reads that. */
async function rewrite(
  pages: readonly (readonly QuarantinedRow[])[],
  {
    columns = COLUMNS,
    format = 'parquet' as PartFormat,
    nullify = [],
    masked = {},
  }: Partial<RestagePolicy & { columns: readonly PartColumn[]; format: PartFormat }> = {},
): Promise<Part> {
  const file = join(folder, `part.${format}`);
  async function* given() {
    yield* pages;
  }
  const write = (select: string) =>
    engine.execute(`COPY (${select}) TO '${file}' (FORMAT ${format === 'parquet' ? 'parquet' : 'json'})`);
  const { twins, nullified } = await rewritten(engine, { columns, format }, { nullify, masked }, given(), write);
  const from = format === 'parquet' ? `read_parquet('${file}')` : `read_json('${file}', format = 'newline_delimited')`;
  const rows = await engine.query(`SELECT * FROM ${from}`);
  const place = (row: Readonly<Record<string, unknown>>) => String(row._tributary_place);
  return { rows: [...rows].sort((a, b) => place(a).localeCompare(place(b))), twins, nullified };
}

const NONE = { _tributary_column: null, _tributary_reason: null, _tributary_original: null };

it('what fits now is typed and has its place; what is typed in the warehouse stays as it is written', async () => {
  const exact = '12345678901234567890123456789012345678.000000000000000000000000000001';
  const { rows } = await rewrite([
    [quarantined('a', 'run_1', { id: '1', price: '1.50', doc: '{"b":  1.0, "a": "ü"}', exact })],
    [],
    [quarantined('b', 'run_1', { id: '2', price: null, doc: null, exact: 'no number' })],
  ]);
  expect(rows).toEqual([
    { id: '1', price: '1.50', doc: '{"b":  1.0, "a": "ü"}', exact, ...NONE, _tributary_place: 'a' },
    { id: '2', price: null, doc: null, exact: 'no number', ...NONE, _tributary_place: 'b' },
  ]);
});

it('a part has the types of its columns, also without rows', async () => {
  expect((await rewrite([])).rows).toEqual([]);
  const types = await engine.query(
    `SELECT column_name AS c, column_type AS t FROM (DESCRIBE FROM '${folder}/part.parquet')`,
  );
  const texts = ['doc', 'exact', ...Object.keys(NONE), '_tributary_place'].map((name) => [name, 'VARCHAR']);
  expect(types.map(({ c, t }) => [c, t])).toEqual([['id', 'BIGINT'], ['price', 'DECIMAL(12,2)'], ...texts]);
});

it('what still does not fit is a misfit with its new reason, its row and its place', async () => {
  const row = { id: '1', price: '1.505', doc: null, exact: null };
  const { rows } = await rewrite([[quarantined('a', 'run_1', row, 'VALUE_OUT_OF_RANGE')]]);
  expect(rows).toEqual([
    expect.objectContaining({
      _tributary_column: 'price',
      _tributary_reason:
        'VALUE_OUT_OF_RANGE: price: does not fit NUMERIC(12,2) (a number of no more digits than it has)',
      _tributary_original: JSON.stringify(row),
      _tributary_place: 'a',
    }),
  ]);
});

it('a row that two runs met is written once, by its last place', async () => {
  const row = { id: '1', price: '1', doc: null, exact: null };
  const other = { ...row, id: '2' };
  const pages = [
    [quarantined('a', 'run_1', row), quarantined('b', 'run_1', row), quarantined('c', 'run_1', other)],
    [quarantined('d', 'run_2', row)],
  ];
  const { rows, twins } = await rewrite(pages);
  expect(twins).toEqual(['a']);
  expect(rows.map(({ _tributary_place }) => _tributary_place)).toEqual(['b', 'c', 'd']);
});

it('what becomes NULL is counted, in rows that fit only', async () => {
  const row = { id: 'x', price: '1', doc: null, exact: null };
  const { rows, nullified } = await rewrite(
    [[quarantined('a', 'run_1', row), quarantined('b', 'run_1', { ...row, price: 'x' })]],
    { nullify: ['id'] },
  );
  expect(nullified).toBe(1);
  expect(rows.map(({ id, _tributary_column }) => [id, _tributary_column])).toEqual([
    [null, null],
    [null, 'price'],
  ]);
});

it('a failed write leaves the engine as it was', async () => {
  async function* pages() {
    yield [quarantined('a', 'run_1', { id: '1' })];
  }
  const refuse = () => Promise.reject(new Error('no space'));
  const policy = { nullify: [], masked: {} };
  await expect(rewritten(engine, { columns: COLUMNS, format: 'parquet' }, policy, pages(), refuse)).rejects.toThrow(
    'no space',
  );
  expect(await engine.query(`SELECT table_name AS t FROM duckdb_tables() WHERE temporary`)).toEqual([]);
});

it.each(['parquet', 'ndjson'] as const)('%s: every row is written once, is a twin, or is a misfit', async (format) => {
  const one = fc.record({
    runId: fc.constantFrom('run_1', 'run_2', 'run_3'),
    id: fc.constantFrom('1', '2', 'x'),
    price: fc.constantFrom('1', '1.5', '1.505', '-0.01', null),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(one, { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), async (given, size) => {
      const all = given.map(({ runId, ...row }, i) => quarantined(`p${i}`, runId, { ...row, doc: null, exact: null }));
      const pages = Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
      const { rows, twins } = await rewrite(pages, { format });
      const places = [...rows.map(({ _tributary_place }) => String(_tributary_place)), ...twins];
      expect(places.sort()).toEqual(all.map(({ place }) => place).sort());
      const misfits = given.filter(({ id, price }) => id === 'x' || price === '1.505').length;
      expect(rows.filter(({ _tributary_column }) => _tributary_column != null)).toHaveLength(misfits);
      expect(rows).toHaveLength(misfits + mostOfOneRun(given));
    }),
    { numRuns: 40 },
  );
});

/** For each row that fits how often the run that has it most often has it, summed. */
function mostOfOneRun(given: readonly { runId: string; id: string; price: string | null }[]): number {
  const counts = new Map<string, Map<string, number>>();
  for (const { runId, id, price } of given) {
    if (id === 'x' || price === '1.505') continue;
    const runs = counts.get(`${id} ${price}`) ?? new Map<string, number>();
    runs.set(runId, (runs.get(runId) ?? 0) + 1);
    counts.set(`${id} ${price}`, runs);
  }
  return [...counts.values()].reduce((sum, runs) => sum + Math.max(...runs.values()), 0);
}
