import { bigqueryEntries } from './catalogue-bigquery.ts';
import { checkEntries } from './catalogue-checks.ts';
import { controlEntries } from './catalogue-control.ts';
import { dataflowEntries } from './catalogue-dataflow.ts';
import { fileEntries } from './catalogue-files.ts';
import { modeEntries } from './catalogue-mode.ts';
import { objectEntries } from './catalogue-objects.ts';
import { sourceEntries } from './catalogue-source.ts';
import { splitEntries } from './catalogue-splits.ts';
import { stackEntries } from './catalogue-stacks.ts';
import { stagingEntries } from './catalogue-staging.ts';
import { tenantEntries } from './catalogue-tenant.ts';
import { warehouseEntries } from './catalogue-warehouse.ts';

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
 * Each file of entries has one theme and keeps the order in which a run meets them.
 */
export const catalogue = {
  ...tenantEntries,
  ...sourceEntries,
  ...objectEntries,
  ...fileEntries,
  ...modeEntries,
  ...checkEntries,
  ...warehouseEntries,
  ...stagingEntries,
  ...splitEntries,
  ...bigqueryEntries,
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
    fix: (f) => `${f.advice ?? 'Check that the folder can be written, then run again.'}`,
  },
  ...controlEntries,
  ...dataflowEntries,
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
