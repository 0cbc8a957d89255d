/** Our requests are those of the SDK, byte for byte or field for field. */
import firestore from '@google-cloud/firestore';
import { credentials } from '@grpc/grpc-js';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeCount, encodeQuery } from '../../../runner/sources/firestore/encode.ts';
import { countQuery, documentsQuery, orderedQuery } from '../../../runner/sources/firestore/queries.ts';

const ROOT = 'projects/p/databases/(default)/documents';
const readTime = { seconds: 1_790_000_000, nanos: 123_456_000 };

interface Method {
  requestSerialize(request: unknown): Buffer;
  requestDeserialize(bytes: Buffer): unknown;
}

describe('requests of Firestore', () => {
  let methods: Record<'RunQuery' | 'RunAggregationQuery', Method>;

  beforeAll(async () => {
    const client = new firestore.v1.FirestoreClient({
      ...{ projectId: 'p', servicePath: '127.0.0.1', port: 1 },
      sslCreds: credentials.createInsecure(),
      clientOptions: { universeDomain: 'googleapis.com' },
    });
    const stub = (await client.initialize()) as unknown as { constructor: { service: typeof methods } };
    methods = stub.constructor.service;
    await client.close();
  }, 30_000);

  const window = { column: 'a.b', from: '2026-01-01 00:00:00.000001+00', to: '2026-02-01T00:00:00Z' };
  const numbers = { column: 'n', from: '-5', to: '9223372036854775807' };
  const name = `${ROOT}/items/ż`;

  test.each([
    ['all', { object: { collection: 'items' }, fields: null, window: null }],
    ['a group', { object: { collectionGroup: 'items' }, fields: ['a', 'b c', '`'], window: null, limit: 100 }],
    [
      'below a document',
      { object: { collection: 'a/b/items' }, fields: [], window: null, range: { from: name, to: null } },
    ],
    [
      'a stretch',
      { object: { collection: 'items' }, fields: null, window: null, range: { from: name, to: `${name}z` } },
    ],
    ['going on', { object: { collection: 'items' }, fields: null, window: null, after: { name, cursor: null } }],
    ['a window', { object: { collection: 'items' }, fields: null, window }],
    ['a window of numbers', { object: { collection: 'items' }, fields: ['n'], window: { ...numbers, from: null } }],
    [
      'going on in a window',
      { object: { collection: 'items' }, fields: null, window, after: { name, cursor: { seconds: -1, micros: 5 } } },
    ],
    [
      'going on among numbers',
      { object: { collection: 'items' }, fields: null, window: numbers, after: { name, cursor: -1n } },
    ],
  ])('%s', (_, wanted) => {
    const request = { ...documentsQuery(ROOT, wanted), readTime };
    const { requestSerialize, requestDeserialize } = methods.RunQuery;
    expect(requestDeserialize(encodeQuery(request))).toEqual(requestDeserialize(requestSerialize(request)));
  });

  test.each([
    ['all', countQuery(ROOT, { collection: 'items' }, null)],
    ['a window', countQuery(ROOT, { collectionGroup: 'items' }, window)],
    ['times', orderedQuery(ROOT, { collection: 'items' }, 'at', 'TIMESTAMP')],
    ['numbers', orderedQuery(ROOT, { collection: 'items' }, 'n', 'INT64')],
  ])('a count of %s', (_, asked) => {
    const { requestSerialize, requestDeserialize } = methods.RunAggregationQuery;
    const { parent, structuredQuery } = asked;
    const aggregations = [{ alias: 'n', count: {} }];
    const theirs = { parent, structuredAggregationQuery: { structuredQuery, aggregations }, readTime };
    expect(requestDeserialize(encodeCount({ ...asked, readTime }))).toEqual(
      requestDeserialize(requestSerialize(theirs)),
    );
  });
});
