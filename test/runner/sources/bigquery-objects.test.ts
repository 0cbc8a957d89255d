/** What is particular to BigQuery: wildcards, arrival, required filters, views, what is billed and to whom. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Source } from '../../../runner/core/contracts/source.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { openBigquerySource } from '../../../runner/sources/bigquery/index.ts';
import { type FaultProxy, startProxy } from '../../cloud/emulators/proxy.ts';
import { columnsOf, forever, readAll } from '../../contracts/source-reading.ts';
import { type BigqueryServer, startBigquery } from '../../servers/bigquery.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { type Console, openConsole } from './bigquery-console.ts';

const DATA = 'partner-data';
const BILLED = 'acme-data';

describeWith(['emulators'], 'objects of BigQuery', () => {
  let server: BigqueryServer;
  let proxy: FaultProxy;
  let owner: Console;
  let source: Source;

  const open = (
    spec: object = { load: { strategy: 'catalog' }, execution: {} },
    cloud = { project: BILLED, location: 'US' },
  ) =>
    openBigquerySource(
      {
        ...{ tenant: 'acme', name: 'partner', cloud },
        connection: { kind: 'bigquery', project: DATA },
        source: spec as never,
        secrets: { get: () => Promise.reject(new Error('BigQuery has no secret')) },
      },
      { endpoint: proxy.host, storage: server.grpc, budget: { attempts: 3, seconds: 5, firstMs: 20, longestMs: 100 } },
    );

  beforeAll(async () => {
    server = await startBigquery();
    proxy = await startProxy(server.host);
    owner = openConsole(server.host, DATA);
    await owner.dataset(DATA, 'web');
    await owner.run(`CREATE TABLE web.events_20260101 (id INT64, old STRING); INSERT INTO web.events_20260101 VALUES (1, 'a');
      CREATE TABLE web.events_20260102 (id INT64, old STRING); INSERT INTO web.events_20260102 VALUES (2, 'b');
      CREATE TABLE web.grown_20260101 (id INT64); CREATE TABLE web.grown_20260102 (id INT64, fresh STRING);
      CREATE TABLE web.arrivals (id INT64) PARTITION BY _PARTITIONDATE OPTIONS (require_partition_filter = TRUE);
      INSERT INTO web.arrivals (_PARTITIONTIME, id) VALUES (TIMESTAMP '2026-01-01', 1), (TIMESTAMP '2026-01-02', 2);
      CREATE TABLE web.days (id INT64, day DATE, n BIGNUMERIC) PARTITION BY day OPTIONS (require_partition_filter = TRUE);
      INSERT INTO web.days VALUES (1, DATE '2026-01-01', BIGNUMERIC '1.5'), (2, DATE '2026-01-02', BIGNUMERIC '0.0000000001');
      CREATE TABLE web.nested (id INT64, tags ARRAY<STRING>, lines ARRAY<STRUCT<sku STRING, price NUMERIC, sizes ARRAY<INT64>>>);
      INSERT INTO web.nested VALUES (1, ['x'], [STRUCT('s' AS sku, NUMERIC '1.5' AS price, [1, 2] AS sizes)])`);
    await owner.run(
      "CREATE VIEW web.recent AS SELECT id, n FROM `partner-data.web.days` WHERE day > DATE '2026-01-01'",
    );
    source = open();
  });

  afterAll(async () => {
    await source?.[Symbol.asyncDispose]();
    await proxy?.stop();
    await server?.[Symbol.asyncDispose]();
  });

  const read = async (
    object: { table?: string; query?: string },
    more: Partial<Parameters<typeof readAll>[2]> = {},
  ) => {
    const columns = await columnsOf(source, object);
    const { snapshot } = await source.open({ object, ...(more.window ? { cursor: more.window.column } : {}) }, forever);
    await using _ = snapshot;
    return readAll(snapshot, object, { columns, ...more });
  };
  const code = (work: Promise<unknown>) =>
    work.then(
      () => 'none',
      (error) => problemOf(error).code,
    );

  test('tables that differ in a date are one by their wildcard, with the columns of the newest', async () => {
    const found = await source.discover(forever);
    expect(found.find(({ name }) => name === 'web.events_*')).toMatchObject({
      kind: 'partitioned table',
      partitions: 2,
    });
    expect(found.map(({ name }) => name)).not.toContain('web.events_20260101');
    const { columns } = await source.describe({ table: 'web.grown_*' }, forever);
    expect(columns.map(({ name }) => name)).toEqual(['id', 'fresh', '_TABLE_SUFFIX']);
    // To read tables that differ in their columns by one wildcard needs a live project.
    const object = { table: 'web.events_*' };
    const columnsRead = await columnsOf(source, object, ['id', 'old', '_TABLE_SUFFIX']);
    const named = columnsRead.map((column) =>
      column.source === '_TABLE_SUFFIX' ? { ...column, name: 'suffix' } : column,
    );
    const { rows } = await read(object, { columns: named });
    expect(rows).toEqual([
      ['1', 'a', '20260101'],
      ['2', 'b', '20260102'],
    ]);
  });

  test('a table by arrival has its partition as a column, and is read by windows of it only', async () => {
    const object = { table: 'web.arrivals' };
    expect(await code(source.open({ object }, forever))).toBe('SOURCE_PARTITION_FILTER');
    const columns = (await columnsOf(source, object)).map((column) => ({
      ...column,
      name: column.name.replace('_PART', 'part'),
    }));
    expect(columns.map(({ source: name }) => name)).toEqual(['id', '_PARTITIONTIME']);
    expect(await source.sample(object, columns, 1, forever)).toEqual([[expect.stringMatching(/^[12]$/), null]]);
    const window = { column: '_PARTITIONTIME', from: '2026-01-02 00:00:00+00', to: '2026-01-03 00:00:00+00' };
    const { rows } = await read(object, { columns, window });
    expect(rows).toEqual([['2', '2026-01-02 00:00:00+00']]);
  });

  test('a required filter is met by a window on the partition column; anything else says which', async () => {
    const object = { table: 'web.days' };
    const problem = await source.open({ object, cursor: 'id' }, forever).then(() => null, problemOf);
    expect(problem).toMatchObject({ code: 'SOURCE_PARTITION_FILTER', fix: expect.stringContaining('cursor: day') });
    expect(await code(read({ query: 'SELECT id FROM `partner-data.web.days`' }))).toBe('SOURCE_PARTITION_FILTER');
    const { rows } = await read(object, { window: { column: 'day', from: null, to: '2026-01-02' } });
    expect(rows).toEqual([['1', '2026-01-01', '1.500000000']]);
  });

  test('digits that no vector has are quarantined, or become NULL', async () => {
    const object = { table: 'web.days' };
    const window = { column: 'day', from: null, to: '2026-01-03' };
    const strict = await read(object, { window, maxRejected: 1 });
    expect(strict.summary).toMatchObject({ extracted: 2, rejected: 1 });
    const columns = (await columnsOf(source, object)).map((column) => ({
      ...column,
      unrepresentable: 'nullify' as const,
    }));
    const lenient = await read(object, { window, columns });
    expect(lenient.summary).toMatchObject({ extracted: 2, rejected: 0, nullified: 1 });
    expect(lenient.rows).toContainEqual(['2', '2026-01-02', null]);
  });

  test('a view is computed once for all its readers', async () => {
    const object = { table: 'web.recent' };
    expect(await source.describe(object, forever)).toMatchObject({ kind: 'view', rows: null });
    const columns = await columnsOf(source, object, ['id']);
    const { snapshot } = await source.open({ object }, forever);
    await using _ = snapshot;
    const before = proxy.calls.length;
    for (const readers of [1, 2]) expect((await readAll(snapshot, object, { columns, readers })).rows).toEqual([['2']]);
    const jobs = proxy.calls.slice(before).filter(({ method, url }) => method === 'POST' && /\/jobs(\?|$)/.test(url));
    expect(jobs).toHaveLength(1);
  });

  test('what is nested stays whole', async () => {
    const object = { table: 'web.nested' };
    const [sampled] = await source.sample(object, await columnsOf(source, object), 1, forever);
    expect(sampled?.slice(0, 2)).toEqual(['1', '["x"]']);
    expect(JSON.parse(sampled?.[2] ?? '')).toMatchObject([{ sku: 's', sizes: ['1', '2'] }]);
    const { rows } = await read({ table: 'web.nested' });
    expect(rows[0]?.slice(0, 2)).toEqual(['1', '[x]']);
    expect(JSON.parse(rows[0]?.[2] ?? '')).toEqual([{ sku: 's', price: 1.5, sizes: [1, 2] }]);
  });

  test('jobs are billed to the tenant, labelled, and held to its cap; the data’s project has none', async () => {
    const before = proxy.calls.length;
    await using capped = open({ load: { strategy: 'catalog' }, execution: { maxBytesBilled: 1 } });
    const object = { query: 'SELECT id FROM `partner-data.web.nested`' };
    const columns = await columnsOf(capped, object);
    const { snapshot } = await capped.open({ object }, forever);
    await using _ = snapshot;
    expect(await code(readAll(snapshot, object, { columns }))).toBe('SOURCE_COST');
    const jobs = proxy.calls.slice(before).filter(({ method, url }) => method === 'POST' && /\/jobs(\?|$)/.test(url));
    expect(jobs.length).toBeGreaterThan(1);
    for (const { url, body } of jobs) {
      expect(url).toContain(`/projects/${BILLED}/jobs`);
      expect(body).toMatchObject({
        configuration: { labels: { tenant: 'acme', managed_by: 'tributary' } },
      });
    }
    const { price } = await snapshot.estimate(object, null);
    expect(price).toMatchObject({ what: expect.stringContaining(BILLED) });
  });

  test('what is refused says which role is missing, where, and how it is given', async () => {
    const refuse = (message: string) =>
      proxy.fault({
        method: 'GET',
        path: /tables\/nested/,
        fault: { how: 'answer', error: 'forbidden', message },
      });
    refuse(
      `Access Denied: Table ${DATA}:web.nested: Permission bigquery.tables.get denied on table ${DATA}:web.nested`,
    );
    const problem = await source.describe({ table: 'web.nested' }, forever).then(() => null, problemOf);
    expect(problem).toMatchObject({
      code: 'SOURCE_PERMISSION',
      fix: `GRANT \`roles/bigquery.dataViewer\` ON SCHEMA \`${DATA}.web\` TO "serviceAccount:<runner>";`,
    });
    expect(await source.describe({ table: 'web.nestde' }, forever).then(() => null, problemOf)).toMatchObject({
      code: 'SOURCE_OBJECT_MISSING',
      detail: expect.stringContaining('Did you mean web.nested?'),
    });
  });
});
