/** Whole runs from Google's emulator: windows, groups, cuts in mid-stream, budgets. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startCutter } from '../../servers/cutter.ts';
import { type FirestoreServer, startFirestore } from '../../servers/firestore.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { FirestoreLoading, integer, text, time } from './firestore-loading.ts';

const items = { collection: 'items' };
const key = ['document_id'];
const forever = new AbortController().signal;

describeWith(['firestore'], 'runs from Firestore', () => {
  let server: FirestoreServer;
  let loading: FirestoreLoading;

  beforeAll(async () => {
    server = await startFirestore();
  }, 60_000);
  afterAll(() => server?.stop());
  beforeEach(() => {
    loading = new FirestoreLoading(server);
  });
  afterEach(() => loading[Symbol.asyncDispose]());

  const many = (count: number, bytes: number) =>
    loading.put(
      Array.from({ length: count }, (_, i) => ({
        path: `items/${String(i).padStart(5, '0')}`,
        fields: {
          n: integer(i),
          note: text(String(i).repeat(bytes).slice(0, bytes)),
          at: time(`2026-01-01T00:00:0${i % 3}Z`),
        },
      })),
    );
  const sums = async () =>
    (
      await loading.query(
        'SELECT count(*)::INT AS rows, count(DISTINCT n)::INT AS n, sum(length(note))::INT AS bytes FROM acme_raw.items',
      )
    )[0];

  test('a stream that is cut goes on behind its last document', async () => {
    await many(3000, 700);
    await using line = await startCutter(server.host);
    loading.host = line.host;
    line.cutAfter(500_000, 3);
    const { summary } = await loading.load(items);
    expect(line.cuts).toBe(3);
    expect(summary.rows).toMatchObject({ extracted: 3000, loaded: 3000 });
    expect(await sums()).toEqual({ rows: 3000, n: 3000, bytes: 2_100_000 });
  });

  test('a window that is cut goes on too, where many documents have one time', async () => {
    await many(3000, 700);
    await using line = await startCutter(server.host);
    loading.host = line.host;
    line.cutAfter(500_000, 2);
    const load = { strategy: 'transactional', mode: 'append', cursor: 'at' } as const;
    const { summary } = await loading.load({ ...items, load });
    expect(line.cuts).toBe(2);
    expect(summary.rows).toMatchObject({ extracted: 3000, loaded: 3000 });
    expect(await sums()).toEqual({ rows: 3000, n: 3000, bytes: 2_100_000 });
  });

  test('a server that is gone ends the run with nothing committed', async () => {
    await many(10, 10);
    await using line = await startCutter(server.host);
    loading.host = line.host;
    process.env.TRIBUTARY_RETRY_SECONDS = '1';
    line.cutAfter(0, Number.POSITIVE_INFINITY);
    const { status, problem } = await loading.run(items);
    delete process.env.TRIBUTARY_RETRY_SECONDS;
    expect([status, problem?.origin, problem?.retryable]).toEqual(['failed', 'source', true]);
  });

  test('windows take what is new, by the read time less the lag', async () => {
    const load = {
      strategy: 'transactional',
      mode: 'merge',
      key,
      cursor: 'at',
      cursorNulls: 'skip',
    } as const;
    const put = (name: string, at: string, n: number) =>
      loading.put([{ path: `items/${name}`, fields: { at: time(at), n: integer(n) } }]);
    await put('a', '2026-01-01T00:00:00Z', 1);
    await put('b', '2026-01-01T00:00:00.000001Z', 1);
    await loading.put([{ path: 'items/none', fields: { n: integer(0) } }]);
    const first = await loading.load({ ...items, load: { ...load, lag: '120s' } });
    expect(first.summary.bound?.proof).toBe('lag');
    expect(first.summary.rows).toMatchObject({ extracted: 2, inserted: 2 });
    await put('b', new Date(Date.now() - 90_000).toISOString(), 2);
    await put('young', new Date(Date.now() + 3_600_000).toISOString(), 3);
    const second = await loading.load({ ...items, load: { ...load, lag: '100s' } });
    expect(second.summary.rows).toMatchObject({ extracted: 0 });
    const third = await loading.load({ ...items, load: { ...load, lag: '10s' } });
    expect(third.summary.rows.updated).toBe(1);
    expect(await loading.query('SELECT document_id, n FROM acme_raw.items ORDER BY 1')).toEqual([
      { document_id: 'a', n: '1' },
      { document_id: 'b', n: '2' },
    ]);
  });

  test('documents without the cursor come with a window where they are wanted', async () => {
    const load = { strategy: 'transactional', mode: 'merge', key, cursor: 'at' } as const;
    const fields = { at: time('2026-01-01T00:00:00Z') };
    await loading.put([
      { path: 'items/a', fields },
      { path: 'items/missing', fields: { n: integer(1) } },
      { path: 'items/null', fields: { at: { nullValue: null } } },
    ]);
    const first = await loading.load({ ...items, load });
    expect(first.summary.rows).toMatchObject({ extracted: 3, inserted: 3 });
    const second = await loading.load({ ...items, load });
    expect(second.summary.rows).toMatchObject({ extracted: 2, unchanged: 2 });
    const refused = await loading.run({ ...items, load: { ...load, cursorNulls: 'fail' } });
    expect(refused.problem?.code).toBe('SOURCE_CURSOR_NULL');
    const text = await loading.run({ ...items, load: { ...load, cursor: 'document_id' } });
    expect(text.problem?.code).toBe('SOURCE_CURSOR_UNSUITABLE');
  });

  test('subcollections and groups, under parents that do not exist too', async () => {
    await loading.put([
      { path: 'shops/berlin/orders/1', fields: { total: integer(1) } },
      { path: 'shops/paris/orders/1', fields: { total: integer(2) } },
      { path: 'shops/paris', fields: { name: text('Paris') } },
      { path: 'orders/1', fields: { total: integer(3) } },
    ]);
    const source = loading.open();
    const found = await source.discover(forever);
    await source[Symbol.asyncDispose]();
    expect(found.map(({ kind, name, rows }) => `${kind} ${name} ${rows}`)).toEqual([
      'collection orders 1',
      'collection shops 1',
      'collection shops/berlin/orders 1',
      'collection shops/paris/orders 1',
      'collection group orders 3',
    ]);
    await loading.load({ collection: 'shops/berlin/orders' });
    expect(await loading.query('SELECT _document_path, total FROM acme_raw.items')).toEqual([
      { _document_path: 'shops/berlin/orders/1', total: '1' },
    ]);
    await loading.load({ collectionGroup: 'orders', execution: { readers: 3 } });
    expect(await loading.query('SELECT _document_path, document_id, total FROM acme_raw.items ORDER BY 3')).toEqual([
      { _document_path: 'shops/berlin/orders/1', document_id: '1', total: '1' },
      { _document_path: 'shops/paris/orders/1', document_id: '1', total: '2' },
      { _document_path: 'orders/1', document_id: '1', total: '3' },
    ]);
  });

  test('an empty collection is loaded, and one that was emptied meets the brake', async () => {
    const { summary } = await loading.load(items);
    expect(summary.rows).toMatchObject({ extracted: 0, loaded: 0 });
    await loading.put([{ path: 'items/a', fields: { n: integer(1) } }]);
    await loading.load(items);
    await loading.clear();
    const { problem } = await loading.run(items);
    expect(problem?.code).toBe('BRAKE_EMPTY');
    expect(await loading.query('SELECT document_id, n FROM acme_raw.items')).toEqual([{ document_id: 'a', n: '1' }]);
  });

  test('a read that would cost more than it may is refused before it begins', async () => {
    await many(300, 10);
    const { problem, summary } = await loading.run(items, { maxCostUsd: 0.0001 });
    expect(problem?.code).toBe('BRAKE_COST');
    expect(problem?.detail).toContain('301 reads');
    expect(summary.rows.extracted).toBe(0);
    expect((await loading.run(items, { maxCostUsd: 0.0002 })).problem).toBeNull();
    expect((await loading.run(items, { maxCostUsd: 0.0001, yes: true })).problem).toBeNull();
  });

  test('documents of 1 MiB, 2000 fields, and names that need care', async () => {
    const long = 'n'.repeat(300);
    await loading.put([
      { path: 'items/large', fields: { note: text('ż'.repeat(500_000)) } },
      { path: 'items/wide', fields: Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`f${i}`, integer(i)])) },
      {
        path: 'items/🙂 \'"`',
        fields: {
          '🙂': integer(1),
          document_id: text('own'),
          [long]: integer(2),
          _TABLE_SUFFIX: integer(3),
          select: integer(4),
          Select: integer(5),
        },
      },
    ]);
    const { summary } = await loading.load(items);
    expect(summary.rows).toMatchObject({ extracted: 3, loaded: 3, quarantined: 0 });
    const [sizes] = await loading.query(
      'SELECT max(length(note))::INT AS note, max(f1999)::INT AS last FROM acme_raw.items',
    );
    expect(sizes).toEqual({ note: 500_000, last: 1999 });
    const [odd] = await loading.query(
      `SELECT COLUMNS(c -> NOT regexp_matches(c, '^(f\\d+|note|_run_id|_extracted_at)$')) FROM acme_raw.items WHERE document_id LIKE '🙂%'`,
    );
    expect(Object.values(odd ?? {}).map(String)).toEqual(
      expect.arrayContaining(['🙂 \'"`', 'items/🙂 \'"`', 'own', '1', '2', '3', '4', '5']),
    );
  });
});
