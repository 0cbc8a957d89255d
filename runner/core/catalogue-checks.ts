/** The part of the catalogue that is about what must hold before a run commits, in the order in which it is asked. */
import type { Entry } from './catalogue.ts';

export const checkEntries = {
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
  DESIGN_INVALID: {
    title: 'The table cannot lie as the tenant file asks.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `destination.${f.key} of ${f.source}: ${f.reason}.`,
    fix: (f) => `Nothing was changed. ${f.advice ?? 'Name a column of the table, as the warehouse spells it.'}`,
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
      `Run ${f.holder} holds the lease of ${f.tenant}/${f.source}${f.pid === undefined ? '' : ` (process ${f.pid} on ${f.host})`} until ${f.until}.`,
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
} satisfies Record<string, Entry>;
