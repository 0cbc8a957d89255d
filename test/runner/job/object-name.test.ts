import { describe, expect, test } from 'vitest';
import { problemOf } from '../../../runner/core/errors.ts';
import { nameOf, namesInUse, objectNamed } from '../../../runner/job/object-name.ts';
import { parseTenant } from '../../../tenants/load.ts';
import type { ConnectionKind } from '../../../tenants/schema/connection.ts';

const { tenant } = parseTenant(
  `tenant: acme
connections:
  shop: {kind: postgres, host: db, database: shop, user: reader}
  app: {kind: firestore, project: acme-app}
  landing: {kind: gcs, bucket: acme-landing}
sources:
  orders: {connection: shop, table: public.orders, load: {strategy: catalog}}
  again: {connection: shop, table: public.orders, load: {strategy: catalog, history: daily}}
  some: {connection: shop, query: SELECT 1 AS one, load: {strategy: catalog}}
  reviews: {connection: app, collectionGroup: reviews, load: {strategy: catalog}}
  exports: {connection: landing, files: {prefix: out/, match: "*.txt", format: csv, csv: {delimiter: ;}}, load: {strategy: catalog}}
`,
  'acme.yaml',
);
if (tenant === null) throw new Error('the tenant of this test has errors');

const named = (kind: ConnectionKind, text: string, connection = 'landing') =>
  objectNamed(kind, text, tenant, connection);
const files = (text: string) => named('s3', text).files;

describe('what a text names', () => {
  test('tables, collections and groups', () => {
    expect(named('postgres', 'public."Order Lines"')).toEqual({ table: 'public."Order Lines"' });
    expect(named('bigquery', 'stackoverflow.posts_questions')).toEqual({ table: 'stackoverflow.posts_questions' });
    expect(named('firestore', 'products')).toEqual({ collection: 'products' });
    expect(named('firestore', 'shops/berlin/orders')).toEqual({ collection: 'shops/berlin/orders' });
    expect(named('firestore', 'group:reviews')).toEqual({ collectionGroup: 'reviews' });
  });

  test('files, with the format of their ending', () => {
    expect(files('daily/*.csv.gz')).toMatchObject({ prefix: 'daily/', match: '*.csv.gz', format: 'csv' });
    expect(files('a/b/**/part-{1,2}.parquet')).toMatchObject({ prefix: 'a/b/', match: '**/part-{1,2}.parquet' });
    expect(files('a/b.ndjson.zst')).toMatchObject({ prefix: 'a/', match: 'b.ndjson.zst', format: 'json' });
    expect(files('x.tsv')).toMatchObject({ prefix: '', match: 'x.tsv', format: 'csv', csv: { delimiter: '\t' } });
    expect(files('day=*/x.json')).toMatchObject({ prefix: '', match: 'day=*/x.json', format: 'json' });
  });

  test('files of a source of the tenant, with its options', () => {
    expect(named('gcs', 'exports')).toEqual({ files: tenant.sources.exports?.files });
    expect(() => named('gcs', 'exports', 'elsewhere')).toThrow('USAGE');
  });

  test.each<[ConnectionKind, string, string]>([
    ['firestore', 'shops/berlin', 'the path of a collection'],
    ['firestore', '/products', 'the path of a collection'],
    ['firestore', 'group:', 'group:reviews'],
    ['firestore', 'group:a/b', 'group:reviews'],
    ['azure-blob', 'daily/', 'its ending says the format'],
    ['azure-blob', 'daily/*.xlsx', 'its ending says the format'],
    ['mysql', ' ', '<schema>.<table>'],
  ])('%s refuses %j and says what to write', (kind, text, advice) => {
    let found = problemOf(new Error('nothing was thrown'));
    try {
      named(kind, text);
    } catch (error) {
      found = problemOf(error);
    }
    expect(found).toMatchObject({ code: 'USAGE', fix: expect.stringContaining(advice) });
  });
});

test('names in use are what one may type again', () => {
  expect(namesInUse(tenant, 'shop')).toEqual(['public.orders']);
  expect(namesInUse(tenant, 'app')).toEqual(['group:reviews']);
  expect(namesInUse(tenant, 'landing')).toEqual(['out/*.txt']);
  for (const text of ['products', 'group:reviews', 'a/b/c'])
    expect(nameOf(objectNamed('firestore', text, tenant, 'app'))).toBe(text);
});
