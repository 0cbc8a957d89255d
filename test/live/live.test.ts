import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BigQuery } from '@google-cloud/bigquery';
import { Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Api, openClient } from '../../runner/bigquery/client.ts';
import { evidenceDataset, rawDataset, stagingDataset } from '../../tenants/naming.ts';
import { A, APPEND, B, TENANT, WarehouseBench } from '../contracts/warehouse-bench.ts';
import { bigqueryDialect, type Cloud, startCloud } from '../contracts/warehouse-bigquery.ts';
import { type BigqueryServer, startBigquery } from '../servers/bigquery.ts';
import { type StorageServer, startStorage } from '../servers/storage.ts';
import { describeWith } from '../setup/describe-with.ts';
import { budgetOf, checkBudget, spentOf } from './budget.ts';
import { apart, limited, spent, stopAtBudget } from './limit.ts';
import { newSession } from './names.ts';
import { type LiveOptions, liveOptions, planText } from './options.ts';
import { type Clients, emptyPlace } from './place.ts';
import { roundTripTests } from './round-trip.ts';
import { liveSession, type SessionParts } from './session.ts';

const given = (...more: readonly string[]) => liveOptions(['--project', 'some-project', ...more], 'abc');

describe('the command line of live', () => {
  test('needs a project and a price', () => {
    expect(() => liveOptions([])).toThrow('usage: npm run live');
    expect(() => given('--max-cost', 'much')).toThrow('--max-cost must be dollars');
    expect(() => given('--max-cost', '0')).toThrow('--max-cost must be dollars');
  });

  test('a dry run says what would be made and connects to nothing', async () => {
    const said: string[] = [];
    const never = async () => {
      throw new Error('must not be called');
    };
    const parts = { connect: never, suite: never, say: (line: string) => said.push(line), signal: never as never };
    expect(await liveSession(given('--dry-run'), parts)).toBe(0);
    expect(said.join('\n')).toBe(planText(given()));
    expect(said.join('\n')).toContain('live_abc_raw');
    expect(said.join('\n')).toContain('some-project-trb-live-abc-staging');
  });

  test('no two sessions share a name', () => {
    const moment = new Date('2026-01-02T03:04:05Z');
    expect(newSession(moment, 0.5)).not.toBe(newSession(moment, 0.6));
    expect(newSession(moment, 0.5)).toMatch(/^2601020304[a-z0-9]{4}$/);
  });

  test('without credentials: exit 1 and what to do', async () => {
    const env = {
      ...{ PATH: process.env.PATH, HOME: '/nonexistent', GOOGLE_APPLICATION_CREDENTIALS: '/nonexistent/key.json' },
      METADATA_SERVER_DETECTION: 'none',
    };
    const main = join(import.meta.dirname, 'main.ts');
    const run = promisify(execFile)(process.execPath, [main, '--project', 'some-project'], { env });
    await expect(run).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('fix: gcloud auth application-default login'),
    });
  });
});

describe('the budget', () => {
  const job = (tenant: string, bytes: number) => ({
    configuration: { labels: { tenant } },
    statistics: { query: { totalBytesBilled: `${bytes}` } },
  });

  test('counts the jobs of the session only', () => {
    const spent = spentOf([job('live-abc', 2 ** 40), job('acme', 2 ** 40), {}, job('live-abc', 0)], 'live-abc', 6.25);
    expect(spent).toEqual({ jobs: 2, bytes: 2 ** 40, usd: 6.25 });
  });

  test('stops before the query that could go past it', () => {
    const budget = budgetOf(1, 6.25);
    const usd = (dollars: number) => ({ jobs: 1, bytes: 1, usd: dollars });
    expect(() => checkBudget(usd(0.9), budget, 6.25)).not.toThrow();
    expect(() => checkBudget(usd(0.995), budget, 6.25)).toThrow('--max-cost 1 is used up');
  });

  test('the cap of a query follows a small budget, and leaves room for the smallest bill', () => {
    expect(budgetOf(1, 6.25).perQuery).toBe(2 ** 30);
    expect(budgetOf(0.001, 6.25).perQuery).toBe(Math.floor((0.001 / 6.25) * 2 ** 40));
    expect(budgetOf(0.000001, 6.25).perQuery).toBe(100 * 2 ** 20);
  });
});

