/** What a run may cost, and what it did. */
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CommitSpec, CostEstimate, Warehouse } from '../../../runner/core/contracts/warehouse.ts';
import { cappedBytes, costProblem, costWarning } from '../../../runner/pipeline/cost.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { Loading } from './loading.ts';

const GB = 1e9;
const ESTIMATE: CostEstimate = { bytes: 10 * GB, usd: 0.05, unpruned: 'at is no part of the key' };
const where = { target: { dataset: 'acme_raw', table: 'orders' }, command: 'tributary run acme orders' };

describe('the brake on costs', () => {
  it.each([
    [{}, null],
    [{ bytes: 10 * GB, usd: 0.05 }, null],
    [{ bytes: 9 * GB }, '9.00 GB'],
    [{ bytes: 20 * GB, usd: 0.04 }, '$0.04'],
    [{ usd: 0 }, '$0'],
  ])('with caps %o', (caps, limit) => {
    const problem = costProblem(ESTIMATE, caps, where);
    if (limit === null) return expect(problem).toBeNull();
    expect(problem).toMatchObject({
      code: 'BRAKE_COST',
      detail: `acme_raw.orders: the commit would be billed about 10.00 GB, $0.05; it reads the whole table: at is no part of the key. The cap is ${limit}.`,
      fix: expect.stringContaining('tributary run acme orders --yes'),
    });
  });

  it('lets pass what is not billed, and what costs nothing', () => {
    expect(costProblem(null, { bytes: 1, usd: 0 }, where)).toBeNull();
    expect(costProblem({ bytes: 0, usd: 0, unpruned: null }, { bytes: 1, usd: 0 }, where)).toBeNull();
  });

  it('is told to the warehouse as bytes, by the price of the estimate', () => {
    expect(cappedBytes({}, ESTIMATE)).toBeNull();
    expect(cappedBytes({ bytes: 7 }, null)).toBe(7);
    expect(cappedBytes({ usd: 0.1 }, ESTIMATE)).toBe(20 * GB);
    expect(cappedBytes({ usd: 0.1, bytes: 15 * GB }, ESTIMATE)).toBe(15 * GB);
    expect(cappedBytes({ usd: 1 }, { bytes: 5, usd: 0, unpruned: null })).toBeNull();
  });

  it('a merge that reads its whole table is worth a word once the table is large', () => {
    expect(costWarning(ESTIMATE)).toContain('at is no part of the key');
    expect(costWarning({ ...ESTIMATE, unpruned: null })).toBeNull();
    expect(costWarning({ ...ESTIMATE, bytes: GB - 1 })).toBeNull();
  });
});

describe('a run', () => {
  let server: PostgresServer;
  let client: pg.Client;
  let loading: Loading;
  let asked: CommitSpec[];
  let committed: CommitSpec[];

  /** The embedded warehouse, with a bill. */
  const billing = (warehouse: Warehouse): Warehouse => {
    const priced: Partial<Warehouse> = {
      billed: { bytes: 3 * GB, slotMs: 1500, usd: 0.015 },
      cost: async (spec) => {
        asked.push(spec);
        return ESTIMATE;
      },
      commit: async (spec) => {
        committed.push(spec);
        return warehouse.commit(spec);
      },
    };
    return new Proxy(warehouse, {
      get(target, name) {
        const own = Reflect.get(priced, name);
        if (own !== undefined) return own;
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };

  beforeAll(async () => {
    server = await startPostgres();
    client = await server.client();
    await client.query(`CREATE TABLE orders (id int PRIMARY KEY, price numeric);
      INSERT INTO orders SELECT g, g FROM generate_series(1, 10) g`);
  });

  beforeEach(() => {
    asked = [];
    committed = [];
    loading = new Loading(server, { wrap: billing });
  });

  afterEach(() => loading[Symbol.asyncDispose]());

  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });

  const table = 'public.orders';
  const staged = `SELECT 1 FROM duckdb_tables() WHERE table_name LIKE '%orders%'`;

  it('over its cap stops with nothing committed and nothing left staged', async () => {
    const execution = { maxBytesBilled: 9 * GB };
    const { status, problem, summary } = await loading.run('orders', { table, execution });
    expect({ status, code: problem?.code }).toEqual({ status: 'refused', code: 'BRAKE_COST' });
    expect(committed).toEqual([]);
    expect(await loading.query(staged)).toEqual([]);
    expect(summary.billed).toEqual({ bytes: 3 * GB, slotMs: 1500, usd: 0.015 });
    expect((await loading.run('orders', { table }, { maxCostUsd: 0.049 })).problem?.code).toBe('BRAKE_COST');
  });

  it('under it runs, and the warehouse holds the cap as well', async () => {
    const execution = { maxBytesBilled: 11 * GB };
    expect((await loading.load('orders', { table, execution })).summary.billed?.slotMs).toBe(1500);
    expect(committed.map(({ maxBytesBilled }) => maxBytesBilled)).toEqual([11 * GB]);
    await loading.load('orders', { table, execution }, { maxCostUsd: 0.05 });
    expect(committed.at(-1)?.maxBytesBilled).toBe(10 * GB);
    expect(asked.at(-1)).toMatchObject({ change: { kind: 'replace' }, design: { key: ['id'] }, maxBytesBilled: null });
  });

  it('without a cap, or past it, asks nothing and is held by nothing', async () => {
    await loading.load('orders', { table });
    await loading.load('orders', { table, execution: { maxBytesBilled: 1 } }, { yes: true, maxCostUsd: 0 });
    expect(asked).toEqual([]);
    expect(committed.map(({ maxBytesBilled }) => maxBytesBilled)).toEqual([null, null]);
  });
});
