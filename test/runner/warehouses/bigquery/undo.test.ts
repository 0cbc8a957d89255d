/** A run is undone: rows, columns, state, quarantine and evidence are what they were. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Undone, Warehouse } from '../../../../runner/core/contracts/warehouse.ts';
import {
  A,
  APPEND,
  B,
  C,
  codeOf,
  MERGE,
  SOURCE,
  T,
  TARGET,
  TENANT,
  WarehouseBench,
} from '../../../contracts/warehouse-bench.ts';
import { bigqueryDialect, type Cloud, startCloud } from '../../../contracts/warehouse-bigquery.ts';
import { describeWith } from '../../../setup/describe-with.ts';

describeWith(['emulators'], 'undo in BigQuery', () => {
  let cloud: Cloud;
  let warehouse: Warehouse;
  let bench: WarehouseBench;

  beforeAll(async () => {
    cloud = await startCloud();
  });
  afterAll(() => cloud?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    warehouse = await cloud.open();
    bench = new WarehouseBench(warehouse, bigqueryDialect);
  });

  async function undo(runId: string, token: number, as = `undo_of_${runId}`): Promise<Undone> {
    const run = bench.run({ runId: as, token });
    await warehouse.prepare(run, TARGET);
    return warehouse.undo(run, TARGET, runId);
  }

  test('a merge and what came after it go, and the next run begins where the undone one did', async () => {
    await bench.load([A, B], { change: MERGE, cursor: '2' });
    await bench.load([[1, 'changed', T(5)], C], { change: MERGE, cursor: '5' });
    await bench.load([[9, 'later', T(9)]], { change: MERGE, cursor: '9' });
    expect(await undo('run_2', 9)).toEqual({ rows: 2, cursor: '2', runs: ['run_2', 'run_3'] });
    expect(await bench.rows()).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ]);
    expect(await warehouse.state(TENANT, SOURCE)).toMatchObject({ cursor: '2', runId: 'run_1', fencingToken: 9 });
    expect(await warehouse.committed({ tenant: TENANT, runId: 'undo_of_run_2' })).toBe(true);
    expect(await codeOf(undo('run_2', 10, 'again'))).toBe('UNDO_IMPOSSIBLE');
    expect(await bench.load([C], { change: MERGE, cursor: '3', token: 11, runId: 'after' })).toMatchObject({
      inserted: 1,
    });
    expect((await warehouse.query(bigqueryDialect.tables)).map(({ name }) => name)).toEqual([TARGET.table]);
  });

  test('objects that an undone run had loaded are loaded again', async () => {
    const loadFile = async (token: number, uri: string) => {
      const load = { change: APPEND, runId: `run_${token}`, token };
      const spec = await bench.stage([A], load);
      const file = { uri, version: '1', bytes: 1, modifiedAt: T(1), rows: 1 };
      await warehouse.commit({ ...bench.commitSpec(spec, load), files: [file] });
    };
    const known = async () => (await warehouse.files(TENANT, SOURCE, T(0))).map(({ uri }) => uri).sort();
    await loadFile(1, 'gs://b/first');
    await loadFile(2, 'gs://b/second');
    expect(await known()).toEqual(['gs://b/first', 'gs://b/second']);
    await undo('run_2', 3);
    expect(await known()).toEqual(['gs://b/first']);
    await loadFile(4, 'gs://b/second');
    expect(await known()).toEqual(['gs://b/first', 'gs://b/second']);
  });

  test('what cannot be undone says why, and an older lease undoes nothing', async () => {
    await bench.load([A], { change: APPEND, token: 5 });
    await bench.load([B], { change: APPEND, token: 6 });
    expect(await codeOf(undo('nobody', 7))).toBe('RUN_NOT_FOUND');
    expect(await codeOf(undo('run_1', 7))).toBe('UNDO_IMPOSSIBLE');
    expect(await codeOf(undo('run_2', 4))).toBe('LEASE_LOST');
    expect(await bench.rows()).toHaveLength(2);
  });
});
