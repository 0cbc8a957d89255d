/** The part of the catalogue that is about sources and the values they give, in the order in which a run meets them. */
import type { Entry } from './catalogue.ts';

export const sourceEntries = {
  SOURCE_HOST_UNKNOWN: {
    title: 'The host name is not known.',
    origin: 'source',
    retryable: true,
    detail: (f) => `No address was found for ${f.host}.`,
    fix: () => 'Check the spelling of `host`, and that the runner uses a DNS server that knows it.',
  },
  SOURCE_UNREACHABLE: {
    title: 'The server does not answer.',
    origin: 'source',
    retryable: true,
    detail: (f) => `${f.host}:${f.port} refused the connection or did not answer (${f.reason}).`,
    fix: () =>
      'Check `port`, that the server listens on that address, and that firewall and VPC egress let the runner in.',
  },
  SOURCE_TLS: {
    title: 'The encrypted connection failed.',
    origin: 'source',
    retryable: false,
    detail: (f) => `TLS mode ${f.mode} with ${f.host}: ${f.reason}.`,
    fix: (f) =>
      `${f.advice ?? 'Give the server a certificate for this name, give its authority as `ca`, or choose another `tls` mode.'}`,
  },
  SOURCE_AUTHENTICATION: {
    title: 'The server refused the login.',
    origin: 'source',
    retryable: false,
    detail: (f) => `User ${f.user} was refused by ${f.host} (${f.reason}).`,
    fix: (f) => `Check user and secret: tributary secret set ${f.tenant ?? '<tenant>'} ${f.secret ?? '<name>'}`,
  },
  SOURCE_DATABASE_MISSING: {
    title: 'The database does not exist.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.host} has no database "${f.database}".`,
    fix: () => 'Check `database` of the connection.',
  },
  SOURCE_OBJECT_MISSING: {
    title: 'The object does not exist.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.object} was not found, or the user may not see it.${f.near ? ` Did you mean ${f.near}?` : ''}`,
    fix: (f) => `List what there is: tributary discover ${f.tenant ?? '<tenant>'} ${f.connection ?? '<connection>'}`,
  },
  SOURCE_COLUMN_MISSING: {
    title: 'A column is gone from the source.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.object} has no column "${f.column}" (${f.why}).`,
    fix: (f) =>
      `If it was dropped on purpose, take it out of the source's configuration${f.why === 'an earlier run loaded it' ? ' by adding it to columns.exclude; the destination keeps what it has' : ''}.`,
  },
  SOURCE_PERMISSION: {
    title: 'The user may not read this.',
    origin: 'source',
    retryable: false,
    detail: (f) => `User ${f.user} may not read ${f.object}.`,
    fix: (f) => `${f.grant ?? `GRANT SELECT ON ${f.object} TO ${f.user};`}`,
  },
  SOURCE_QUERY_INVALID: {
    title: 'The source refused the query.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.reason}`,
    fix: () => 'Correct `query`, `columns` or `load` of the source.',
  },
  SOURCE_QUERY_WRITES: {
    title: 'The query would change the source.',
    origin: 'source',
    retryable: false,
    detail: (f) => `Only one reading SELECT is allowed (${f.reason}).`,
    fix: () => 'Make `query` a single SELECT.',
  },
  SOURCE_CURSOR_UNSUITABLE: {
    title: 'The cursor column cannot carry an incremental load.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.object}.${f.column} is ${f.type}.`,
    fix: () =>
      'Choose a timestamp, date or integer column that only grows (tributary discover ranks them), or the catalog strategy.',
  },
  SOURCE_CURSOR_NULL: {
    title: 'The cursor column holds NULLs.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.rows} row(s) of ${f.object} have no ${f.column}, and cursorNulls is "fail".`,
    fix: () => 'Fill the column, choose another cursor, or set load.cursorNulls to include or skip.',
  },
  SOURCE_CURSOR_UNINDEXED: {
    title: 'The cursor column has no index.',
    origin: 'source',
    retryable: false,
    detail: (f) => `Each run scans all of ${f.object} (about ${f.rows} rows).`,
    fix: (f) => `${f.index ?? `CREATE INDEX CONCURRENTLY ON ${f.object} (${f.column});`}`,
  },
  SOURCE_BOUND_HELD: {
    title: 'Writers in flight hold the window back.',
    origin: 'source',
    retryable: true,
    detail: (f) => `${f.reason}; rows they have not committed yet could be missed.`,
    fix: () => 'Nothing was committed. Run again when they are done; end the session if it is stuck.',
  },
  SOURCE_CLOCK_SKEW: {
    title: "The source's clock is off.",
    origin: 'source',
    retryable: false,
    detail: (f) => `It differs from this machine's by ${f.seconds} s.`,
    fix: () =>
      "Windows use the source's own clock, so nothing is lost; freshness figures are off. Check NTP on the server.",
  },
  SOURCE_LAG: {
    title: 'The replica is behind.',
    origin: 'source',
    retryable: true,
    detail: (f) => `It has replayed up to ${f.seconds} s ago.`,
    fix: () => 'Rows newer than that come with the next run. Check replication if the figure grows.',
  },
  SOURCE_REPLICA_STOPPED: {
    title: 'The replica does not follow its source.',
    origin: 'source',
    retryable: true,
    detail: (f) => `Its replication is stopped (${f.reason}), so nobody knows what it lacks.`,
    fix: () =>
      'Nothing was committed. Start it (START REPLICA) once the cause is gone; a server that follows nobody any more needs RESET REPLICA ALL.',
  },
  SOURCE_REPLICA_FEEDBACK: {
    title: 'The replica may cancel a long read.',
    origin: 'source',
    retryable: false,
    detail: () =>
      'hot_standby_feedback is off: its primary may remove rows that a read still needs, and replaying that ends the read.',
    fix: () =>
      'Set hot_standby_feedback = on at the replica. Where reads are short this can stay: a cancelled run commits nothing and can be repeated.',
  },
  SOURCE_REPLICA_CONFLICT: {
    title: 'The replica cancelled the read.',
    origin: 'source',
    retryable: true,
    detail: () => 'Its replay needed rows that this run was still reading (hot standby conflict).',
    fix: () => 'Set hot_standby_feedback = on at the replica, or raise max_standby_streaming_delay; then run again.',
  },
  SOURCE_DISCONNECTED: {
    title: 'The source ended the connection.',
    origin: 'source',
    retryable: true,
    detail: (f) => `${f.reason}.`,
    fix: () =>
      'Nothing was committed. See whether the server restarted or an administrator ended the session, then run again.',
  },
  SOURCE_BUSY: {
    title: 'The source has no room for the read.',
    origin: 'source',
    retryable: true,
    detail: (f) => `${f.reason}.`,
    fix: () => 'Raise the limit at the server, lower execution.readers, or run at a quieter hour.',
  },
  SOURCE_FAILED: {
    title: 'The source reported an error.',
    origin: 'source',
    retryable: true,
    detail: (f) => `${f.reason}`,
    fix: () => 'Nothing was committed. Correct what it names, then run again.',
  },
  SOURCE_PARTITION_FILTER: {
    title: 'The table is read by its partitions only.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.object} requires a filter on ${f.column}, and this load has none.`,
    fix: (f) =>
      `Load it by windows of that column (load: {strategy: transactional, cursor: ${f.column}}), or write a query with a condition on it.`,
  },
  SOURCE_CURSOR_UNPRUNED: {
    title: 'A window is billed more than its own rows.',
    origin: 'source',
    retryable: false,
    detail: (f) =>
      `${f.object} does not lie in partitions of ${f.column}: each run is billed that column of the whole table.`,
    fix: () => 'Choose its partition column as the cursor where that one grows too, or run less often.',
  },
  SOURCE_LOCATION: {
    title: 'The data is not in this location.',
    origin: 'source',
    retryable: false,
    detail: (f) =>
      `${f.object} was not found in ${f.found}: it lies elsewhere, or is not there. BigQuery says: ${f.reason}`,
    fix: () => 'Set location of the connection to that of its dataset.',
  },
  SOURCE_CREDENTIALS: {
    title: 'There are no valid credentials for the source.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.source} was asked without being let in: ${f.reason}.`,
    fix: () =>
      'On a laptop: gcloud auth application-default login. In the cloud the job has to run as the service account of the tenant.',
  },
  SOURCE_COST: {
    title: 'Reading would be billed more than it may.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.object}: ${f.reason}`,
    fix: () =>
      'Nothing was read. Raise execution.maxBytesBilled of the source, or read fewer columns or a smaller window.',
  },
  VALUE_OUT_OF_RANGE: {
    title: 'A value does not fit its column.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.column}: ${f.reason}.`,
    fix: (f) =>
      `Give the column a type that holds it (columns.types: {${f.column}: STRING}), or let it become NULL (columns.unrepresentable: {${f.column}: nullify}); then: tributary quarantine replay <tenant> <source>`,
  },
  VALUE_NOT_CASTABLE: {
    title: 'A value cannot become the type that the tenant file asks for.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.column} is not ${f.type}, or would not be the same value as one.`,
    fix: () =>
      'Correct the type in columns.types, then: tributary quarantine replay <tenant> <source>; or correct the value at the source, then load its window again: tributary backfill',
  },
} satisfies Record<string, Entry>;
