/** Names that need care, of objects and of columns. */
import { expect, test } from 'vitest';
import { columnNames } from '../../tenants/column-names.ts';
import type { Scene, WantedObject } from './source-fixture.ts';
import { columnsOf } from './source-reading.ts';

const RESERVED = ['select', 'from', 'table', 'order', 'group', 'user', 'rows', 'null', 'index'];
const SIGNS = ['two words', "it's", 'a-b', 'a_b', 'a%20b', 'ünïcödé', 'Цена', '名前', 'semi;colon', '1st'];

export function describeNames(scene: Scene): void {
  const make = (name: string, columns: readonly string[]) => {
    const wanted: WantedObject = {
      name,
      columns: [{ name: 'id', kind: 'INT64' }, ...columns.map((column) => ({ name: column, kind: 'STRING' as const }))],
      rows: [['1', ...columns.map((column) => `of ${column}`)]],
    };
    return scene.fixture.make(wanted);
  };
  /** The one row of such an object, by the names that the warehouse gives. */
  const rowOf = async (name: string, columns: readonly string[]) => {
    const object = await make(name, columns);
    const found = await columnsOf(scene.source, object, ['id', ...columns]);
    const names = columnNames(found.map((column) => column.source));
    expect(new Set(names.map((one) => one.toLowerCase())).size).toBe(names.length);
    const { rows } = await scene.read(object, { columns: found.map((one, i) => ({ ...one, name: names[i] ?? '' })) });
    return rows;
  };
  const read = async (name: string, columns: readonly string[]) =>
    expect(await rowOf(name, columns), name).toEqual([['1', ...columns.map((column) => `of ${column}`)]]);

  test('reads an object without rows, and one with an odd name', async () => {
    const { fixture, source } = scene;
    const none = { rows: [], summary: { extracted: 0, rejected: 0 } };
    expect(await scene.read(fixture.empty)).toMatchObject(none);
    if (source.capabilities.parallelReaders)
      expect(await scene.read(fixture.empty, { readers: 3 })).toMatchObject(none);
    const names = ['Id', 'zażółć', 'select'];
    expect(await scene.read(fixture.odd, { names })).toMatchObject({ rows: [['1', 'ß🙂', '2']], names });
  });

  test('reads columns and objects whose names are words of its language', async () => {
    for (const name of RESERVED.slice(0, 3)) await read(name, RESERVED);
  });

  test('reads names with spaces and signs, in any script', async () => {
    const { refused } = scene.fixture;
    const columns = SIGNS.filter((name) => refused?.column.test(name) !== true);
    const objects = SIGNS.slice(0, 4).filter((name) => refused?.object.test(name) !== true);
    expect([objects.length > 1, columns.length > 5]).toEqual([true, true]);
    for (const name of objects) await read(name, columns);
    await read('名前 Цена', ['b']);
  });

  scene.needs('emojiNames')('reads names of emoji', async () => {
    await read('🦄 orders', ['🦄', '👩‍👩‍👧‍👦', 'a🙂b']);
  });

  test('reads names as long as they may be, and such as differ at their end only', async () => {
    const { object, column } = scene.fixture.longestName;
    const long = 'n'.repeat(Math.min(300, column) - 1);
    const [first, second] = ['a', 'b'].map((end) => `${'t'.repeat(Math.min(300, object) - 1)}${end}`);
    await read(first ?? '', [`${long}x`, `${long}y`]);
    await read(second ?? '', [`${long}x`, `${long}z`]);
  });

  scene.needs('caseColumns')('tells columns apart by their case', async () => {
    await read('cases', ['name', 'Name', 'NAME']);
  });

  scene.needs('caseObjects')('tells objects apart by their case', async () => {
    const rows = async (name: string, column: string) => (await rowOf(name, [column]))[0]?.[1];
    expect([await rows('Twins', 'a'), await rows('twins', 'b')]).toEqual(['of a', 'of b']);
  });
}
