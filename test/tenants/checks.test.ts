import { describe, expect, it } from 'vitest';
import { said, tenantText } from './file.ts';

const source = (name: string, rest: string) =>
  `  ${name}: {connection: shop, table: t, load: {strategy: catalog}${rest}}`;
const files = (load: string) =>
  tenantText({ more: `  drops: {connection: landing, files: {format: csv}, load: ${load}}` });

const CASES: Record<string, [text: string, ...wanted: string[]]> = {
  'append without anything but a cursor': [tenantText({ load: '{strategy: transactional, mode: append, cursor: id}' })],
  'transactional without cursor': [
    tenantText({ load: '{strategy: transactional, mode: append}' }),
    'sources.orders.load.cursor: transactional needs a cursor',
  ],
  'files without cursor': [files('{strategy: transactional, mode: append}')],
  'files with a cursor': [
    files('{strategy: transactional, mode: append, cursor: id}'),
    'load.cursor: files need no cursor',
  ],
  'lookback with append': [
    tenantText({ load: '{strategy: transactional, mode: append, cursor: id, lookback: 10m}' }),
    'load.lookback: append with a lookback needs a key',
  ],
  'deletes with append': [
    tenantText({ load: '{strategy: transactional, mode: append, cursor: id, deletes: hard}' }),
    'load.deletes: deletes: hard compares keys',
  ],
  'two readings': [
    tenantText({ source: '    query: SELECT 1' }),
    'sources.orders.query: table and query exclude each other',
  ],
  'a reading of another kind': [
    tenantText({ more: '  x: {connection: app, table: t, load: {strategy: catalog}}' }),
    'sources.x.table: a firestore connection has no table | write collection or collectionGroup instead',
  ],
  'a query that writes': [
    tenantText({
      more: '  x: {connection: shop, query: "WITH d AS (DELETE FROM t RETURNING 1) SELECT 1", load: {strategy: catalog}}',
    }),
    'sources.x.query: query must only read, but holds DELETE',
  ],
  'more often than every five minutes': [
    tenantText({ source: '    schedule: {cron: "*/4 * * * *"}' }),
    'schedule.cron: cron "*/4 * * * *": fires more often than every 5 minutes',
  ],
  'too near across the hour': [tenantText({ source: '    schedule: {cron: "2,58 * * * *"}' }), 'fires more often'],
  'near across an hour that does not follow': [tenantText({ source: '    schedule: {cron: "2,58 3 * * *"}' })],
  'every five minutes': [tenantText({ source: '    schedule: {cron: "*/5 * * * *"}' })],
  'the 29th of February': [tenantText({ source: '    schedule: {cron: "0 0 29 2 *"}' })],
  'a nickname': [
    tenantText({ source: '    schedule: {cron: "@daily"}' }),
    'schedule.cron: cron "@daily": a nickname is not a cron | write for example cron: "0 0 * * *"',
  ],
  'six fields': [tenantText({ source: '    schedule: {cron: "0 * * * * *"}' }), 'must be five fields'],
  'a minute that is none': [
    tenantText({ source: '    schedule: {cron: "61 * * * *"}' }),
    'invalid value for minute: 61',
  ],
  'an unknown time zone': [
    tenantText({ source: '    schedule: {cron: "0 3 * * *", timeZone: Mars/Olympus}' }),
    'there is no time zone Mars/Olympus | write an IANA name',
  ],
  'an offset for a time zone': [
    tenantText({ source: '    schedule: {cron: "0 3 * * *", timeZone: "+02:00"}' }),
    'no time zone +02:00',
  ],
  'region outside location': [
    tenantText({ top: 'region: us-central1' }),
    'region: region us-central1 and location EU cannot meet | write region: europe-west1, or location: US',
  ],
  'two regions': [
    tenantText({ top: 'location: europe-west4' }),
    'location: region europe-west1 and location europe-west4',
  ],
  'a region within': [tenantText({ top: 'location: US\nregion: us-east4' })],
  'two sources, one table': [
    tenantText({ more: source('items', ', destination: {table: orders}') }),
    'sources.items.destination.table: orders and items both write acme_raw.orders',
  ],
  'a view on a table': [
    tenantText({
      more: `${source('orders_latest', '')}\n  days: {connection: shop, table: t, load: {strategy: catalog, history: daily}, destination: {table: orders}}`,
    }),
    'orders and days both write acme_raw.orders |',
    'orders_latest and days both write acme_raw.orders_latest',
  ],
  'names that become one': [
    tenantText({ more: `${source('a-b', '')}\n${source('a_b', '')}` }),
    'sources.a_b: a-b and a_b become the same name',
  ],
  'a dataset of ours': [
    tenantText({ source: '    destination: {dataset: acme_tributary}' }),
    'destination.dataset: acme_tributary belongs to Tributary',
  ],
  'dataflow for a connection without a template': [
    tenantText({ more: '  x: {connection: so, table: a.b, load: {strategy: catalog}, execution: {mode: dataflow}}' }),
    'sources.x.execution.mode: Dataflow cannot read a bigquery connection here: BigQuery reads its own tables itself',
  ],
  'dataflow for postgres': [tenantText({ source: '    execution: {mode: dataflow}' })],
  'a table of BigQuery without dataset': [
    tenantText({ more: '  x: {connection: so, table: a, load: {strategy: catalog}}' }),
    'sources.x.table: a is not dataset.table',
  ],
  'rename to one name': [
    tenantText({ source: '    columns: {rename: {a: c, b: C}}' }),
    'columns.rename.b: a and b both become C',
  ],
  'rename to a reserved name': [
    tenantText({ source: '    columns: {rename: {a: _run_id}}' }),
    'columns.rename.a: _run_id is a name',
  ],
  'in and out': [
    tenantText({ source: '    columns: {include: [id, updated_at, a], exclude: [a]}' }),
    'columns.exclude[0]: a is in include and in exclude',
  ],
  'a mask of an excluded column': [
    tenantText({ source: '    columns: {exclude: [a, b, c], mask: {a: redact}, rename: {b: x}, types: {c: STRING}}' }),
    'columns.mask.a: a is excluded',
    'columns.rename.b: b is excluded',
    'columns.types.c: c is excluded',
  ],
  'key and cursor excluded': [
    tenantText({ source: '    columns: {exclude: [id], include: [x]}' }),
    'load.key[0]: the key id is excluded',
    'load.cursor: the cursor updated_at is not in include',
  ],
  'a masked cursor': [
    tenantText({ source: '    columns: {mask: {updated_at: null}}' }),
    'the cursor updated_at cannot be masked with null',
  ],
  'a foreign type': [
    tenantText({ source: '    columns: {types: {a: VARCHAR(20), b: "NUMERIC(12, 2)"}}' }),
    'columns.types.a: "VARCHAR(20)" is not a type | did you mean STRING?',
  ],
  'a quality test of an excluded column': [
    tenantText({ source: '    columns: {exclude: [a]}\n    quality: [{test: unique, column: a}]' }),
    'quality[0].column: a is excluded',
  ],
  'a quality test by the old name': [
    tenantText({ source: '    columns: {rename: {a: b}}\n    quality: [{test: not_null, column: a}]' }),
    'a is called b in the warehouse | write b',
  ],
  'a whole design': [
    tenantText({
      source:
        '    columns: {include: [id, updated_at, Ort, note], rename: {note: text}, types: {id: INT64}}\n' +
        '    destination: {partitionBy: {column: _extracted_at, by: hour}, clusterBy: [id, Ort, text], requirePartitionFilter: true, partitionExpiration: 400d, description: Orders, labels: {sensitivity: internal}}',
    }),
  ],
  'partitions of a day': [
    tenantText({
      load: '{strategy: catalog, history: daily}',
      source: '    destination: {clusterBy: [_snapshot_date], requirePartitionFilter: true, partitionExpiration: 30d}',
    }),
  ],
  'a filter and an expiration without partitions': [
    tenantText({ source: '    destination: {requirePartitionFilter: true, partitionExpiration: 30d}' }),
    'destination.requirePartitionFilter: the table has no partitions to filter by',
    'destination.partitionExpiration: the table has no partitions that could expire',
  ],
  'partitions that expire at once': [
    tenantText({ source: '    destination: {partitionBy: {column: at}, partitionExpiration: 0d}' }),
    'destination.partitionExpiration: partitions that expire at once',
  ],
  'columns that no table can lie by': [
    tenantText({
      source:
        '    columns: {types: {a: STRING, b: "ARRAY<STRING>"}, mask: {at: redact}, rename: {b: tags}}\n' +
        '    destination: {partitionBy: {column: at, by: hour}, clusterBy: [a, tags, a]}',
    }),
    'destination.partitionBy.column: no table can be partitioned by STRING | name a column of DATE, DATETIME, TIMESTAMP',
    'destination.clusterBy[1]: no table can be clustered by ARRAY',
    'destination.clusterBy[2]: a stands here twice',
  ],
  'hours of a date': [
    tenantText({
      source: '    columns: {types: {at: date}}\n    destination: {partitionBy: {column: at, by: hour}}',
    }),
    'destination.partitionBy.by: at is a DATE, which has no hours | write by: day',
  ],
  'columns that are not there': [
    tenantText({
      source:
        '    columns: {include: [id, updated_at, created], exclude: [b], rename: {created: created_at}}\n' +
        '    destination: {partitionBy: {column: created}, clusterBy: [created_ad, b]}',
    }),
    'destination.partitionBy.column: created is called created_at in the warehouse | write created_at',
    'destination.clusterBy[0]: created_ad is not in include | did you mean created_at?',
    'destination.clusterBy[1]: b is excluded',
  ],
  'labels of ours': [
    tenantText({ source: '    destination: {labels: {tenant: other}}' }),
    'destination.labels.tenant: every table has a label tenant already',
  ],
  'a label that is none': [
    tenantText({ source: '    destination: {labels: {Team: a}}' }),
    'destination.labels.Team: "Team" must start with a small letter',
  ],
  'keys of another strategy': [
    tenantText({ load: '{strategy: catalog, mode: merge}' }),
    'sources.orders.load.mode: unknown key mode | remove it; known here: strategy, history, shrinkRatio',
  ],
  's3 without a way in': [
    tenantText({ connections: '  p: {kind: s3, bucket: drop, region: eu-west-1, accessKeyId: AKIAX}' }),
    'connections.p: secret is missing',
  ],
  'another name than the file': [
    tenantText().replace('tenant: acme', 'tenant: bolt'),
    'tenant: the tenant is bolt, its file acme.yaml',
  ],
  'a name that is none': [
    tenantText({ more: source('Big Orders', '') }),
    'sources."Big Orders": "Big Orders" must start',
  ],
};

describe('rules between the parts', () => {
  it.each(Object.entries(CASES))('%s', (_, [text, ...wanted]) => {
    const issues = said(text);
    for (const part of wanted) expect(issues).toContainEqual(expect.stringContaining(part));
    expect(issues).toHaveLength(wanted.length);
  });
});
