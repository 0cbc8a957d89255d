/** What earlier runs took, as BigQuery tells it, and what a plan makes of it for a table of PostgreSQL. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Warehouse } from '../../../runner/core/contracts/warehouse.ts';
import { planText } from '../../../runner/display/plan.ts';
import { planDocument, planRun } from '../../../runner/job/look.ts';
import { measuredRates } from '../../../runner/pipeline/rates.ts';
import { openSource } from '../../../runner/sources/registry.ts';
import { tenantSchema } from '../../../tenants/schema/index.ts';
import { type Cloud, startCloud } from '../../contracts/warehouse-bigquery.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { describeWith } from '../../setup/describe-with.ts';

const TARGET = { dataset: 'acme_raw', table: 'orders' };
const DAY = 86_400_000;

interface Past {
  readonly mode: string;
  readonly rows: number;
  readonly extract: number;
  readonly daysAgo: number;
  readonly source?: string;
}

describeWith(['emulators'], 'rates of earlier runs', () => {
  let cloud: Cloud;
  let warehouse: Warehouse;
  let server: PostgresServer;

  beforeAll(async () => {
    cloud = await startCloud();
    warehouse = await cloud.open();
    const startedAt = new Date().toISOString();
    const run = { tenant: 'acme', source: 'orders', runId: 'run_1', fencingToken: 1, startedAt };
    await warehouse.prepare(run, TARGET);
    server = await startPostgres();
    const client = await server.client();
    await client.query(`CREATE TABLE orders AS SELECT i AS id, 'note ' || i AS note FROM generate_series(1, 20000) AS i;
      CREATE VIEW seen AS SELECT * FROM orders; ANALYZE orders`);
    await client.end();
  });
  afterAll(async () => {
    await warehouse?.[Symbol.asyncDispose]();
    await cloud?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  const happened = (past: readonly Past[]) => {
    const rows = past.map(({ mode, rows, extract, daysAgo, source = 'orders' }) => {
      const at = new Date(Date.now() - daysAgo * DAY).toISOString();
      return `('${source}', '${mode}', ${rows}, PARSE_JSON('{"plan":0.5,"extract":${extract},"total":${extract + 9}}'), TIMESTAMP '${at}')`;
    });
    const columns = 'source, mode, rows_extracted, seconds, committed_at';
    return warehouse.query(`INSERT INTO acme_tributary._runs (${columns}) VALUES ${rows.join(', ')}`);
  };

  it('are the median of the last five of each mode, without the start of a job', async () => {
    expect(await measuredRates(warehouse, 'acme', 'orders')).toEqual({});
    await happened([
      // The five newest: 100,000 to 140,000 rows in a second, in no order.
      ...[120_000, 100_000, 140_000, 110_000, 130_000].map((rate, i) => ({
        ...{ mode: 'cloud_run', rows: rate * 10, extract: 10, daysAgo: i + 1 },
      })),
      { mode: 'cloud_run', rows: 90_000_000, extract: 1, daysAgo: 8 },
      // Of 300 s a job was on its way for 270.
      { mode: 'dataflow', rows: 30_000_000, extract: 300, daysAgo: 1 },
      // Too few to measure by, too long ago, of another source, not read from the source.
      { mode: 'cloud_run', rows: 9999, extract: 1, daysAgo: 0 },
      { mode: 'dataflow', rows: 90_000_000, extract: 271, daysAgo: 100 },
      { mode: 'cloud_run', rows: 90_000_000, extract: 1, daysAgo: 0, source: 'customers' },
      { mode: 'replay', rows: 90_000_000, extract: 1, daysAgo: 0 },
    ]);
    expect(await measuredRates(warehouse, 'acme', 'orders')).toEqual({ cloud_run: 120_000, dataflow: 1_000_000 });
  });

  it('are none where the evidence does not answer', async () => {
    expect(await measuredRates(warehouse, 'nobody', 'orders')).toEqual({});
  });

  const planned = async (execution: object, table = 'orders') => {
    const { host, port, database, user, password } = server;
    const tenant = tenantSchema.parse({
      tenant: 'acme',
      connections: { shop: { kind: 'postgres', host, port, database, user, tls: 'disable', secret: 'shop-password' } },
      sources: { orders: { connection: 'shop', table: `public.${table}`, load: { strategy: 'catalog' }, execution } },
    });
    const { shop: connection } = tenant.connections;
    if (connection === undefined) throw new Error('the tenant of the test is wrong');
    const secrets = { get: async () => password };
    await using source = await openSource({ tenant: 'acme', name: 'shop', connection, secrets });
    await using answer = await planRun(
      {
        ...{ tenant, sourceName: 'orders', source, warehouse, runId: 'run_2', env: 'dev' },
        executors: ['tasks', 'dataflow'],
      },
      new AbortController().signal,
    );
    return { text: planText(answer.plan, answer.cost), document: planDocument(answer, 'acme', 'orders') };
  };

  it('send a table of a plan to one machine, where its own runs say that it ends sooner there', async () => {
    const { text, document } = await planned({ dataflowAtRows: 10_000 });
    expect(document).toMatchObject({
      ...{ mode: 'cloud_run', tasks: 1, unity: null },
      predictions: [
        { mode: 'cloud_run', basis: 'measured' },
        { mode: 'dataflow', tasks: 8, basis: 'measured' },
      ],
    });
    expect(text).toMatch(
      /\nmode {4}cloud_run: about 20,000 rows, at or over 10,000; cloud_run 1 s \(\$0\.00\) by its own runs; dataflow 271 s \(\$0\.04\) by its own runs\n/,
    );
  });

  it('do not overrule a wish, and the source says what makes its pieces one read', async () => {
    const { document } = await planned({ mode: 'dataflow', maxWorkers: 3 });
    expect(document).toMatchObject({
      ...{ mode: 'dataflow', tasks: 3, unity: { by: 'snapshot' } },
      modeReason: expect.stringMatching(/^dataflow: dataflow is set, about 20,000 rows; .*; one read by snapshot: /),
    });
    expect((await planned({ tasks: 4 })).document).toMatchObject({
      ...{ mode: 'cloud_run', tasks: 4, unity: { by: 'snapshot' } },
    });
  });

  it('cannot part a view: the plan says so, and a wish for Dataflow is refused', async () => {
    expect((await planned({ tasks: 4 }, 'seen')).document).toMatchObject({
      ...{ mode: 'cloud_run', tasks: 1, unity: null },
      modeReason: expect.stringMatching(/one task, not 4: a view or a query has no pages/),
    });
    await expect(planned({ mode: 'dataflow' }, 'seen')).rejects.toMatchObject({
      problem: { code: 'MODE_IMPOSSIBLE', detail: expect.stringContaining('a view or a query has no pages') },
    });
  });
});
