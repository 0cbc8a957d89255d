/** Every type of Firestore on its way into a table. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FirestoreServer, startFirestore } from '../../servers/firestore.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { double, FirestoreLoading, integer, list, map, text, time } from './firestore-loading.ts';

describeWith(['firestore'], 'Firestore types', () => {
  let server: FirestoreServer;
  let loading: FirestoreLoading;

  beforeAll(async () => {
    server = await startFirestore();
    loading = new FirestoreLoading(server);
  }, 60_000);

  afterAll(async () => {
    await loading?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  test('each value arrives exactly', async () => {
    const self = `projects/${loading.project}/databases/(default)/documents/items/a`;
    const fields = {
      flag: { booleanValue: true },
      whole: integer('9223372036854775807'),
      small: integer(-1),
      number: double(1.5e300),
      at: time('9999-12-31T23:59:59.999999Z'),
      old: time('0001-01-01T00:00:00Z'),
      name: text('Żółć 🙂 "quoted" \\ \n\u0001'),
      long: text('x'.repeat(20_000)),
      bytes: { bytesValue: Buffer.from([0, 255, 1]).toString('base64') },
      ref: { referenceValue: self },
      point: { geoPointValue: { latitude: 52.5, longitude: -0.25 } },
      tags: list(
        text('a'),
        integer(1),
        double(1),
        { nullValue: null },
        map({ 'a.b"': time('2026-01-01T00:00:00.5Z') }),
      ),
      nested: map({ deep: map({ bytes: { bytesValue: 'AP8B' }, nan: double('NaN') }), empty: map({}), none: list() }),
      vector: map({ __type__: text('__vector__'), value: list(double(1.5), double(2)) }),
      nothing: { nullValue: null },
    };
    await loading.put([
      { path: 'items/a', fields },
      { path: 'items/b', fields: {} },
    ]);
    const { columns, key } = await loading.open().describe({ collection: 'items' }, new AbortController().signal);
    expect(
      Object.fromEntries(columns.map(({ name, sourceType, logical }) => [name, `${sourceType} ${logical.kind}`])),
    ).toEqual({
      document_id: 'document id STRING',
      _document_path: 'document path STRING',
      flag: 'BOOLEAN BOOL',
      whole: 'INTEGER INT64',
      small: 'INTEGER INT64',
      number: 'FLOAT FLOAT64',
      at: 'TIMESTAMP TIMESTAMP',
      old: 'TIMESTAMP TIMESTAMP',
      name: 'STRING STRING',
      long: 'STRING STRING',
      bytes: 'BYTES BYTES',
      ref: 'REFERENCE STRING',
      point: 'GEOPOINT JSON',
      tags: 'ARRAY JSON',
      nested: 'MAP JSON',
      vector: 'MAP JSON',
      nothing: 'NULL JSON',
    });
    expect(key).toEqual(['_document_path']);
    const { summary } = await loading.load({ collection: 'items' });
    expect(summary.rows).toMatchObject({ extracted: 2, loaded: 2, quarantined: 0 });
    const rows = await loading.query(
      `SELECT * EXCLUDE (_run_id, _extracted_at) REPLACE (md5(long) AS long, hex(bytes) AS bytes, "at"::VARCHAR AS "at", old::VARCHAR AS old)
       FROM acme_raw.items ORDER BY document_id`,
    );
    expect(rows[0]).toEqual({
      document_id: 'a',
      _document_path: 'items/a',
      flag: true,
      whole: '9223372036854775807',
      small: '-1',
      number: 1.5e300,
      at: '9999-12-31 23:59:59.999999+00',
      old: '0001-01-01 00:00:00+00',
      name: 'Żółć 🙂 "quoted" \\ \n\u0001',
      long: (await loading.query(`SELECT md5(repeat('x', 20000)) AS sum`))[0]?.sum,
      bytes: '00FF01',
      ref: 'items/a',
      point: '{"latitude":52.5,"longitude":-0.25}',
      tags: '["a",1,1.0,null,{"a.b\\"":"2026-01-01T00:00:00.500000Z"}]',
      nested: '{"deep":{"bytes":"AP8B","nan":"NaN"},"empty":{},"none":[]}',
      vector: '[1.5,2.0]',
      nothing: null,
    });
    expect(Object.entries(rows[1] ?? {}).filter(([, value]) => value !== null)).toEqual([
      ['document_id', 'b'],
      ['_document_path', 'items/b'],
    ]);
  });
});
