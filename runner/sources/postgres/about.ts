/** What people are told of this connector; docs/connectors/postgres.md is made of it. */
import type { ConnectorAbout } from '../../core/contracts/about.ts';

export const about: ConnectorAbout = {
  kind: 'postgres',
  capabilities: { parallelReaders: true, queries: true, windows: true, lateFields: false },
  objects:
    '`table: schema.table`, `public` where no schema is named, or `query: SELECT …`. Tables, partitioned tables, views, materialized views and foreign tables; parts of a name are quoted as PostgreSQL quotes them: `public."Order Lines"`.',
  snapshot:
    'One `REPEATABLE READ` snapshot, exported and shared by all `execution.readers`; each reads a stretch of the pages of the table. A query, and a table of which some columns are withheld, has one reader. Tasks and workers of Dataflow share it too: the run that began them holds it to their end, and where its session ends, they fail with SPLIT_LOST. They read tables by stretches of pages; a small window, and a window of a view or a query, by ranges of the cursor; a table of which some columns are withheld by ranges of its key. `tributary plan` says which, or why a read has no pieces.',
  bound:
    'A window ends below the start of the oldest transaction that may still write (`pg_stat_activity`, prepared transactions). Where the role may not see others it ends `load.lag` before the clock of the server, on a replica `load.lag` before what that has replayed; a cursor of integers waits there until what the primary wrote in that time has arrived, else the run is refused. The run record says what held.',
  reading:
    '`COPY (SELECT …) TO STDOUT` in binary, in threads, decoded straight into column vectors. Projection, renaming, masks and the window are part of the SELECT.',
  types: [
    { source: 'smallint, integer, bigint, oid', type: 'INT64' },
    {
      source: 'real, double precision',
      type: 'FLOAT64',
      notes: 'NaN, ±infinity and −0 are kept; real is widened as it is (`1.1` → 1.100000023841858)',
    },
    { source: 'numeric(p,s), s ≤ 9 and p − s ≤ 29', type: 'NUMERIC(p,s)' },
    { source: 'numeric(p,s), larger', type: 'BIGNUMERIC(p,s)' },
    { source: 'numeric', type: 'BIGNUMERIC', notes: 'BigQuery: up to 38 digits on each side' },
    { source: 'numeric(p,−s)', type: 'NUMERIC(p + s,0)' },
    { source: 'money', type: 'NUMERIC(19,2)' },
    { source: 'boolean', type: 'BOOL' },
    {
      source:
        'text, varchar, char(n), name, xml, uuid, enum, inet, cidr, macaddr, bit, ranges, geometric, tsvector, `"char"` …',
      type: 'STRING',
      notes: "the server's own text; char(n) keeps its padding; labels of an enum are in the column's description",
    },
    { source: 'interval', type: 'STRING', notes: 'ISO 8601: `P1Y2M3DT4H5M6.789S`' },
    { source: 'time with time zone', type: 'STRING' },
    { source: 'bytea', type: 'BYTES' },
    { source: 'date', type: 'DATE' },
    { source: 'time', type: 'TIME', notes: '`24:00:00` has no place in it' },
    { source: 'timestamp', type: 'DATETIME', notes: 'microseconds' },
    { source: 'timestamp with time zone', type: 'TIMESTAMP', notes: 'microseconds, UTC' },
    { source: 'json, jsonb', type: 'JSON', notes: 'json keeps its text as it was written' },
    { source: 'arrays, composites', type: 'JSON', notes: 'by `to_json` of the server' },
    { source: 'domains', type: 'as the type below', notes: 'with its precision and scale' },
  ],
  grants: [
    {
      purpose: 'To read a table',
      language: 'sql',
      commands: `CREATE ROLE reader LOGIN;  -- then: \\password reader
GRANT CONNECT ON DATABASE shop TO reader;
GRANT USAGE ON SCHEMA public TO reader;
GRANT SELECT ON public.orders TO reader;`,
    },
    {
      purpose: 'To read every table of a schema, those to come too',
      language: 'sql',
      commands: `GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT SELECT ON TABLES TO reader;`,
    },
    {
      purpose: 'To prove that no writer in flight can be missed',
      language: 'sql',
      commands: 'GRANT pg_read_all_stats TO reader;',
    },
    {
      purpose: 'To read some columns only',
      language: 'sql',
      commands: 'GRANT SELECT (id, updated_at, total) ON public.orders TO reader;',
    },
  ],
  limits: [
    'A server older than PostgreSQL 10 is refused.',
    'A replica that follows another replica does not know what that one lacks, and windows can miss it: read from one that follows the primary.',
    'While nothing is written, only a role with pg_read_all_stats sees how far a replica has come; windows of others stand still until the next transaction.',
    'Row security applies: the role sees the rows that its policies show.',
    'Behind a balancer other sessions may not find the snapshot. Then only a window has pieces: they lie below its bound, each has a transaction of its own, and a replica first replays what the bound needs. Whoever changes a row meanwhile moves its cursor past the bound, and the next run has it; a cursor that is set back to NULL while pieces are read can be missed or come twice until that run.',
    'A query or view that limits, numbers, samples or makes rows distinct has no pieces: each would decide anew. One that computes its cursor is computed again for each piece.',
    'Before PostgreSQL 14 each piece passes over the whole table; a table with a key is parted by it instead.',
    'Text that is not UTF-8 (a database in SQL_ASCII) is quarantined.',
    'A table that the role may read in part, and a query, have one reader whatever `execution.readers` says.',
  ],
  example: `connections:
  shop: {kind: postgres, host: 10.20.0.5, database: shop, user: reader, tls: verify-full, secret: shop-password}
sources:
  orders:
    connection: shop
    table: public.orders
    load: {strategy: transactional, mode: merge, key: [id], cursor: updated_at}
    schedule: {cron: "*/15 * * * *", timeZone: Europe/Warsaw}
    execution: {readers: 4}
`,
};
