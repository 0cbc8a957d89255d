/** Fields that no sampled document had, on their way into columns: the contract decides. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type FirestoreServer, type PutDocument, startFirestore } from '../../servers/firestore.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { double, FirestoreLoading, integer, list, map, text, time } from './firestore-loading.ts';

const id = (i: number) => `d${String(i).padStart(5, '0')}`;

/** Documents with a number, in the order of their names. */
function* plain(from: number, to: number): Generator<PutDocument> {
  for (let i = from; i < to; i++) yield { path: `items/${id(i)}`, fields: { n: integer(i) } };
}

describeWith(['firestore'], 'late fields of Firestore', () => {
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

  const items = { collection: 'items' };
  const columns = async () =>
    (
      await loading.query(
        `SELECT column_name AS name, data_type AS type FROM duckdb_columns() WHERE table_name = 'items' AND schema_name LIKE '%raw'`,
      )
    ).map(({ name, type }) => `${name} ${type}`);

  test('they become columns in the first load', async () => {
    await loading.put(plain(0, 150));
    await loading.put([
      {
        path: `items/${id(200)}`,
        fields: {
          n: integer(200),
          big: integer('9007199254740993'),
          'a.b `"🙂': text('odd'),
          at: time('2026-01-02T03:04:05.000006Z'),
          bytes: { bytesValue: 'AP8B' },
          mixed: integer(1),
          share: double(0.5),
          tree: map({ a: list(integer(1)) }),
          none: { nullValue: null },
        },
      },
      { path: `items/${id(201)}`, fields: { n: integer(201), mixed: text('1'), share: integer(2) } },
    ]);
    const { summary } = await loading.load(items);
    expect(summary.rows).toMatchObject({ extracted: 152, loaded: 152, quarantined: 0 });
    expect(summary.schemaChanges).toEqual([]);
    const [first, second] = await loading.query(
      `SELECT * EXCLUDE (_run_id, _extracted_at) REPLACE ("at"::VARCHAR AS "at", hex(bytes) AS bytes) FROM acme_raw.items WHERE n >= 200 ORDER BY n`,
    );
    expect(first).toEqual({
      document_id: id(200),
      _document_path: `items/${id(200)}`,
      n: '200',
      big: '9007199254740993',
      a_b____: 'odd',
      at: '2026-01-02 03:04:05.000006+00',
      bytes: '00FF01',
      mixed: '1',
      share: 0.5,
      tree: '{"a":[1]}',
    });
    expect(second).toMatchObject({ n: '201', mixed: '"1"', share: 2, big: null });
    expect(await columns()).not.toContainEqual(expect.stringContaining('_tributary_late'));
  });

  test('evolve adds them with evidence, and the next run knows them', async () => {
    await loading.put(plain(0, 120));
    await loading.load(items);
    await loading.put([{ path: `items/${id(500)}`, fields: { n: integer(500), colour: text('red') } }]);
    const { summary } = await loading.load(items);
    expect(summary.schemaChanges).toMatchObject([
      { kind: 'add', column: { name: 'colour', type: { kind: 'STRING' } } },
    ]);
    expect(await loading.query('SELECT kind, column_name, to_type FROM acme_tributary._schema_changes')).toEqual([
      { kind: 'add', column_name: 'colour', to_type: 'STRING' },
    ]);
    const again = await loading.load(items);
    expect(again.summary.schemaChanges).toEqual([]);
    expect(again.summary.rows).toMatchObject({ extracted: 121, loaded: 121 });
    expect(await loading.query('SELECT colour FROM acme_raw.items WHERE colour IS NOT NULL')).toEqual([
      { colour: 'red' },
    ]);
  });

  test('freeze commits nothing', async () => {
    await loading.put(plain(0, 120));
    const frozen = { ...items, contract: { columns: 'freeze' } } as const;
    await loading.load(frozen);
    await loading.put([{ path: `items/${id(500)}`, fields: { n: integer(500), colour: text('red') } }]);
    const { status, problem } = await loading.run(frozen);
    expect([status, problem?.code]).toEqual(['failed', 'SCHEMA_FROZEN']);
    expect(problem?.detail).toContain('colour');
    expect(await loading.query('SELECT count(*)::INT AS n FROM acme_raw.items')).toEqual([{ n: 120 }]);
  });

  test('discard, include and exclude leave them out', async () => {
    await loading.put(plain(0, 120));
    const discard = { ...items, contract: { columns: 'discard' } } as const;
    await loading.load(discard);
    const fields = { n: integer(500), colour: text('red'), secret: text('x'), size: integer(3) };
    await loading.put([{ path: `items/${id(500)}`, fields }]);
    await loading.load(discard);
    expect(await columns()).toHaveLength(5);
    await loading.load({ ...items, columns: { exclude: ['secret'], rename: { size: 'how_big' } } });
    expect(await columns()).toEqual(expect.arrayContaining(['colour VARCHAR', 'how_big BIGINT']));
    expect(await columns()).toHaveLength(7);
  });

  test('a mask and a type of the tenant file hold for fields that come late', async () => {
    await loading.put(plain(0, 120));
    const asked = { mask: { email: 'sha256' }, types: { price: 'NUMERIC(12,2)' } } as const;
    await loading.put([
      { path: `items/${id(500)}`, fields: { n: integer(500), email: text('a@b'), price: double(1.25) } },
    ]);
    await loading.load({ ...items, columns: asked });
    const [row] = await loading.query(
      `SELECT email = sha256('a@b') AS hidden, price::VARCHAR AS price FROM acme_raw.items WHERE n = 500`,
    );
    expect(row).toEqual({ hidden: true, price: '1.25' });
  });

  test('a value of another type than its column goes to quarantine, whole', async () => {
    await loading.put(plain(0, 120));
    const load = { strategy: 'catalog' } as const;
    await loading.load({ ...items, load });
    const odd = { n: text('many'), late: integer(1), bytes: { bytesValue: 'AP8B' } };
    await loading.put([
      { path: `items/${id(500)}`, fields: odd },
      { path: `items/${id(501)}`, fields: { n: double(7) } },
      { path: `items/${id(502)}`, fields: { n: { nullValue: null } } },
    ]);
    const { summary } = await loading.load({ ...items, load, quarantine: { maxRows: 10, maxRatio: 0.1 } });
    expect(summary.rows).toMatchObject({ extracted: 123, loaded: 122, quarantined: 1 });
    const [row] = await loading.query('SELECT column_name, reason, "row" FROM acme_tributary._quarantine');
    expect(row?.column_name).toBe('n');
    expect(row?.reason).toMatch(/^VALUE_OUT_OF_RANGE: n: a string is not INT64/);
    expect(JSON.parse(String(row?.row))).toEqual({
      document_id: id(500),
      _document_path: `items/${id(500)}`,
      n: 'many',
      late: '1',
      bytes: '\\x00ff01',
    });
    expect(await loading.query(`SELECT n FROM acme_raw.items WHERE document_id = '${id(501)}'`)).toEqual([{ n: '7' }]);
  });

  test('a quarantined row is replayed once its column takes it, late fields with it', async () => {
    await loading.put(plain(0, 120));
    const load = {
      strategy: 'transactional',
      mode: 'merge',
      key: ['document_id'],
      cursor: 'at',
      cursorNulls: 'include',
    } as const;
    const source = { ...items, load: { ...load, key: ['document_id'] }, quarantine: { maxRows: 10, maxRatio: 0.1 } };
    const at = time('2026-01-01T00:00:00Z');
    await loading.put([
      { path: `items/${id(0)}`, fields: { n: integer(0), at } },
      { path: `items/${id(500)}`, fields: { n: text('12'), colour: text('red'), at } },
      { path: `items/${id(501)}`, fields: { n: integer(1), colour: text('blue'), at } },
    ]);
    const first = await loading.load(source);
    expect(first.summary.rows).toMatchObject({ loaded: 121, quarantined: 1 });
    const replayed = await loading.load(source, { replay: true });
    expect(replayed.summary.rows).toMatchObject({ inserted: 1 });
    expect(await loading.query(`SELECT n, colour FROM acme_raw.items WHERE document_id = '${id(500)}'`)).toEqual([
      { n: '12', colour: 'red' },
    ]);
  });
});
