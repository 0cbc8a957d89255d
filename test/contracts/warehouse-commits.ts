/** Schema, evidence, fencing, quality tests and what is left behind. */
import { expect, test } from 'vitest';
import { TributaryError } from '../../runner/core/errors.ts';
import { failingInlet } from './batches.ts';
import {
  A,
  APPEND,
  B,
  benchColumn,
  C,
  codeOf,
  ORDER,
  REPLACE,
  SOURCE,
  T,
  TARGET,
  TENANT,
  type WarehouseBench,
} from './warehouse-bench.ts';

export function commitTests(bench: () => WarehouseBench): void {
  const load = (...given: Parameters<WarehouseBench['load']>) => bench().load(...given);
  const rows = (...given: Parameters<WarehouseBench['rows']>) => bench().rows(...given);
  const evidence = (table: string) => bench().evidence(table);
  const decimal = (text: string) => bench().dialect.decimal(text);

  test('the schema grows and widens with its evidence', async () => {
    await load([A], { change: APPEND });
    const amount = benchColumn('amount', 'decimal', { description: 'amount — in EUR' });
    const wide = { ...benchColumn('id', 'decimal'), type: { kind: 'NUMERIC', precision: 38, scale: 2 } as const };
    const added = { name: 'amount', type: amount.type, nullable: true, description: 'amount — in EUR' };
    await load([['2.50', 'b', T(2), '-10.05']], {
      change: APPEND,
      columns: [wide, ...ORDER.slice(1), amount],
      schemaChanges: [
        { kind: 'add', column: added },
        { kind: 'widen', column: 'id', from: { kind: 'INT64' }, to: wide.type },
        { kind: 'relax', column: 'note' },
      ],
    });
    expect(await rows('id, note, amount')).toEqual([
      [decimal('1.00'), 'a', null],
      [decimal('2.50'), 'b', decimal('-10.05')],
    ]);
    expect((await bench().warehouse.describe(TARGET))?.columns.find(({ name }) => name === 'amount')?.description).toBe(
      'amount — in EUR',
    );
    expect(
      (await evidence('_schema_changes')).map(({ kind, column_name, from_type, to_type, run_id }) => [
        kind,
        column_name,
        from_type,
        to_type,
        run_id,
      ]),
    ).toEqual([
      ['add', 'amount', null, 'NUMERIC(12,2)', 'run_2'],
      ['relax', 'note', null, null, 'run_2'],
      ['widen', 'id', 'INT64', 'NUMERIC(38,2)', 'run_2'],
    ]);
  });

  test('a run leaves its row, its rejected rows and one state', async () => {
    const rejected = [{ column: 'note', reason: 'VALUE_OUT_OF_RANGE: note: NaN', row: '{"id":"9"}' }];
    const columns = [
      ORDER[0] ?? benchColumn('id', 'int64'),
      benchColumn('note', 'text', { type: { kind: 'INT64' }, cast: true }),
      benchColumn('at', 'timestamp'),
    ];
    await load(
      [
        [1, '12', T(1)],
        [2, 'x', T(2)],
      ],
      { change: APPEND, columns, rejected, cursor: '2026-01-01 00:00:02.000001+00' },
    );
    const [run] = await evidence('_runs');
    expect(run).toMatchObject({
      run_id: 'run_1',
      source: SOURCE,
      mode: 'cloud_run',
      window_column: 'at',
      window_from: null,
      window_to: '2026-03-01',
      bound_proof: 'writers: none',
    });
    for (const [field, value] of Object.entries({
      rows_extracted: 7,
      rows_staged: 1,
      rows_inserted: 1,
      rows_quarantined: 2,
      values_nullified: 2,
      bytes_extracted: 70,
    }))
      expect(Number(run?.[field]), field).toBe(value);
    const quarantine = await evidence('_quarantine');
    expect(
      quarantine.map(({ column_name, reason, run_id, replayed_by }) => [column_name, reason, run_id, replayed_by]),
    ).toEqual([
      ['note', expect.stringContaining('VALUE_NOT_CASTABLE: note is not INT64'), 'run_1', null],
      ['note', 'VALUE_OUT_OF_RANGE: note: NaN', 'run_1', null],
    ]);
    expect(JSON.parse(String(quarantine[0]?.row))).toMatchObject({ id: '2', note: 'x' });
    expect(await bench().warehouse.state(TENANT, SOURCE)).toMatchObject({
      cursor: '2026-01-01 00:00:02.000001+00',
      runId: 'run_1',
      fencingToken: 1,
      columns: [{ name: 'id', type: { kind: 'INT64' } }, { name: 'note' }, { name: 'at' }],
    });
    expect(await bench().warehouse.committed({ tenant: TENANT, runId: 'run_1' })).toBe(true);
    expect(await bench().warehouse.committed({ tenant: TENANT, runId: 'run_2' })).toBe(false);
  });

  test('the state does not grow with the runs', async () => {
    const size = async () => JSON.stringify(await evidence('_state')).length;
    await load([A], { change: APPEND, cursor: '1', runId: 'r1' });
    const first = await size();
    for (let n = 2; n < 6; n++)
      await load(
        Array.from({ length: 500 }, (_, i) => [i, 'x', T(1)]),
        { change: APPEND, cursor: String(n), runId: `r${n}` },
      );
    expect(Math.abs((await size()) - first)).toBeLessThan(10);
    expect(await evidence('_state')).toHaveLength(1);
    expect((await bench().warehouse.state(TENANT, SOURCE))?.cursor).toBe('5');
    expect(await bench().warehouse.state(TENANT, 'another')).toBeNull();
    expect(await bench().warehouse.state('nobody', SOURCE)).toBeNull();
  });

  test('an older token and a run id that is done are refused, with nothing changed', async () => {
    await load([A], { change: APPEND, token: 5 });
    expect(await codeOf(load([B], { change: APPEND, token: 4, runId: 'late' }))).toBe('LEASE_LOST');
    expect(await codeOf(load([B], { change: REPLACE, token: 6, runId: 'run_1' }))).toBe('LEASE_LOST');
    expect(await rows()).toEqual([['1', 'a']]);
    expect(await evidence('_runs')).toHaveLength(1);
    expect(await load([B], { change: APPEND, token: 5, runId: 'same' })).toMatchObject({ inserted: 1 });
  });

  test('quality tests count what breaks them', async () => {
    const spec = await bench().stage([A, [1, "it's", T(2)], [3, null, T(3)]], { change: APPEND });
    const results = await bench().test(spec, [
      { test: 'unique', column: 'id' },
      { test: 'unique', column: 'note' },
      { test: 'not_null', column: 'note' },
      { test: 'not_null', column: 'id' },
      { test: 'accepted_values', column: 'note', values: ['a', "it's"] },
      { test: 'accepted_values', column: 'id', values: [1] },
      { test: 'range', column: 'id', min: 1, max: 3 },
      { test: 'range', column: 'id', max: 2 },
      { test: 'range', column: 'at', min: T(2) },
      { test: 'freshness', column: 'at', withinSeconds: 60 },
      { test: 'freshness', column: 'at', withinSeconds: 10 ** 10 },
      { test: 'row_count', min: 3, max: 3 },
      { test: 'row_count', min: 4 },
    ]);
    expect(results.map(({ passed }) => passed)).toEqual([
      false,
      true,
      false,
      true,
      true,
      false,
      true,
      false,
      false,
      false,
      true,
      true,
      false,
    ]);
    expect(results[0]?.found).toMatch(/^1 /);
  });

  test('what a dead run staged is dropped, and discarding leaves the target alone', async () => {
    await load([A], { change: APPEND });
    const tables = async () => (await bench().warehouse.query(bench().dialect.tables)).map(({ name }) => name);
    await bench().stage([B], { change: APPEND, runId: 'dead' });
    expect(await tables()).toHaveLength(2);
    expect(
      await codeOf(
        bench().warehouse.stage(
          bench().spec({ change: APPEND }),
          failingInlet(
            bench().spec({ change: APPEND }).layout,
            [C],
            new TributaryError('SOURCE_FAILED', { reason: 'gone' }).problem,
          ),
          new AbortController().signal,
        ),
      ),
    ).toBe('SOURCE_FAILED');
    const alive = await bench().stage([B], { change: APPEND, runId: 'alive' });
    expect(await tables()).toHaveLength(2);
    await bench().warehouse.discard(alive.run, TARGET);
    expect(await tables()).toEqual(['orders']);
    expect(await rows()).toEqual([['1', 'a']]);
    expect(await codeOf(bench().commit(alive, { change: APPEND }))).not.toBe('done');
    expect(await rows()).toEqual([['1', 'a']]);
  });
}
