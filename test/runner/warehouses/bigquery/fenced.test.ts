/** Two live processes of one run: the older one, which has lost the lease, neither mixes with nor takes away what the newer one stages. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Warehouse } from '../../../../runner/core/contracts/warehouse.ts';
import { inletOf, type Value } from '../../../contracts/batches.ts';
import {
  A,
  APPEND,
  B,
  C,
  codeOf,
  D,
  ORDER,
  TARGET,
  TENANT,
  WarehouseBench,
} from '../../../contracts/warehouse-bench.ts';
import { bigqueryDialect, type Cloud, startCloud } from '../../../contracts/warehouse-bigquery.ts';
import { describeWith } from '../../../setup/describe-with.ts';

describeWith(['emulators'], 'a process of a run that was taken up by another', () => {
  let cloud: Cloud;
  const never = new AbortController().signal;

  beforeAll(async () => {
    cloud = await startCloud();
  });
  afterAll(() => cloud?.[Symbol.asyncDispose]());

  const bench = async (project: string) => new WarehouseBench(await cloud.open({ project }), bigqueryDialect);

  async function objects(runId: string): Promise<string[]> {
    const url = `${cloud.storage.host}/storage/v1/b/suite-staging/o?prefix=${TENANT}/orders/${runId}/`;
    const { items = [] } = (await (await fetch(url)).json()) as { items?: { name: string }[] };
    return items.map(({ name }) => name);
  }

  async function tables({ warehouse }: WarehouseBench): Promise<string[]> {
    const names = (await warehouse.query(bigqueryDialect.tables)).map(({ name }) => String(name));
    return names
      .filter((name) => name.startsWith('_stage_'))
      .map((name) => name.slice(name.lastIndexOf('_t')))
      .sort();
  }

  /** The older process goes on as if nothing was; as late as it likes. */
  const steps: readonly (readonly [
    string,
    (older: Warehouse, stage: () => Promise<unknown>, run: Parameters<Warehouse['prepare']>[0]) => Promise<unknown>,
  ])[] = [
    ['prepares', (older, _, run) => older.prepare(run, TARGET)],
    ['stages', (_, stage) => stage()],
    ['discards', (older, _, run) => older.discard(run, TARGET)],
    ['stages, then discards', (older, stage, run) => stage().then(() => older.discard(run, TARGET))],
  ];

  test.each(steps)('it %s, and the newer one loads its own rows', async (what, late) => {
    const project = `fenced-${what.replace(/\W+/g, '-')}`;
    const [older, newer] = [await bench(project), await bench(project)];
    await using _ = older.warehouse;
    await using __ = newer.warehouse;
    const runId = `run_${what.replace(/\W+/g, '_')}`;
    const before = { change: APPEND, runId, token: 3 };
    const after = { change: APPEND, runId, token: 4 };
    const old = await older.stage([A, D], before);
    const stageLate = (rows: readonly (readonly Value[])[] = [D, D, D]) =>
      older.warehouse.stage(older.spec(before), inletOf(old.layout, rows), never);
    await newer.warehouse.prepare(newer.run(after), TARGET);
    expect(await newer.warehouse.committed({ tenant: TENANT, runId })).toBe(false);
    const young = newer.spec(after);
    await newer.warehouse.stage(young, inletOf(young.layout, [A, B, C]), never);
    const staged = (await objects(runId)).filter((name) => name.includes(`/${runId}/4/`));
    expect(staged.length).toBeGreaterThan(0);
    await late(older.warehouse, stageLate, old.run);
    expect(await objects(runId)).toEqual(expect.arrayContaining(staged));
    expect(await tables(newer)).toContain('_t4');
    const refused = await codeOf(older.commit(old, before));
    expect(refused).not.toBe('done');
    expect(await newer.commit(young, after)).toMatchObject({ inserted: 3 });
    await older.warehouse.discard(old.run, TARGET);
    expect(
      await newer.rows(
        ORDER.slice(0, 2)
          .map(({ name }) => name)
          .join(', '),
      ),
    ).toEqual([
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'c'],
    ]);
    expect(await objects(runId)).toEqual([]);
    expect(await tables(newer)).toEqual([]);
  });
});
