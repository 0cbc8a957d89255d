/** What may go wrong on the way to BigQuery, at each call of a run: the rows are there once, or not at all. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Warehouse } from '../../../../runner/core/contracts/warehouse.ts';
import { DEFAULT_BUDGET } from '../../../../runner/core/retry.ts';
import type { Fault, FaultRule } from '../../../cloud/emulators/fault.ts';
import { type FaultProxy, startProxy } from '../../../cloud/emulators/proxy.ts';
import { inletOf } from '../../../contracts/batches.ts';
import { A, APPEND, B, codeOf, WarehouseBench } from '../../../contracts/warehouse-bench.ts';
import { bigqueryDialect, type Cloud, startCloud } from '../../../contracts/warehouse-bigquery.ts';
import { describeWith } from '../../../setup/describe-with.ts';

const QUICK = { ...DEFAULT_BUDGET, firstMs: 2, longestMs: 20 };

type Where = Omit<FaultRule, 'fault'>;

const INSERTS: Readonly<Record<string, Where>> = {
  'create the staging table': { method: 'POST', job: /_create_/ },
  load: { method: 'POST', job: /_load_rows_/ },
  check: { method: 'POST', job: /_check_/ },
  commit: { method: 'POST', job: /_commit_/ },
};

const CALLS: Readonly<Record<string, Where>> = {
  'list the tables': { method: 'GET', path: /\/tables\?/ },
  'see the dataset': { method: 'GET', path: /\/datasets\/\w+(?:\?|$)/ },
  'read the state': { method: 'GET', path: /\/data\?/ },
  ...INSERTS,
  'see the table': { method: 'GET', path: /\/tables\/orders(?:\?|$)/ },
  'rows of the check': { method: 'GET', path: /\/queries\//, job: /_check_/ },
  'rows of the commit': { method: 'GET', path: /\/queries\//, job: /_commit_/ },
  'drop the staging table': { method: 'DELETE', path: /\/tables\// },
};

/** Asked where the answer to an insert was lost. */
const ASKING: Readonly<Record<string, Where>> = {
  'ask for the load': { method: 'GET', path: /\/jobs\//, job: /_load_rows_/ },
  'ask for the commit': { method: 'GET', path: /\/jobs\//, job: /_commit_/ },
};

const EVERYWHERE: Readonly<Record<string, Fault>> = {
  'the answer is lost': { how: 'lose answer' },
  'the request is lost': { how: 'lose request' },
  'the connection breaks in the request': { how: 'reset', during: 'request' },
  'the connection breaks in the answer': { how: 'reset', during: 'answer' },
  '403 rateLimitExceeded': { how: 'answer', error: 'rateLimitExceeded' },
  '429': { how: 'answer', error: 'tooManyRequests' },
  '500 internalError': { how: 'answer', error: 'internalError' },
  '502': { how: 'answer', error: 'badGateway' },
  '503 backendError': { how: 'answer', error: 'backendError' },
  '503 although the work was done': { how: 'answer', error: 'backendError', work: true },
};

const JOBS: Readonly<Record<string, Fault>> = {
  'the job vanishes before it ran': { how: 'vanish', work: false },
  'the job vanishes after it ran': { how: 'vanish', work: true },
  'the job fails for a time': { how: 'fail job', reason: 'backendError' },
  'the job is put off by a quota of seconds': { how: 'fail job', reason: 'jobRateLimitExceeded' },
  'another transaction was first': {
    how: 'fail job',
    reason: 'invalidQuery',
    message: 'Transaction is aborted due to concurrent update against table p:acme_raw.orders. Transaction ID: 1',
  },
};

const rules = (places: Readonly<Record<string, Where>>, fault: Fault): FaultRule[] =>
  Object.values(places).map((where) => ({ ...where, fault }));

describeWith(['emulators'], 'faults on the way to BigQuery', () => {
  let cloud: Cloud;
  let proxy: FaultProxy;
  let warehouse: Warehouse;
  let bench: WarehouseBench;

  beforeAll(async () => {
    cloud = await startCloud();
    proxy = await startProxy(cloud.bigquery.host);
  });
  afterAll(async () => {
    await proxy?.stop();
    await cloud?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    warehouse = await cloud.open({ endpoint: proxy.host, budget: QUICK });
    bench = new WarehouseBench(warehouse, bigqueryDialect);
    await bench.load([A], { change: APPEND });
  });
  afterEach(async () => {
    proxy.reset();
    await warehouse[Symbol.asyncDispose]();
  });

  async function exactlyOnce(): Promise<void> {
    expect(await bench.rows()).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ]);
    expect((await bench.evidence('_runs')).map(({ run_id, rows_inserted }) => [run_id, rows_inserted])).toEqual([
      ['run_1', '1'],
      ['run_2', '1'],
    ]);
    expect((await warehouse.query(bigqueryDialect.tables)).map(({ name }) => name)).toEqual(['orders']);
  }

  test.each(Object.entries(EVERYWHERE))('%s, at each call of a run', async (_, fault) => {
    proxy.fault(...rules(CALLS, fault));
    expect(await bench.load([B], { change: APPEND })).toMatchObject({ inserted: 1 });
    expect(proxy.pending()).toEqual([]);
    await exactlyOnce();
  });

  test.each(Object.entries(JOBS))('%s, at each job of a run', async (_, fault) => {
    proxy.fault(...rules(INSERTS, fault));
    expect(await bench.load([B], { change: APPEND })).toMatchObject({ inserted: 1 });
    expect(proxy.pending()).toEqual([]);
    await exactlyOnce();
  });

  test.each(Object.entries(EVERYWHERE))('%s, when asking for a job whose answer was lost', async (_, fault) => {
    proxy.fault(...rules({ ...INSERTS }, { how: 'lose answer' }), ...rules(ASKING, fault));
    expect(await bench.load([B], { change: APPEND })).toMatchObject({ inserted: 1 });
    expect(proxy.pending()).toEqual([]);
    await exactlyOnce();
  });

  test.each([
    ['load', 'forbidden', 'WAREHOUSE_DENIED'],
    ['commit', 'forbidden', 'WAREHOUSE_DENIED'],
    ['commit', 'quotaExceeded', 'WAREHOUSE_QUOTA'],
    ['check', 'quotaExceeded', 'WAREHOUSE_QUOTA'],
  ] as const)('%s: %s ends the run with nothing changed', async (where, error, code) => {
    proxy.fault({ ...(INSERTS[where] as Where), fault: { how: 'answer', error } });
    expect(await codeOf(bench.load([B], { change: APPEND }))).toBe(code);
    expect(proxy.calls.filter(({ status }) => status === 403)).toHaveLength(1);
    proxy.reset();
    expect(await bench.rows()).toEqual([['1', 'a']]);
    expect(await bench.load([B], { change: APPEND, token: 3 })).toMatchObject({ inserted: 1 });
    expect(await bench.rows()).toHaveLength(2);
  });

  test('a commit whose fate cannot be asked is found by the next run', async () => {
    const spec = await bench.stage([B], { change: APPEND });
    proxy.fault(
      { ...(INSERTS.commit as Where), fault: { how: 'lose answer' }, times: 99 },
      { method: 'GET', path: /\/(jobs|queries)\//, fault: { how: 'lose request' }, times: 999 },
      { method: 'POST', job: /_read_/, fault: { how: 'lose request' }, times: 999 },
    );
    expect(await codeOf(bench.commit(spec, { change: APPEND }))).toBe('WAREHOUSE_UNREACHABLE');
    proxy.reset();
    expect(await warehouse.committed({ tenant: spec.run.tenant, runId: spec.run.runId })).toBe(true);
    expect(await bench.rows()).toHaveLength(2);
  });

  test('a dead run that was settled as not committed can no longer commit', async () => {
    const dead = await bench.stage([B], { change: APPEND });
    const heir = await cloud.open({ project: projectOf(proxy) });
    await heir.prepare({ ...dead.run, runId: 'heir', fencingToken: dead.run.fencingToken + 1 }, dead.target);
    expect(await heir.committed(dead.run)).toBe(false);
    expect(await codeOf(bench.commit(dead, { change: APPEND }))).toBe('LEASE_LOST');
    expect(await heir.committed(dead.run)).toBe(false);
    await heir[Symbol.asyncDispose]();
  });

  test('a commit of a dead run that comes in late stops the run that planned without it', async () => {
    const project = projectOf(proxy);
    const next = new WarehouseBench(await cloud.open({ project }), bigqueryDialect);
    const spec = next.spec({ change: APPEND, runId: 'next', token: 9 });
    await next.warehouse.prepare(spec.run, spec.target);
    await bench.load([B], { change: APPEND });
    await next.warehouse.stage(spec, inletOf(spec.layout, [B]), new AbortController().signal);
    expect(await codeOf(next.commit(spec, { change: APPEND }))).toBe('WAREHOUSE_CONFLICT');
    await next.warehouse.discard(spec.run, spec.target);
    await next.warehouse[Symbol.asyncDispose]();
    await exactlyOnce();
  });
});

function projectOf({ calls }: FaultProxy): string {
  return /\/projects\/([^/]+)\//.exec(calls[0]?.url ?? '')?.[1] ?? '';
}
