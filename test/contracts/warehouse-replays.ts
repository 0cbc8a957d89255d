/** Rows that come back from quarantine. */
import { expect, test } from 'vitest';
import type { RejectedRow } from '../../runner/core/vectors.ts';
import {
  A,
  APPEND,
  B,
  type BenchColumn,
  benchColumn,
  MERGE,
  ORDER,
  T,
  type WarehouseBench,
} from './warehouse-bench.ts';

const LATE_APPEND = { ...APPEND, mayRepeat: true } as const;
const LATE_MERGE = { ...MERGE, mayRepeat: false, mayBeOlder: true } as const;

/** An order that did not fit, as a reader hands it over. */
function rejected(id: number, note: string | null, at: string | null): RejectedRow {
  const row = JSON.stringify({ id: String(id), note, at });
  return { column: 'note', reason: 'VALUE_OUT_OF_RANGE: note: too long', row };
}

export function replayTests(bench: () => WarehouseBench): void {
  const load = (...given: Parameters<WarehouseBench['load']>) => bench().load(...given);
  const replay = (...given: Parameters<WarehouseBench['replay']>) => bench().replay(...given);
  const rows = (...given: Parameters<WarehouseBench['rows']>) => bench().rows(...given);
  const quarantine = async () =>
    (await bench().evidence('_quarantine')).map(({ run_id, reason, replayed_by }) => [run_id, reason, replayed_by]);

  test('what fits is loaded once, and the quarantine says by which run', async () => {
    await load([A], { change: APPEND, rejected: [rejected(8, 'h', T(8)), rejected(9, null, null)] });
    const first = await replay({ change: LATE_APPEND });
    expect(first).toMatchObject({ rows: 2, uncastable: 0, inserted: 2, unchanged: 0 });
    expect(await rows(`id, note, ${bench().dialect.name('at')}, _run_id`)).toEqual([
      ['1', 'a', '2026-01-01 00:00:01+00', 'run_1'],
      ['8', 'h', '2026-01-01 00:00:08+00', 'run_2'],
      ['9', null, null, 'run_2'],
    ]);
    const reason = 'VALUE_OUT_OF_RANGE: note: too long';
    expect(await quarantine()).toEqual([
      ['run_1', reason, 'run_2'],
      ['run_1', reason, 'run_2'],
    ]);
    expect(await replay({ change: LATE_APPEND })).toMatchObject({ rows: 0, uncastable: 0, inserted: 0 });
    expect(await rows()).toHaveLength(3);
  });

  test('what still does not fit stays, with a new reason', async () => {
    const cast: BenchColumn[] = ORDER.map((column) =>
      column.name === 'note' ? { ...column, type: { kind: 'INT64' }, cast: true } : column,
    );
    await load(
      [
        [1, '12', T(1)],
        [2, '1.5', T(2)],
        [3, 'x', T(3)],
      ],
      { change: APPEND, columns: cast },
    );
    const wide = cast.map((column) =>
      column.name === 'note' ? { ...column, type: { kind: 'NUMERIC', precision: 30, scale: 1 } as const } : column,
    );
    const from = { kind: 'INT64' } as const;
    const to = { kind: 'NUMERIC', precision: 30, scale: 1 } as const;
    const schemaChanges = [{ kind: 'widen', column: 'note', from, to } as const];
    const counts = await replay({ change: LATE_APPEND, columns: wide, schemaChanges });
    expect(counts).toMatchObject({ rows: 1, uncastable: 1, inserted: 1 });
    expect(await rows()).toEqual([
      ['1', bench().dialect.decimal('12.0')],
      ['2', '1.5'],
    ]);
    expect(await quarantine()).toEqual([
      ['run_1', expect.stringContaining('VALUE_NOT_CASTABLE: note is not INT64'), 'run_2'],
      ['run_1', expect.stringContaining('VALUE_NOT_CASTABLE: note: does not fit NUMERIC(30,1)'), null],
    ]);
    const [, run] = await bench().evidence('_runs');
    expect([run?.rows_staged, run?.rows_inserted, run?.rows_quarantined].map(Number)).toEqual([1, 1, 1]);
  });

  test('each type comes back as it went, or does not fit', async () => {
    const kinds = ['int64', 'decimal', 'bool', 'date', 'timestamp', 'json'] as const;
    const columns = kinds.map((kind) => benchColumn(`a_${kind}`, kind));
    const row = (texts: readonly (string | null)[]): RejectedRow => ({
      column: 'a_date',
      reason: 'VALUE_OUT_OF_RANGE: a_date: it is',
      row: JSON.stringify(Object.fromEntries(columns.map(({ name }, i) => [name, texts[i] ?? null]))),
    });
    const good = ['-9223372036854775808', '-0.07', 'true', '0001-01-01', '9999-12-31 23:59:59.999999+00', '{"a": "ü"}'];
    const kept = good.map((text, i) => (kinds[i] === 'json' ? bench().dialect.json(text) : text));
    const bad = [
      ['9223372036854775808', null],
      [null, '0.071'],
      [null, null, null, 'infinity'],
      [null, null, null, '0044-03-15 BC'],
      [null, null, null, null, 'infinity'],
      [null, null, null, null, '10000-01-01 00:00:00+00'],
    ];
    await load([], { change: APPEND, columns, rejected: [good, [], ...bad].map(row) });
    expect(await replay({ change: LATE_APPEND, columns })).toMatchObject({ rows: 2, uncastable: bad.length });
    expect(await rows(columns.map(({ name }) => name).join(', '))).toEqual([kept, columns.map(() => null)]);
    const nullify = ['a_date', 'a_timestamp'];
    expect(await replay({ change: LATE_APPEND, columns, nullify })).toMatchObject({ uncastable: 2, nullified: 4 });
  });

  test('what was quarantined before its column was masked stays', async () => {
    const hash = 'a1'.repeat(32);
    await load([A], {
      change: APPEND,
      rejected: [rejected(7, 'clear', T(7)), rejected(8, hash, T(8)), rejected(9, null, T(9))],
    });
    expect(await replay({ change: LATE_APPEND, masked: { note: '[0-9a-f]{64}' } })).toMatchObject({
      rows: 2,
      uncastable: 1,
    });
    expect(await rows()).toEqual([
      ['1', 'a'],
      ['8', hash],
      ['9', null],
    ]);
    expect(await quarantine()).toContainEqual([
      'run_1',
      'VALUE_OUT_OF_RANGE: note: was quarantined before its mask',
      null,
    ]);
  });

  test('append leaves out what is there already, and takes a row that two runs met once', async () => {
    const twice = [rejected(2, 'b', T(2)), rejected(7, 'g', T(7)), rejected(7, 'g', T(7))];
    await load([A], { change: APPEND, rejected: twice });
    await load([B], { change: APPEND, rejected: [rejected(7, 'g', T(7))] });
    expect(await replay({ change: LATE_APPEND })).toMatchObject({ rows: 4, inserted: 2, unchanged: 2 });
    expect(await rows('id')).toEqual([['1'], ['2'], ['7'], ['7']]);
    expect((await quarantine()).every(([, , by]) => by === 'run_3')).toBe(true);
  });

  test('append with a key takes its first version', async () => {
    const change = { ...LATE_APPEND, key: ['id'] };
    await load([A], {
      change: APPEND,
      rejected: [rejected(1, 'z', T(9)), rejected(5, 'v1', T(5)), rejected(5, 'v2', T(6))],
    });
    expect(await replay({ change })).toMatchObject({ rows: 3, inserted: 1, unchanged: 2 });
    expect(await rows()).toEqual([
      ['1', 'a'],
      ['5', 'v1'],
    ]);
  });

  test('merge never puts an older row over a newer one', async () => {
    await load([A, B, [3, 'c', null], [6, 'f', T(6)]], {
      change: MERGE,
      rejected: [
        rejected(1, 'newer', T(5)),
        rejected(2, 'older', T(1)),
        rejected(3, 'has a time', T(1)),
        rejected(4, 'v1', T(1)),
        rejected(4, 'v2', T(2)),
        rejected(6, 'no time', null),
      ],
    });
    expect(await replay({ change: LATE_MERGE })).toMatchObject({ rows: 6, inserted: 1, updated: 2, unchanged: 3 });
    expect(await rows()).toEqual([
      ['1', 'newer'],
      ['2', 'b'],
      ['3', 'has a time'],
      ['4', 'v2'],
      ['6', 'f'],
    ]);
  });

  test('discarding a replay, or a newer lease, leaves everything as it was', async () => {
    await load([A], { change: APPEND, token: 5, rejected: [rejected(8, 'h', T(8))] });
    const spec = bench().spec({ change: LATE_APPEND, token: 6 });
    expect(await bench().warehouse.restage(spec, { nullify: [], masked: {} })).toMatchObject({ rows: 1 });
    await bench().warehouse.discard(spec.run, spec.target);
    await expect(replay({ change: LATE_APPEND, token: 4 })).rejects.toThrow('LEASE_LOST');
    expect(await rows()).toEqual([['1', 'a']]);
    expect((await quarantine()).map(([, , by]) => by)).toEqual([null]);
    expect(await replay({ change: LATE_APPEND, token: 7 })).toMatchObject({ inserted: 1 });
  });

  test('append gives rows without a cursor the values of a new column', async () => {
    const change = { kind: 'append', nullCursor: 'at' } as const;
    await load([[1, 'x', null], [1, 'x', null], [2, 'y', null], B], { change });
    const more = benchColumn('more', 'text');
    const columns = [...ORDER, more];
    const schemaChanges = [{ kind: 'add', column: { name: 'more', type: more.type, nullable: true } } as const];
    const again = [
      [1, 'x', null, 'p'],
      [1, 'x', null, 'q'],
      [2, 'y', null, null],
      [3, 'z', null, 'r'],
    ];
    expect(await load(again, { change, columns, schemaChanges })).toMatchObject({
      ...{ inserted: 1, updated: 2, unchanged: 1 },
    });
    expect(await load(again, { change, columns })).toMatchObject({ inserted: 0, updated: 0, unchanged: 4 });
    expect(await rows('id, more')).toEqual([
      ['1', 'p'],
      ['1', 'q'],
      ['2', null],
      ['2', null],
      ['3', 'r'],
    ]);
  });
}
