/** Late fields: one column carried them, and they become columns of their own before the commit. */
import { expect, test } from 'vitest';
import type { StagedColumn } from '../../runner/core/contracts/warehouse.ts';
import { LATE, lateKey } from '../../runner/core/late.ts';
import type { ScalarKind } from '../../runner/core/types.ts';
import type { Value } from './batches.ts';
import { APPEND, type BenchLoad, benchColumn, codeOf, TARGET, type WarehouseBench } from './warehouse-bench.ts';

const COLUMNS = [benchColumn('id', 'int64'), benchColumn(LATE, 'json')];

/** The column that carries late fields, of these values. */
const carried = (fields: Readonly<Record<string, unknown>>): string =>
  `{${Object.entries(fields)
    .map(([name, json]) => `${JSON.stringify(lateKey(name))}:${json}`)
    .join(',')}}`;

function late(name: string, kind: ScalarKind, as = name): StagedColumn {
  const column = { name: as, type: { kind }, nullable: true, description: name };
  return { vector: { name: LATE, kind: 'json' }, column, cast: false, late: name };
}

export function lateTests(bench: () => WarehouseBench): void {
  const load = async (
    rows: readonly (readonly Value[])[],
    fields: readonly StagedColumn[],
    more: Partial<BenchLoad> = {},
  ) => {
    const wishes = { change: APPEND, columns: COLUMNS, ...more };
    const spec = await bench().stage(rows, wishes);
    const staged = await bench().warehouse.unfold(spec, fields);
    const columns = [...spec.columns.filter(({ column }) => column.name !== LATE), ...fields];
    return { staged, spec: { ...spec, columns }, wishes };
  };

  test('late fields become columns of their types', async () => {
    const fields = {
      text: '"Ż \\"x\\""',
      whole: '9007199254740993',
      part: '-0.5',
      ok: 'true',
      at: '"2026-01-02T03:04:05.000006Z"',
      bytes: '"AP8B"',
      tree: '{"a":[1,"x"]}',
      'a.b"🙂': '"odd"',
    };
    const { staged, spec, wishes } = await load(
      [
        [1, carried(fields)],
        [2, null],
        [3, carried({ text: '""', tree: '"x"' })],
      ],
      [
        late('text', 'STRING'),
        late('whole', 'INT64'),
        late('part', 'FLOAT64'),
        late('ok', 'BOOL'),
        late('at', 'TIMESTAMP'),
        late('bytes', 'BYTES'),
        late('tree', 'JSON'),
        late('a.b"🙂', 'STRING', 'a_b'),
      ],
    );
    expect(staged).toMatchObject({ rows: 3, rejected: 0, uncastable: 0 });
    expect(await bench().commit(spec, wishes)).toMatchObject({ inserted: 3 });
    const shape = await bench().warehouse.describe(TARGET);
    const types = Object.fromEntries(shape?.columns.map(({ name, type }) => [name, type.kind]) ?? []);
    expect(types).toEqual({
      ...{ id: 'INT64', text: 'STRING', whole: 'INT64', part: 'FLOAT64', ok: 'BOOL', at: 'TIMESTAMP', bytes: 'BYTES' },
      ...{ tree: 'JSON', a_b: 'STRING', _run_id: 'STRING', _extracted_at: 'TIMESTAMP' },
    });
    const same = `"at" = TIMESTAMP '2026-01-02 03:04:05.000006+00'`.replaceAll(
      '"',
      bench().dialect.name('x').charAt(0),
    );
    const [one, two, three] = await bench().rows(`id, text, whole, part, ok, ${same}, a_b`);
    expect(one).toEqual(['1', 'Ż "x"', '9007199254740993', '-0.5', 'true', 'true', 'odd']);
    expect(two?.slice(1)).toEqual([null, null, null, null, null, null]);
    expect(three?.slice(0, 3)).toEqual(['3', '', null]);
    const trees = (await bench().rows('id, tree')).map(([, tree]) => (tree ? bench().dialect.json(tree) : null));
    expect(trees).toEqual(['{"a":[1,"x"]}', null, '"x"']);
  });

  test('what does not fit its column is quarantined with the whole row', async () => {
    const { staged, spec, wishes } = await load(
      [
        [1, carried({ size: '5' })],
        [2, carried({ size: '"many"', other: '"x"' })],
      ],
      [late('size', 'INT64'), late('other', 'STRING')],
    );
    expect(staged).toMatchObject({ rows: 1, uncastable: 1 });
    expect(staged.frequentReason).toContain('VALUE_NOT_CASTABLE: size is not INT64');
    expect(await bench().commit(spec, wishes)).toMatchObject({ inserted: 1 });
    const [row] = await bench().evidence('_quarantine');
    expect(row?.column_name).toBe('size');
    expect(JSON.parse(String(row?.row))).toMatchObject({ id: '2', size: 'many', other: 'x' });
  });

  test('without late fields the column that would carry them is gone', async () => {
    const { staged, spec, wishes } = await load([[1, null]], []);
    expect(staged).toMatchObject({ rows: 1 });
    await bench().commit(spec, wishes);
    const shape = await bench().warehouse.describe(TARGET);
    expect(shape?.columns.map(({ name }) => name)).toEqual(['id', '_run_id', '_extracted_at']);
  });

  test('a table that is there gets the column, with evidence', async () => {
    const first = await load([[1, null]], []);
    await bench().commit(first.spec, first.wishes);
    const column = { name: 'colour', type: { kind: 'STRING' }, nullable: true, description: 'colour' } as const;
    const second = await load([[2, carried({ colour: '"red"' })]], [late('colour', 'STRING')], {
      schemaChanges: [{ kind: 'add', column }],
    });
    await bench().commit(second.spec, second.wishes);
    expect(await bench().rows('id, colour')).toEqual([
      ['1', null],
      ['2', 'red'],
    ]);
    expect((await bench().evidence('_schema_changes')).map(({ column_name }) => column_name)).toEqual(['colour']);
  });

  test('nothing is unfolded before it is staged', async () => {
    expect(await codeOf(bench().warehouse.unfold(bench().spec({ change: APPEND, columns: COLUMNS }), []))).toBe(
      'INTERNAL',
    );
  });
}
