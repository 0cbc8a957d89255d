/** What people are told of this connector; docs/connectors/mysql.md is made of it. */
import type { ConnectorAbout } from '../../core/contracts/about.ts';

export const about: ConnectorAbout = {
  kind: 'mysql',
  capabilities: { parallelReaders: false, queries: true, windows: true, lateFields: false },
  objects:
    '`table: orders` or `table: database.orders`, or `query: SELECT …`. Tables, partitioned tables and views; a part of a name that has a dot in it stands in backquotes: ``shop.`order.lines` ``.',
  snapshot:
    'One connection in one `REPEATABLE READ` transaction (`START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY`), held from the plan to the last row. A snapshot cannot be shared between connections without locking the server, so there is one reader. Tasks and workers of Dataflow read windows only: all their pieces lie below the bound, which no writer undercuts, and each has a transaction of its own. Whoever changes a row meanwhile moves its cursor past the bound, so that it leaves this window and the next run has it; with `mode: merge` the end is as if one had read. A table is parted by ranges of its key, a small window by ranges of its cursor where that has an index.',
  bound:
    'A window ends where no statement and no transaction was open that may still write (`information_schema.PROCESSLIST`, then `INNODB_TRX`), prepared ones too; where some stay open, it ends `load.lag` before the oldest of them. A cursor of integers waits until all of them have ended, else the run is refused. Without the right PROCESS a window ends `load.lag` before the clock, on a replica also by what it is behind, and a cursor of integers waits as long. A replica that is stopped is refused; so is a cursor of integers where what its source wrote meanwhile does not arrive. The run record says what held.',
  reading:
    'A prepared statement: its rows in the binary protocol are decoded in a thread straight into column vectors. Projection, renaming, masks and the window are part of the SELECT. The server turns every charset into UTF-8 and points in time into UTC; the session has an empty `sql_mode`, and no time limit but `protect.statementTimeout`.',
  types: [
    {
      source: 'tinyint, smallint, mediumint, int (unsigned too), bigint, year',
      type: 'INT64',
      notes: 'tinyint(1) too',
    },
    { source: 'bigint unsigned', type: 'NUMERIC(20,0)' },
    { source: 'decimal(p,s), s ≤ 9 and p − s ≤ 29', type: 'NUMERIC(p,s)' },
    { source: 'decimal(p,s), larger', type: 'BIGNUMERIC(p,s)', notes: 'up to decimal(65,30)' },
    { source: 'float, double', type: 'FLOAT64', notes: 'float is widened as it is (`1.1` → 1.100000023841858)' },
    { source: 'bit(1) to bit(63)', type: 'INT64', notes: 'bit(64) is NUMERIC(20,0)' },
    {
      source: 'date',
      type: 'DATE',
      notes: 'zero dates (`0000-00-00`) and days that no calendar has (`2025-00-15`) become NULL and are counted',
    },
    { source: 'datetime', type: 'DATETIME', notes: 'microseconds; the same' },
    { source: 'timestamp', type: 'TIMESTAMP', notes: 'microseconds, UTC; the same' },
    {
      source: 'time',
      type: 'TIME',
      notes:
        'what is negative or reaches past 23:59:59.999999 has no place in it; `columns.types: {column: STRING}` keeps all (`838:59:59`)',
    },
    {
      source: 'char, varchar, text, enum, set, uuid, inet4, inet6',
      type: 'STRING',
      notes:
        "every charset and collation as UTF-8; char(n) without its padding; labels of an enum are in the column's description",
    },
    {
      source: 'binary, varbinary, blob, vector',
      type: 'BYTES',
      notes: 'as STRING: the bytes as they are, where they are UTF-8',
    },
    { source: 'json', type: 'JSON', notes: 'of MariaDB too, where it is longtext with a check' },
    { source: 'geometry, point, polygon …', type: 'STRING', notes: 'well-known text: `POINT(1 2)`' },
  ],
  grants: [
    {
      purpose: 'To read a table',
      language: 'sql',
      commands: `CREATE USER 'etl'@'10.%' IDENTIFIED BY '…';
GRANT SELECT ON erp.orders TO 'etl'@'10.%';`,
    },
    {
      purpose: 'To read every table of a database, those to come too',
      language: 'sql',
      commands: `GRANT SELECT, SHOW VIEW ON erp.* TO 'etl'@'10.%';`,
    },
    {
      purpose: 'To prove that no writer in flight can be missed',
      language: 'sql',
      commands: `GRANT PROCESS ON *.* TO 'etl'@'10.%';`,
    },
    {
      purpose: 'To see how far a replica is behind',
      language: 'sql',
      commands: `GRANT REPLICATION CLIENT ON *.* TO 'etl'@'10.%';  -- MariaDB: GRANT REPLICA MONITOR`,
    },
    {
      purpose: 'To read some columns only',
      language: 'sql',
      commands: `GRANT SELECT (id, updated_at, total) ON erp.orders TO 'etl'@'10.%';`,
    },
  ],
  limits: [
    'A server older than MariaDB 10.5 or MySQL 8.0 fails the connection test.',
    'One reader, whatever `execution.readers` says. A catalog load, a query and a view have no pieces, for want of one moment that connections share; a cursor gives a table pieces, and PostgreSQL gives them to catalog loads too.',
    'Pieces are read from one server: where sessions land on several (a balancer stands between), a read has none.',
    'A cursor that is set back to NULL while ranges of it are read can be missed or come twice until the next run; ranges of the key do not have this.',
    'Tables of engines without transactions (MyISAM, Aria) have no snapshot: they are read as they are while they are read.',
    'A replica is taken at its word, which does not count what was not sent to it yet: `load.lag` has to cover a slow line, and a replica of a replica knows nothing of what that one lacks.',
    'A member of a cluster (Galera, group replication) is read like a replica, where the right PROCESS shows that it is one or it refuses writes.',
    'A column without zone (datetime, date) as cursor is taken to hold the local time of the server (`@@GLOBAL.time_zone`).',
    'A window of a query runs over its result, which the server may have to make first.',
  ],
  example: `connections:
  erp: {kind: mysql, host: 10.20.0.9, database: erp, user: etl, tls: verify-full, ca: certificates/erp.pem, secret: erp-password}
sources:
  orders:
    connection: erp
    table: orders
    load: {strategy: transactional, mode: merge, key: [id], cursor: updated_at}
    schedule: {cron: "*/15 * * * *", timeZone: Europe/Warsaw}
`,
};
