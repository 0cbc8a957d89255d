/** Two tenants whose names begin alike, with the same sources, at the same time. */
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { evidenceDataset, rawDataset, stagingBucket, stagingDataset } from '../../tenants/naming.ts';
import { type Emulators, startEmulators } from '../chaos/emulators.ts';
import type { WireCall } from '../chaos/wire.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { describeWith } from '../setup/describe-with.ts';
import { CloudPlace } from './cloud-place.ts';
import { openScene } from './scene.ts';

/** `acme` + `eu_orders` and `acme-eu` + `orders` are the same letters. */
const TENANTS = ['acme', 'acme-eu'] as const;
const SOURCES = {
  orders: { strategy: 'transactional', mode: 'append', cursor: 'stamp' },
  eu_orders: { strategy: 'transactional', mode: 'merge', key: ['id'], cursor: 'stamp' },
  customers: { strategy: 'catalog', history: 'replace' },
} as const;
/** A quarter of an hour each. */
const TICKS = 4;

describeWith(['emulators'], 'two tenants with the same source names', () => {
  let server: PostgresServer;
  let admin: pg.Client;
  let emulators: Emulators & AsyncDisposable;
  let place: CloudPlace;
  const databases: Record<string, pg.Client> = {};
  beforeAll(async () => {
    ({ server, admin } = await openScene());
    emulators = await startEmulators();
    for (const tenant of TENANTS) {
      const database = tenant.replace('-', '_');
      await admin.query(`CREATE DATABASE ${database}`);
      const client = await server.client({ database });
      databases[tenant] = client;
      await client.query('ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader');
      for (const source of Object.keys(SOURCES))
        await client.query(
          `CREATE TABLE ${source} (id int PRIMARY KEY, owner text NOT NULL, tick int NOT NULL, stamp timestamptz NOT NULL DEFAULT now())`,
        );
    }
  });
  afterAll(async () => {
    for (const client of Object.values(databases)) await client.end();
    await emulators?.[Symbol.asyncDispose]();
    await admin?.end();
    await server?.stop();
  });
  beforeEach(async () => {
    place = await CloudPlace.make({ server, emulators, project: 'shared-project' });
    for (const tenant of TENANTS) {
      const sources = Object.entries(SOURCES).map(([name, load]) => [name, { table: `public.${name}`, load }]);
      await place.tenant(tenant, Object.fromEntries(sources), tenant.replace('-', '_'));
    }
  });
  afterEach(() => place[Symbol.asyncDispose]());

  /** The same ids on both sides: a row in the wrong place would meet another. */
  async function write(tenant: string, tick: number): Promise<void> {
    for (const source of Object.keys(SOURCES)) {
      const client = databases[tenant] as pg.Client;
      const rows = `SELECT i, $1, $2::int FROM generate_series($2::int * 50 + 1, $2::int * 50 + 50) i`;
      await client.query(`INSERT INTO ${source} (id, owner, tick) ${rows}`, [tenant, tick]);
      if (source !== 'orders')
        await client.query(`UPDATE ${source} SET tick = $1, stamp = now() WHERE id % 7 = $1`, [tick]);
    }
  }

  test('share no row, no object, no table and no call', { timeout: 300_000 }, async () => {
    for (let tick = 0; tick < TICKS; tick++) {
      await Promise.all(
        TENANTS.map(async (tenant) => {
          await write(tenant, tick);
          for (const source of Object.keys(SOURCES)) {
            const ended = await place.run(tenant, source);
            expect(ended, `${ended.stdout}${ended.stderr}`).toMatchObject({ code: 0 });
          }
        }),
      );
    }
    for (const tenant of TENANTS) {
      await expectOwnRows(tenant);
      await expectOwnEvidence(tenant);
      expectOwnCalls(tenant, place.wire(tenant).calls);
      for (const other of TENANTS.filter((one) => one !== tenant))
        expect(() => expectOwnCalls(other, place.wire(tenant).calls)).toThrow();
      expect(await leftovers(tenant)).toEqual([]);
    }
    await place.expectSealed();
  });

  async function expectOwnRows(tenant: string): Promise<void> {
    for (const source of Object.keys(SOURCES)) {
      const { rows } = await (databases[tenant] as pg.Client).query(
        `SELECT id, owner, tick FROM ${source} ORDER BY id`,
      );
      const found = await place.ask(`SELECT id, owner, tick FROM ${rawDataset(tenant)}.${source} ORDER BY id`);
      expect(found).toEqual(rows);
      const strangers = await place.ask(
        `SELECT COUNT(*) AS n FROM ${rawDataset(tenant)}.${source} WHERE _run_id NOT IN (SELECT run_id FROM ${evidenceDataset(tenant)}._runs)`,
      );
      expect(strangers).toEqual([{ n: 0 }]);
    }
  }

  async function expectOwnEvidence(tenant: string): Promise<void> {
    const evidence = evidenceDataset(tenant);
    const runs = await place.ask(`SELECT source, COUNT(*) AS n FROM ${evidence}._runs GROUP BY source ORDER BY source`);
    expect(runs).toEqual(
      Object.keys(SOURCES)
        .toSorted()
        .map((source) => ({ source, n: TICKS })),
    );
    const states = await place.ask(`SELECT source, run_id FROM ${evidence}._state ORDER BY source`);
    expect(states?.map(({ source }) => source)).toEqual(Object.keys(SOURCES).toSorted());
    const other = TENANTS.find((one) => one !== tenant) as string;
    const shared = await place.ask(
      `SELECT run_id FROM ${evidence}._runs WHERE run_id IN (SELECT run_id FROM ${evidenceDataset(other)}._runs)`,
    );
    expect(shared).toEqual([]);
  }

  /** Every dataset, bucket, object and label in everything that its processes sent is its own. */
  function expectOwnCalls(tenant: string, calls: readonly WireCall[]): void {
    expect(calls.length).toBeGreaterThan(TICKS * Object.keys(SOURCES).length * 10);
    const own = new Set([rawDataset, stagingDataset, evidenceDataset].map((name) => name(tenant)));
    const bucket = stagingBucket(place.project, tenant);
    for (const { method, url, body, jobId, step } of calls) {
      const sent = `${decodeURIComponent(url)} ${JSON.stringify(body)}`;
      const datasets = [...sent.matchAll(/\b(?:acme|acme_eu)_(?:raw|staging|tributary)\b/g)].map(([name]) => name);
      expect(
        datasets.filter((name) => !own.has(name)),
        `${method} ${sent}`,
      ).toEqual([]);
      for (const [, place_, path] of sent.matchAll(/gs:\/\/([^/"]+)\/([^"]*)/g))
        expect(`${place_}/${path}`).toMatch(new RegExp(`^${bucket}/${tenant}/`));
      if (step.startsWith('objects')) {
        expect(url).toContain(`/b/${bucket}/o`);
        expect(sent).toMatch(new RegExp(`[=/]${tenant}/(${Object.keys(SOURCES).join('|')})/`));
      }
      const { labels } = (body as { configuration?: { labels?: Record<string, string> } } | null)?.configuration ?? {};
      if (step.endsWith(': insert')) {
        expect(labels).toMatchObject({ tenant });
        expect(jobId).toMatch(/^tributary_/);
      }
    }
  }

  async function leftovers(tenant: string): Promise<readonly string[]> {
    const { bigquery, storage } = place.clients;
    const [tables] = await bigquery.dataset(stagingDataset(tenant)).getTables();
    const [files] = await storage.bucket(stagingBucket(place.project, tenant)).getFiles();
    return [...tables.map(({ id }) => String(id)), ...files.map(({ name }) => name)];
  }
});
