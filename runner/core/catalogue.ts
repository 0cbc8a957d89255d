import { stackEntries } from './catalogue-stacks.ts';

/** Who has to act. */
export type Origin = 'tenant' | 'source' | 'warehouse' | 'platform';

/** What a message is built from. Names and numbers only; never a secret, never a row's value. */
export type Facts = Readonly<Record<string, string | number | undefined>>;

/** What is said of one code. */
export interface Entry {
  readonly title: string;
  readonly origin: Origin;
  readonly retryable: boolean;
  readonly detail: (f: Facts) => string;
  readonly fix: (f: Facts) => string;
}

/**
 * Codes are permanent: deprecate, never rename. Wording: what happened and why, then what to do.
 * Keep the table sorted by origin, then by the order in which a run meets them.
 */
export const catalogue = {
  TENANT_INVALID: {
    title: 'The tenant file is not valid.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.file} has ${f.count} error(s).`,
    fix: (f) => `Run: tributary check ${f.file}`,
  },
  TENANT_NOT_FOUND: {
    title: 'There is no such tenant.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.tenants} holds no ${f.tenant}.yaml.${f.known ? ` It holds: ${f.known}.` : ''}`,
    fix: () => 'Name one of these, point --tenants at another folder, or create one: tributary init',
  },
  SOURCE_NOT_FOUND: {
    title: 'The tenant has no such source.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `Tenant ${f.tenant} has no ${f.what ?? 'source'} "${f.source}". It has: ${f.known}.`,
    fix: () => 'Name one of these, or add it to the tenant file.',
  },
  SECRET_MISSING: {
    title: 'A secret has no value.',
    origin: 'tenant',
    retryable: false,
    detail: (f) =>
      `Connection ${f.connection} needs the secret "${f.secret}", which is neither in the environment nor in ${f.store}.`,
    fix: (f) => `Run: tributary secret set ${f.tenant} ${f.secret}   (or export ${f.variable})`,
  },
  SECRET_STORE_EXPOSED: {
    title: 'Others can read the secrets file.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.store} has mode ${f.mode}.`,
    fix: (f) => `chmod 600 ${f.store}`,
  },
  CONNECTOR_MISSING: {
    title: 'This kind of source cannot be read yet.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `Connection ${f.connection} is of kind ${f.kind}; this version reads: ${f.known}.`,
    fix: () => 'Use one of these kinds, or a newer version of Tributary.',
  },
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
    title: 'The table does not exist.',
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
    fix: (f) => `CREATE INDEX CONCURRENTLY ON ${f.object} (${f.column});`,
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
  SCHEMA_FROZEN: {
    title: 'The schema changed and the contract is frozen.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.change}.`,
    fix: () => 'Accept it (contract: {columns: evolve, types: widen}), or exclude the column.',
  },
  SCHEMA_NARROWED: {
    title: 'A column changed to a type that cannot hold what is already loaded.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.column} was ${f.from} and would become ${f.to}.`,
    fix: (f) =>
      `Keep the old type (columns.types: {${f.column}: "${f.from}"}), or load anew with the catalog strategy, history: replace.`,
  },
  STRATEGY_SWITCHED: {
    title: 'The table was loaded in another way.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.table} was loaded by ${f.before}; ${f.now} cannot go on with it: ${f.why}.`,
    fix: () =>
      'Nothing was changed. Load into a new table (destination: {table: …}), move the old one away, or go back to the strategy it was loaded by.',
  },
  QUARANTINE_OVERFLOW: {
    title: 'Too many rows do not fit.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.rows} of ${f.total} row(s) were rejected; the limit is ${f.limit}. Most frequent: ${f.reason}.`,
    fix: () => 'Nothing was committed. Correct the rows or the column types, or raise quarantine.maxRows and maxRatio.',
  },
  QUALITY_FAILED: {
    title: 'A quality test failed.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.test}: ${f.reason}.`,
    fix: () => 'Nothing was committed. Correct the rows at the source, or the test in the tenant file.',
  },
  COUNT_MISMATCH: {
    title: 'Rows were lost or doubled on the way.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `Extracted ${f.extracted}, staged ${f.staged}, rejected ${f.rejected}.`,
    fix: () => 'Nothing was committed. Run again, and report it with the run id if it returns.',
  },
  BRAKE_EMPTY: {
    title: 'The snapshot is empty, the table is not.',
    origin: 'source',
    retryable: false,
    detail: (f) => `The source gave 0 rows; ${f.table} holds ${f.rows}.`,
    fix: (f) => `If that is right: ${f.command} --yes`,
  },
  BRAKE_SHRINK: {
    title: 'The snapshot is much smaller than the last one.',
    origin: 'source',
    retryable: false,
    detail: (f) => `The source gave ${f.rows} rows; ${f.table} holds ${f.before} (the brake is at ${f.limit}).`,
    fix: (f) => `If that is right: ${f.command} --yes`,
  },
  BRAKE_DELETES: {
    title: 'The run would delete too many rows.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.rows} of ${f.before} rows of ${f.table} are gone from the source (the brake is at ${f.limit}).`,
    fix: (f) => `If that is right: ${f.command} --yes`,
  },
  LEASE_HELD: {
    title: 'This source is being loaded already.',
    origin: 'platform',
    retryable: true,
    detail: (f) =>
      `Run ${f.holder} holds the lease of ${f.tenant}/${f.source} (process ${f.pid} on ${f.host}) until ${f.until}.`,
    fix: (f) => `Wait for it, or look at it: tributary logs ${f.holder}`,
  },
  LEASE_LOST: {
    title: 'Another run took over.',
    origin: 'platform',
    retryable: true,
    detail: (f) =>
      `The lease of ${f.tenant}/${f.source} expired and went on to a newer run; this one committed nothing.`,
    fix: () => 'Nothing to do: the newer run loads the same window.',
  },
  WAREHOUSE_BUSY: {
    title: 'Another process holds the warehouse file.',
    origin: 'warehouse',
    retryable: true,
    detail: (f) => `${f.file} is open in ${f.holder}; waited ${f.seconds} s.`,
    fix: () => 'Close the other program, or give --warehouse another file.',
  },
  WAREHOUSE_CORRUPT: {
    title: 'The warehouse file is damaged or not a warehouse.',
    origin: 'warehouse',
    retryable: false,
    detail: (f) => `${f.file} cannot be opened (${f.reason}).`,
    fix: () => 'Restore it from a copy, or move it away: the next run makes a new one and loads from the start.',
  },
  WAREHOUSE_READ_ONLY: {
    title: 'The warehouse cannot be written.',
    origin: 'warehouse',
    retryable: false,
    detail: (f) => `${f.file}: ${f.reason}.`,
    fix: () => 'Give this user write access to the folder and the file, or give --warehouse another place.',
  },
  WAREHOUSE_DISK_FULL: {
    title: 'The disk is full.',
    origin: 'warehouse',
    retryable: true,
    detail: (f) => `Writing ${f.file} failed: ${f.reason}.`,
    fix: () => 'Nothing was committed. Make room, then run again.',
  },
  WAREHOUSE_MEMORY: {
    title: 'The rows need more memory than the runner may take.',
    origin: 'warehouse',
    retryable: false,
    detail: (f) => `${f.reason}.`,
    fix: () => 'Raise TRIBUTARY_MEMORY (for example 1GB), or exclude the widest columns.',
  },
  WAREHOUSE_FAILED: {
    title: 'The warehouse reported an error.',
    origin: 'warehouse',
    retryable: true,
    detail: (f) => `${f.reason}`,
    fix: () => 'Nothing was committed. Correct what it names, then run again.',
  },
  WAREHOUSE_CONFLICT: {
    title: 'Something else changed the table meanwhile.',
    origin: 'warehouse',
    retryable: true,
    detail: (f) => `${f.table} was changed while this run committed.`,
    fix: () => 'Nothing was committed. Run again.',
  },
  RUN_NOT_FOUND: {
    title: 'There is no such run.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `No run ${f.run} is known here.`,
    fix: () => 'List them: tributary runs <tenant>',
  },
  RUN_ABANDONED: {
    title: 'The process of this run ended without a word.',
    origin: 'platform',
    retryable: true,
    detail: () => 'It was killed or the machine went down before it committed.',
    fix: () => 'Nothing was committed. The next run loads the same window.',
  },
  INTERRUPTED: {
    title: 'The run was interrupted.',
    origin: 'tenant',
    retryable: true,
    detail: () => 'It was stopped before it committed; the destination is as it was.',
    fix: () => 'Run it again when you like.',
  },
  STORE_FAILED: {
    title: 'The run store cannot be used.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `${f.store}: ${f.reason}.`,
    fix: () => 'Check that the folder can be written, then run again.',
  },
  ...stackEntries,
  USAGE: {
    title: 'The command cannot be carried out as written.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.reason}`,
    fix: (f) => `${f.advice ?? 'See: tributary --help'}`,
  },
  INTERNAL: {
    title: 'Something went wrong inside Tributary.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.message}`,
    fix: () => 'Nothing was committed. Run it again with --verbose and report what it prints.',
  },
} satisfies Record<string, Entry>;

export type Code = keyof typeof catalogue;
