/** Stretches of the cursor that are loaded again, and what a table says of a key. */
import { expect, test } from 'vitest';
import type { TableChange } from '../../runner/core/contracts/warehouse.ts';
import {
  A,
  APPEND,
  B,
  C,
  codeOf,
  D,
  MERGE,
  SOURCE,
  T,
  TARGET,
  TENANT,
  type WarehouseBench,
} from './warehouse-bench.ts';

const again = (from: string | null, to: string, key?: readonly string[]): TableChange => ({
  kind: 'append',
  stretch: { column: 'at', from, to },
  ...(key === undefined ? {} : { key }),
});

export function stretchTests(bench: () => WarehouseBench): void {
  const load = (...given: Parameters<WarehouseBench['load']>) => bench().load(...given);
  const rows = (...given: Parameters<WarehouseBench['rows']>) => bench().rows(...given);
  const state = () => bench().warehouse.state(TENANT, SOURCE);

  test('append replaces what the table has of a half-open stretch', async () => {
    await load([A, B, C, [9, 'no time', null]], { change: APPEND });
    const change = again(T(2), T(3));
    const counts = { inserted: 2, updated: 0, deleted: 1, unchanged: 0 };
    expect(await load([B, [5, 'e', T(2)]], { change })).toEqual(counts);
    expect(await load([B, [5, 'e', T(2)]], { change })).toEqual({ ...counts, deleted: 2 });
    expect(await rows('id')).toEqual([['1'], ['2'], ['3'], ['5'], ['9']]);
    expect(await load([D], { change: again(null, T(9)), allowMassDelete: true })).toMatchObject({ deleted: 4 });
    expect(await rows('id')).toEqual([['4'], ['9']]);
  });

  test('with a key, the rows of a stretch replace their older versions elsewhere', async () => {
    await load([A, B, C], { change: APPEND });
    const moved = [1, 'moved', T(3)];
    expect(await load([C, moved], { change: again(T(3), T(4), ['id']) })).toMatchObject({ inserted: 2, deleted: 2 });
    expect(await rows()).toEqual([
      ['1', 'moved'],
      ['2', 'b'],
      ['3', 'c'],
    ]);
  });

  test('a stretch that shrinks stops at the brake', async () => {
    await load([A, B, C, D], { change: APPEND });
    const change = again(T(1), T(4));
    expect(await codeOf(load([A], { change, maxDeleteRatio: 0.5 }))).toBe('BRAKE_DELETES');
    expect(await rows()).toHaveLength(4);
    expect(await load([A, B], { change, maxDeleteRatio: 0.5 })).toMatchObject({ inserted: 2, deleted: 3 });
  });

  test('a table tells whether rows share a key, the state by which key they were merged', async () => {
    await load([A, B, [1, 'a2', T(2)], [null, 'x', T(1)]], { change: APPEND });
    const repeats = (...key: string[]) => bench().warehouse.repeats(TARGET, key);
    expect([await repeats('id'), await repeats('id', 'note'), await repeats('at')]).toEqual([true, false, true]);
    expect((await state())?.key).toEqual([]);
    await load([D], { change: { ...MERGE, key: ['note', 'id'] } });
    expect([...((await state())?.key ?? [])].sort()).toEqual(['id', 'note']);
    expect((await state())?.columns[0]).toEqual({ name: 'id', type: { kind: 'INT64' }, nullable: true });
  });
}
