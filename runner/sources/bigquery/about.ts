/** What people are told of this connector; docs/connectors/bigquery.md is made of it. */
import type { ConnectorAbout } from '../../core/contracts/about.ts';

export const capabilities = { parallelReaders: true, queries: true, windows: true, lateFields: false } as const;

export const about: ConnectorAbout = {
  kind: 'bigquery',
  capabilities,
  objects:
    '`table: dataset.table`; the project stands in the connection and may be anybody’s, as `bigquery-public-data`. Views and materialized views too; `dataset.events_*` reads all tables that begin so, with `_TABLE_SUFFIX` as a column; a table that is partitioned by arrival has `_PARTITIONTIME` as a column. Or `query: SELECT …` in GoogleSQL.',
  snapshot:
    'One moment by BigQuery’s clock: a table is read `FOR SYSTEM_TIME AS OF` it, by all `execution.readers`. A view, a wildcard and a query are computed once by a query job and read from its answer.',
  bound:
    'A window ends `load.lag` before the clock of BigQuery; commits are atomic there, but a load may bring rows whose cursor was set before. A whole number as cursor ends above the greatest one that was there `load.lag` ago. The proof is `lag`.',
  reading:
    'Into BigQuery at the same location: one query job whose answer is the staging table; no byte goes through the runner, and masks are part of its SQL. Into anything else, and from another location: the Storage Read API, streams of Arrow in threads, copied into column vectors. Where columns are masked or nested, and for views, wildcards and queries, a query job computes the rows first. Jobs and read sessions are billed to the project of the tenant, never to that of the data, labelled with the tenant and held to `execution.maxBytesBilled`. Metadata, samples of tables and dry runs are free of charge; `plan` shows what a read is billed at most.',
  types: [
    { source: 'INT64, FLOAT64, BOOL, STRING, BYTES, DATE, TIME, DATETIME, TIMESTAMP, JSON', type: 'the same' },
    { source: 'NUMERIC(p,s), NUMERIC', type: 'NUMERIC(p,s), NUMERIC' },
    {
      source: 'BIGNUMERIC(p,s), BIGNUMERIC',
      type: 'BIGNUMERIC(p,s), BIGNUMERIC',
      notes: 'in a warehouse of 38 digits a value that does not fit is quarantined',
    },
    { source: 'ARRAY of INT64, FLOAT64, BOOL, STRING, BYTES, DATE, TIME, DATETIME, TIMESTAMP', type: 'ARRAY<type>' },
    {
      source: 'STRUCT, ARRAY of STRUCT, NUMERIC, BIGNUMERIC or JSON',
      type: 'JSON',
      notes: 'by `TO_JSON`, nothing is lost but the types inside',
    },
    { source: 'GEOGRAPHY', type: 'STRING', notes: 'WKT' },
    { source: 'INTERVAL, RANGE', type: 'STRING', notes: 'BigQuery’s own text' },
  ],
  grants: [
    {
      purpose: 'To run jobs and read sessions on the bill of the tenant',
      language: 'sh',
      commands: `gcloud projects add-iam-policy-binding acme-data-prod --role=roles/bigquery.jobUser \\
  --member=serviceAccount:runner@acme-data-prod.iam.gserviceaccount.com
gcloud projects add-iam-policy-binding acme-data-prod --role=roles/bigquery.readSessionUser \\
  --member=serviceAccount:runner@acme-data-prod.iam.gserviceaccount.com`,
    },
    {
      purpose: 'To read a dataset of another project',
      language: 'sql',
      commands:
        'GRANT `roles/bigquery.dataViewer` ON SCHEMA `partner-data.sales`\n  TO "serviceAccount:runner@acme-data-prod.iam.gserviceaccount.com";',
    },
    {
      purpose: 'To list the datasets of another project',
      language: 'sh',
      commands: `gcloud projects add-iam-policy-binding partner-data --role=roles/bigquery.metadataViewer \\
  --member=serviceAccount:runner@acme-data-prod.iam.gserviceaccount.com`,
    },
  ],
  limits: [
    'A primary key of BigQuery is not enforced: `merge` looks for repeated keys all the same.',
    'A table that requires a partition filter is loaded by windows of its partition column, or by a query that has the condition.',
    'A whole number can be the cursor of a table only: views and queries have no past.',
    'Tables older than their time travel window (7 days by default) are not asked for: a run that takes longer fails.',
    'A location other than the warehouse’s costs the way through the runner.',
  ],
  example: `connections:
  so: {kind: bigquery, project: bigquery-public-data, location: US}
sources:
  questions:
    connection: so
    table: stackoverflow.posts_questions
    load: {strategy: transactional, mode: append, cursor: creation_date}
    schedule: {cron: "0 4 * * *"}
    execution: {maxBytesBilled: 100000000000}
`,
};
