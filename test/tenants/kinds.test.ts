/** What makes no sense for the kind of a source is an error with its place and what to write. */
import { describe, expect, it } from 'vitest';
import { parseTenant } from '../../tenants/load.ts';
import { issuesOf, said, tenantText } from './file.ts';

const CONNECTIONS = `  erp: {kind: mysql, host: db, database: erp, user: etl}
  store: {kind: firestore, project: acme-app}
  drop: {kind: s3, bucket: drop, region: eu-west-1, role: "arn:aws:iam::123456789012:role/r"}
  blobs: {kind: azure-blob, account: acmeerp, container: exports, secret: erp-sas}`;

const withMore = (more: string, connections = CONNECTIONS) => tenantText({ connections, more });
const EXPORT = 'execution: {firestoreExport: true}';
const CATALOG = 'load: {strategy: catalog}';
const files = (rest: string, load = '{strategy: transactional, mode: append}', connection = 'drop') =>
  withMore(`  x: {connection: ${connection}, files: {format: json${rest}}, load: ${load}}`);

const CASES: Record<string, readonly [text: string, ...wanted: string[]]> = {
  'several readers of MySQL': [
    withMore(`  x: {connection: erp, table: orders, ${CATALOG}, execution: {readers: 4}}`),
    'sources.x.execution.readers: 4 readers cannot share the work: a snapshot of MySQL belongs to one connection | write readers: 1',
  ],
  'tasks of a snapshot of MySQL': [
    withMore(`  x: {connection: erp, table: orders, ${CATALOG}, execution: {tasks: 4}}`),
    'sources.x.execution.tasks: 4 tasks cannot share the work: a snapshot of MySQL belongs to one connection, so only the window of a cursor can be divided | write tasks: 1',
  ],
  'Dataflow for a snapshot of MySQL': [
    withMore(`  x: {connection: erp, table: orders, ${CATALOG}, execution: {mode: dataflow}}`),
    'sources.x.execution.mode: Dataflow cannot read a mysql connection here: a snapshot of MySQL',
  ],
  'many machines for a window of MySQL': [
    withMore(
      '  x: {connection: erp, table: orders, load: {strategy: transactional, mode: append, cursor: id}, execution: {mode: dataflow, tasks: 4}}',
    ),
  ],
  'many machines for a query without a cursor, and with one': [
    withMore(`  x: {connection: shop, query: SELECT 1 AS a, ${CATALOG}, execution: {tasks: 2}}
  y: {connection: shop, query: SELECT 1 AS a, load: {strategy: transactional, mode: append, cursor: a}, execution: {tasks: 2}}`),
    'sources.x.execution.tasks: 2 tasks cannot share the work: a query without a cursor is read over one connection',
  ],
  'hours in a time zone that there is not': [
    withMore(
      '',
      '  erp: {kind: mysql, host: db, database: erp, user: etl, protect: {connections: 2, hours: {from: "22:00", to: "06:00", timeZone: Europe/Warsav}}}',
    ),
    'connections.erp.protect.hours.timeZone: there is no time zone Europe/Warsav | did you mean Europe/Warsaw?',
  ],
  'hours that are none': [
    withMore(
      '',
      '  erp: {kind: mysql, host: db, database: erp, user: etl, protect: {hours: {from: "22:00", to: "22:00"}}}',
    ),
    'connections.erp.protect.hours.to: to must be another time than from | write for example to: 06:00',
  ],
  'protection of what is no server': [
    withMore('', '  bucket: {kind: gcs, bucket: acme-drop, protect: {connections: 2}}'),
    'connections.bucket.protect: unknown key protect',
  ],
  'one reader of MySQL': [withMore(`  x: {connection: erp, table: orders, ${CATALOG}, execution: {readers: 1}}`)],
  'an export of a collection': [withMore(`  x: {connection: store, collection: items, ${CATALOG}, ${EXPORT}}`)],
  'an export of a group': [withMore(`  x: {connection: store, collectionGroup: items, ${CATALOG}, ${EXPORT}}`)],
  'an export of another kind': [
    withMore(`  x: {connection: erp, table: orders, ${CATALOG}, ${EXPORT}}`),
    'sources.x.execution.firestoreExport: mysql has no managed export | remove firestoreExport',
  ],
  'an export of a window': [
    withMore(
      `  x: {connection: store, collection: items, load: {strategy: transactional, mode: append, cursor: at}, ${EXPORT}}`,
    ),
    'sources.x.execution.firestoreExport: a managed export holds all documents, and a window is some of them',
  ],
  'an export of a collection below a document': [
    withMore(`  x: {connection: store, collection: shops/berlin/items, ${CATALOG}, ${EXPORT}}`),
    'sources.x.execution.firestoreExport: a managed export is of all collections of an id, wherever they lie',
  ],
  ...Object.fromEntries(
    ['include: [a]', 'exclude: [a]', 'mask: {a: redact}'].map((columns) => [
      `an export with columns ${columns}`,
      [
        withMore(`  x: {connection: store, collection: items, ${CATALOG}, ${EXPORT}, columns: {${columns}}}`),
        'sources.x.execution.firestoreExport: a managed export holds every field, those with it that columns withholds',
      ],
    ]),
  ),
  'several readers of files': [
    withMore('  x: {connection: drop, files: {format: json}, load: {strategy: catalog}, execution: {readers: 2}}'),
    'sources.x.execution.readers: 2 readers cannot share the work: the warehouse reads files itself',
  ],
  'several readers of a query': [
    withMore(`  x: {connection: shop, query: SELECT 1 AS a, ${CATALOG}, execution: {readers: 2}}`),
    'sources.x.execution.readers: 2 readers cannot share the work: a query is read over one connection',
  ],
  'several readers of a table': [withMore(`  x: {connection: shop, table: t, ${CATALOG}, execution: {readers: 2}}`)],
  'a database before the schema': [
    withMore(`  x: {connection: shop, table: shop.public.orders, ${CATALOG}}`),
    'sources.x.table: shop.public.orders is not schema.table | write <schema>.<table>; the database stands in the connection',
  ],
  'a point within quotes': [withMore(`  x: {connection: shop, table: 'public."a.b""."', ${CATALOG}}`)],
  'a table of MySQL with three parts': [
    withMore(`  x: {connection: erp, table: a.b.c, ${CATALOG}}`),
    'sources.x.table: a.b.c is not table or database.table',
  ],
  'a table of MySQL with points in its name': [withMore(`  x: {connection: erp, table: 'erp.\`a.b.c\`', ${CATALOG}}`)],
  'a table of BigQuery with its project': [
    withMore(`  x: {connection: so, table: bigquery-public-data.stackoverflow.badges, ${CATALOG}}`),
    'sources.x.table: bigquery-public-data.stackoverflow.badges is not dataset.table',
  ],
  'a collection of PostgreSQL': [
    withMore(`  x: {connection: shop, collection: products, ${CATALOG}}`),
    'sources.x.collection: a postgres connection has no collection | write table or query instead',
  ],
  'a table of Azure': [
    withMore(`  x: {connection: blobs, table: t, ${CATALOG}}`),
    'sources.x.table: an azure-blob connection has no table | write files instead',
  ],
  'keys of a cursor on files': [
    files('', '{strategy: transactional, mode: append, cursorNulls: skip, lookback: 1d, lag: 5m}'),
    'sources.x.load.cursorNulls: cursorNulls is about a cursor, and files have none',
    'sources.x.load.lookback: lookback is about a cursor',
    'sources.x.load.lag: lag is about a cursor',
  ],
  'files that delete': [
    files('', '{strategy: transactional, mode: merge, key: [id], deletes: soft}'),
    'sources.x.load.deletes: files keep no keys to compare',
  ],
  'a URI for a prefix': [
    files(', prefix: "s3://drop/daily/"'),
    'sources.x.files.prefix: s3://drop/daily/ begins with s3://, which names of objects do not | write what follows drop only',
  ],
  'a prefix from the root': [files(', prefix: /daily/', CATALOG.slice(6), 'blobs'), 'begins with /, which names'],
  'a pattern for a prefix': [
    files(', prefix: "daily/*/"'),
    'sources.x.files.prefix: a prefix is taken as it is, and daily/*/ holds * | write the part from its first * on as match',
  ],
  'a match from the root': [
    files(', match: "/*.json"'),
    'sources.x.files.match: /*.json begins with / | write match: "*.json"'.replace(
      ' |',
      ', and the rest of a name does not |',
    ),
  ],
  'an overlap without an increment': [
    files(', overlap: 2d', '{strategy: catalog}'),
    'sources.x.files.overlap: overlap is about what was loaded before',
  ],
  'files as they are meant': [files(', prefix: daily/, match: "**/*.json"')],
  'a cap on deletes that are ignored': [
    tenantText({ load: '{strategy: transactional, mode: merge, key: [id], cursor: at, maxDeleteRatio: 0.1}' }),
    'sources.orders.load.maxDeleteRatio: nothing is deleted with deletes: ignore | remove it, or write deletes: soft',
  ],
  'a cap on deletes': [
    tenantText({
      load: '{strategy: transactional, mode: merge, key: [id], cursor: at, deletes: hard, maxDeleteRatio: 0.1}',
    }),
  ],
  'the id as the key of a group': [
    withMore(
      '  x: {connection: app, collectionGroup: reviews, load: {strategy: transactional, mode: merge, key: [document_id], cursor: at}}',
    ),
    'sources.x.load.key[0]: documents of different parents in a group may have the same id | write key: [_document_path]',
  ],
  'the id as the key of a collection': [
    withMore(
      '  x: {connection: app, collection: reviews, load: {strategy: transactional, mode: merge, key: [document_id], cursor: at}}',
    ),
  ],
  's3 with a role and a key': [
    withMore(
      '',
      '  p: {kind: s3, bucket: drop, region: eu-west-1, role: "arn:aws:iam::123456789012:role/r", accessKeyId: AKIAX}',
    ),
    'connections.p.role: role and an access key exclude each other',
  ],
  's3 without any way in': [
    withMore('', '  p: {kind: s3, bucket: drop, region: eu-west-1}'),
    'connections.p: a role or an access key is missing',
  ],
  'azure without any way in': [
    withMore('', '  p: {kind: azure-blob, account: acmeerp, container: exports}'),
    'connections.p: an application or a secret is missing',
  ],
  'a certificate that nobody looks at': [
    withMore('', '  p: {kind: mysql, host: db, database: erp, user: etl, tls: require, ca: ca.pem}'),
    'connections.p.ca: ca is not looked at with tls: require',
  ],
};

describe('rules of the kinds', () => {
  it.each(Object.entries(CASES))('%s', (_, [text, ...wanted]) => {
    const issues = said(text);
    for (const part of wanted) expect(issues).toContainEqual(expect.stringContaining(part));
    expect(issues).toHaveLength(wanted.length);
  });

  it('names the line and the column of what is wrong', () => {
    const text = withMore(
      `  x:\n    connection: erp\n    table: orders\n    ${CATALOG}\n    execution:\n      readers: 4`,
    );
    const line = text.split('\n').findIndex((one) => one.includes('readers: 4')) + 1;
    expect(issuesOf(text)).toMatchObject([{ line, column: 16, path: 'sources.x.execution.readers' }]);
  });

  it('holds its tongue about a source whose connection could not be read', () => {
    const broken = withMore(`  x: {connection: nowhere, table: a.b.c, ${CATALOG}, execution: {readers: 4}}`);
    expect(said(broken)).toEqual([expect.stringContaining('there is no connection nowhere')]);
    expect(parseTenant(broken, 'tenants/acme.yaml').tenant).toBeNull();
  });
});
