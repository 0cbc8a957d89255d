/** How each strategy changes a table. */
import { expect, test } from 'vitest';
import type { TableChange } from '../../runner/core/contracts/warehouse.ts';
import type { Value } from './batches.ts';
import {
  A,
  APPEND,
  B,
  benchColumn,
  C,
  codeOf,
  D,
  LATEST,
  MERGE,
  REPLACE,
  T,
  TARGET,
  type WarehouseBench,
} from './warehouse-bench.ts';

const NOTHING = { inserted: 0, updated: 0, deleted: 0, unchanged: 0 };
const day = (date: string): TableChange => ({ kind: 'partition', column: '_snapshot_date', date });

export function changeTests(bench: () => WarehouseBench): void {
  const load = (...given: Parameters<WarehouseBench['load']>) => bench().load(...given);
  const rows = (...given: Parameters<WarehouseBench['rows']>) => bench().rows(...given);

  test('append adds the rows of each window', async () => {
    expect(await bench().warehouse.describe(TARGET)).toBeNull();
    expect(await load([A], { change: APPEND })).toEqual({ ...NOTHING, inserted: 1 });
    expect(await load([A, [2, null, null]], { change: APPEND })).toEqual({ ...NOTHING, inserted: 2 });
    expect(await load([], { change: APPEND })).toEqual(NOTHING);
    expect(await rows()).toEqual([
      ['1', 'a'],
      ['1', 'a'],
      ['2', null],
    ]);
    expect((await bench().warehouse.describe(TARGET))?.rows).toBe(3);
    expect(await rows('_run_id')).toEqual([['run_1'], ['run_2'], ['run_2']]);
  });

  test('append with a key leaves out what a lookback reads again', async () => {
    await load([A, B], { change: APPEND });
    const change: TableChange = { kind: 'append', key: ['id'] };
    expect(await load([B, C], { change })).toEqual({ ...NOTHING, inserted: 1, unchanged: 1 });
    expect(await rows()).toEqual([
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'c'],
    ]);
  });

  test('append compares rows without a cursor as a multiset', async () => {
    const change: TableChange = { kind: 'append', nullCursor: 'at' };
    await load([[1, 'x', null], [1, 'x', null], B], { change });
    const again = await load([[1, 'x', null], [1, 'x', null], [1, 'x', null], [9, null, null], C], { change });
    expect(again).toEqual({ ...NOTHING, inserted: 3, unchanged: 2 });
    expect(
      await load(
        [
          [1, 'x', null],
          [9, null, null],
        ],
        { change },
      ),
    ).toEqual({ ...NOTHING, unchanged: 2 });
    expect(await rows()).toEqual([
      ['1', 'x'],
      ['1', 'x'],
      ['1', 'x'],
      ['2', 'b'],
      ['3', 'c'],
      ['9', null],
    ]);
  });

  test('many batches arrive whole', async () => {
    const many = Array.from({ length: 10_000 }, (_, i): Value[] => [
      i,
      i % 3 === 0 ? null : 'ż'.repeat(i % 40),
      T(i % 60),
    ]);
    expect(await load(many, { change: APPEND })).toMatchObject({ inserted: 10_000 });
    const found = await bench().warehouse.query(`SELECT id, note FROM ${bench().sql(TARGET)} ORDER BY id`);
    expect(found).toEqual(many.map(([id, note]) => ({ id: String(id), note })));
  });

  test('merge counts what it inserts, updates and leaves alone', async () => {
    expect(await load([A, B, [3, null, T(3)]], { change: MERGE })).toMatchObject({ inserted: 3 });
    const counts = await load([A, [2, 'B', T(5)], [3, null, T(3)], D], { change: MERGE });
    expect(counts).toEqual({ inserted: 1, updated: 1, deleted: 0, unchanged: 2 });
    expect(await rows('id, note, _run_id')).toEqual([
      ['1', 'a', 'run_1'],
      ['2', 'B', 'run_2'],
      ['3', null, 'run_1'],
      ['4', 'd', 'run_2'],
    ]);
  });

  test('merge keeps the newest of several rows with one key, in the first load too', async () => {
    const first = await load(
      [
        [1, 'old', T(1)],
        [1, 'new', T(9)],
        [1, 'none', null],
        [2, 'b', T(1)],
      ],
      { change: MERGE },
    );
    expect(first).toMatchObject({ inserted: 2 });
    expect(await rows()).toEqual([
      ['1', 'new'],
      ['2', 'b'],
    ]);
    expect(
      await load(
        [
          [1, 'x', T(10)],
          [1, 'y', T(11)],
        ],
        { change: MERGE },
      ),
    ).toMatchObject({ inserted: 0, updated: 1 });
    expect(await rows()).toEqual([
      ['1', 'y'],
      ['2', 'b'],
    ]);
  });

  test('merge marks rows that are gone, and unmarks those that come back', async () => {
    const change = { ...MERGE, deletes: 'soft' } as const;
    await load([A, B, C], { change });
    expect(await load([], { change, keys: [[1], [3]] })).toMatchObject({ deleted: 1 });
    expect(await load([], { change, keys: [[1], [3]] })).toMatchObject({ deleted: 0 });
    const dead = 'id, _deleted_at IS NOT NULL AS dead';
    const marks = () => bench().warehouse.query(`SELECT ${dead} FROM ${bench().sql(TARGET)} ORDER BY id`);
    expect((await marks()).map(({ dead }) => dead)).toEqual([false, true, false]);
    expect(await load([B], { change, keys: [[1], [2], [3]] })).toMatchObject({ updated: 1, deleted: 0 });
    expect((await marks()).map(({ dead }) => dead)).toEqual([false, false, false]);
  });

  test('merge starts to mark deletes on a table that was loaded without', async () => {
    await load([A, B], { change: MERGE });
    const change = { ...MERGE, deletes: 'soft' } as const;
    expect(await load([A], { change, keys: [[1]] })).toMatchObject({ deleted: 1, unchanged: 1 });
    expect(await rows('id, _deleted_at IS NULL')).toEqual([
      ['1', 'true'],
      ['2', 'false'],
    ]);
  });

  test('merge deletes rows that are gone, with a brake', async () => {
    const change = { ...MERGE, deletes: 'hard' } as const;
    await load([A, B, C, D], { change });
    const more = { change, maxDeleteRatio: 0.25 };
    expect(await load([], { ...more, keys: [[1], [2], [3]] })).toMatchObject({ deleted: 1 });
    expect(await codeOf(load([[9, 'z', T(9)]], { ...more, keys: [[1]] }))).toBe('BRAKE_DELETES');
    expect(await rows()).toEqual([
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'c'],
    ]);
    expect(await load([], { ...more, keys: [[1]], allowMassDelete: true })).toMatchObject({ deleted: 2 });
    expect(await rows()).toEqual([['1', 'a']]);
  });

  test('daily replaces its own day, keeps the others, and shows the newest', async () => {
    const of = (snapshotDate: string) => ({ change: day(snapshotDate), snapshotDate });
    await load([A, [2, 'b', T(1)]], of('2026-03-01'));
    expect(await load([[1, 'a2', T(1)]], of('2026-03-01'))).toEqual({ ...NOTHING, inserted: 1, deleted: 2 });
    await load(
      [
        [1, 'a3', T(1)],
        [5, 'e', T(1)],
      ],
      of('2026-03-02'),
    );
    expect(await rows('_snapshot_date, id, note')).toEqual([
      ['2026-03-01', '1', 'a2'],
      ['2026-03-02', '1', 'a3'],
      ['2026-03-02', '5', 'e'],
    ]);
    expect(await rows('id, note', LATEST)).toEqual([
      ['1', 'a3'],
      ['5', 'e'],
    ]);
  });

  test('replace swaps rows and columns', async () => {
    await load([A], { change: REPLACE });
    const columns = [benchColumn('id', 'text', { description: 'id — the new key' }), benchColumn('ok', 'bool')];
    expect(
      await load(
        [
          ['x', true],
          ['y', false],
        ],
        { change: REPLACE, columns },
      ),
    ).toEqual({ ...NOTHING, inserted: 2, deleted: 1 });
    expect(await rows('id, ok')).toEqual([
      ['x', 'true'],
      ['y', 'false'],
    ]);
    expect((await bench().warehouse.describe(TARGET))?.columns.slice(0, 2)).toEqual([
      { name: 'id', type: { kind: 'STRING' }, nullable: true, description: 'id — the new key' },
      { name: 'ok', type: { kind: 'BOOL' }, nullable: true },
    ]);
  });
}