describeWith(['emulators'], 'what the live suite does, on the emulators', () => {
  let cloud: Cloud;
  beforeAll(async () => {
    cloud = await startCloud();
  });
  afterAll(() => cloud?.[Symbol.asyncDispose]());

  describe('round trip', () => roundTripTests(() => cloud.open(), bigqueryDialect));

  test('a test takes no job of another one for its own, though its runs have the same ids', async () => {
    const project = 'one-for-all';
    for (const [turn, row] of [A, B].entries()) {
      await using warehouse = await cloud.open({ project, wrap: (api) => apart(api, `t${turn}`) });
      const bench = new WarehouseBench(warehouse, bigqueryDialect);
      const datasets = [rawDataset, stagingDataset, evidenceDataset].map((name) => name(TENANT));
      const api = openClient({ project, location: 'US', endpoint: cloud.bigquery.host });
      if (turn > 0) await emptyPlace(api, { datasets });
      expect(await bench.load([row], { change: APPEND })).toMatchObject({ inserted: 1 });
      expect(await bench.rows()).toEqual([row.slice(0, 2).map(String)]);
    }
  });

  test('every query has its cap, and what was billed is added up until it is too much', async () => {
    const budget = budgetOf(1, 6.25);
    const project = 'a-budget';
    const caps: (string | undefined)[] = [];
    const watched = (api: Api): Api => ({
      ...api,
      request: (call) => {
        const { query } = (call.body as { configuration?: { query?: Record<string, string> } })?.configuration ?? {};
        if (call.path === '/jobs' && query !== undefined) caps.push(query.maximumBytesBilled);
        return api.request(call);
      },
    });
    await using warehouse = await cloud.open({ project, wrap: (api) => limited(watched(api), budget) });
    const bench = new WarehouseBench(warehouse, bigqueryDialect);
    await bench.load([A, B], { change: APPEND, maxBytesBilled: 500_000_000 });
    expect(caps.length).toBeGreaterThan(3);
    expect([...new Set(caps)].toSorted()).toEqual(['1073741824', '500000000']);
    const api = openClient({ project, location: 'US', endpoint: cloud.bigquery.host });
    const found = await spent(api, TENANT, 0);
    expect(found.jobs).toBeGreaterThanOrEqual(caps.length);
    expect(found.bytes).toBeGreaterThan(0);
    await stopAtBudget(api, TENANT, 0, budget);
    await expect(stopAtBudget(api, TENANT, 0, { ...budget, maxCost: found.usd })).rejects.toThrow('is used up');
  });
});

describeWith(['emulators'], 'a session', () => {
  let storage: StorageServer;
  let bigquery: BigqueryServer;
  let clients: Clients;
  let options: LiveOptions;
  let said: string[];
  beforeAll(async () => {
    storage = await startStorage();
    bigquery = await startBigquery({ storage: storage.host });
  });
  afterAll(async () => {
    await bigquery?.stop();
    await storage?.stop();
  });
  beforeEach(() => {
    const session = newSession();
    options = liveOptions(['--project', `p-${session}`], session);
    const projectId = options.project;
    clients = {
      bigquery: new BigQuery({ projectId, apiEndpoint: bigquery.host, authClient: new PassThroughClient() }),
      storage: new Storage({ projectId, apiEndpoint: storage.host }),
    };
    said = [];
  });

  const parts = (suite: SessionParts['suite'], signal = new AbortController().signal): SessionParts => ({
    connect: async () => clients,
    suite,
    say: (line) => said.push(line),
    signal,
  });

  /** What a suite leaves when nobody cleans up after it. */
  async function litter(): Promise<void> {
    for (const dataset of options.names.datasets) {
      await clients.bigquery
        .dataset(dataset)
        .createTable('rest', { schema: { fields: [{ name: 'id', type: 'INT64' }] } });
    }
    await clients.storage.bucket(options.names.bucket).file('live-abc/orders/run/rows/part-0.parquet').save('rows');
  }

  async function whatIsThere(): Promise<readonly string[]> {
    const [datasets] = await clients.bigquery.getDatasets();
    const [buckets] = await clients.storage.getBuckets();
    return [...datasets.map(({ id }) => String(id)), ...buckets.map(({ name }) => name)].filter(
      (name) => name.includes(options.names.tenant) || options.names.datasets.includes(name),
    );
  }

  test('makes its place with an end of life, and removes it', async () => {
    const code = await liveSession(
      options,
      parts(async () => {
        await litter();
        expect((await whatIsThere()).toSorted()).toEqual([...options.names.datasets, options.names.bucket].toSorted());
        const [dataset] = await clients.bigquery.dataset(options.names.datasets[0] as string).get();
        expect(dataset.metadata).toMatchObject({ defaultTableExpirationMs: '3600000', labels: { purpose: 'live' } });
        return 0;
      }),
    );
    expect({ code, left: await whatIsThere(), last: said.at(-1) }).toEqual({
      code: 0,
      left: [],
      last: 'removed: all of it',
    });
  });

  test('after a failed suite, and one that throws', async () => {
    const fails = parts(async () => {
      await litter();
      return 1;
    });
    expect(await liveSession(options, fails)).toBe(1);
    expect(await whatIsThere()).toEqual([]);
    const throws = parts(async () => {
      await litter();
      throw new Error('no test runner');
    });
    expect(await liveSession(options, throws)).toBe(1);
    expect(await whatIsThere()).toEqual([]);
  });

  test('after Ctrl-C', async () => {
    const controller = new AbortController();
    const suite = async () => {
      await litter();
      controller.abort();
      return 1;
    };
    expect(await liveSession(options, parts(suite, controller.signal))).toBe(130);
    expect(await whatIsThere()).toEqual([]);
  });

  test('says what it could not remove', async () => {
    const suite = async () => {
      await litter();
      clients.bigquery.dataset = () => {
        throw new Error('permission denied');
      };
      return 0;
    };
    expect(await liveSession(options, parts(suite))).toBe(1);
    Reflect.deleteProperty(clients.bigquery, 'dataset');
    expect(said.join('\n')).toContain(`left: dataset ${options.names.datasets[0]}: permission denied`);
    expect(await whatIsThere()).toEqual([...options.names.datasets].toSorted());
  });

  test('between two tests all tables go, and the datasets stay', async () => {
    const suite = async () => {
      await litter();
      const { project, names } = options;
      await emptyPlace(openClient({ project, location: 'US', endpoint: bigquery.host }), names);
      for (const dataset of options.names.datasets) {
        expect((await clients.bigquery.dataset(dataset).getTables())[0]).toEqual([]);
      }
      return 0;
    };
    expect(await liveSession(options, parts(suite))).toBe(0);
  });
});
