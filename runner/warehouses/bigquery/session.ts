/** What every step of a run needs to talk to BigQuery. */

import { startAttempts } from '../../bigquery/attempts.ts';
import type { Meter } from '../../bigquery/billing.ts';
import type { Api } from '../../bigquery/client.ts';
import type { JobRun, Jobs } from '../../bigquery/jobs.ts';
import { queryConfiguration } from '../../bigquery/parameters.ts';
import type { Query } from '../../bigquery/sql.ts';
import type { Row } from '../../bigquery/values.ts';
import { type Budget, type Clock, repeatedly } from '../../core/retry.ts';

/** What a job is for; part of its id. */
export type Purpose =
  | 'evidence'
  | 'create'
  | 'load_rows'
  | 'load_keys'
  | 'check'
  | 'test'
  | 'design'
  | 'recreate'
  | 'commit'
  | 'after'
  | 'billing'
  | 'undo'
  | 'read'
  | 'fence'
  | 'cost';

export interface Session {
  readonly api: Api;
  readonly jobs: Jobs;
  readonly meter: Meter;
  /** Of everything that is created, and of every job. */
  readonly labels: Readonly<Record<string, string>>;
  /** Repeats a call that may be done twice while it fails for a time. */
  call<T>(work: () => Promise<T>): Promise<T>;
  /** Runs a statement or script whose rows nobody wants. */
  execute(purpose: Purpose, run: JobRun | null, query: string | Query): Promise<void>;
  query(purpose: Purpose, run: JobRun | null, query: Query, options?: QueryOptions): Promise<readonly Row[]>;
}

export interface QueryOptions {
  readonly maxBytesBilled?: number | null;
  readonly signal?: AbortSignal;
}

export interface SessionOptions extends Omit<Session, 'call' | 'execute' | 'query'> {
  readonly clock: Clock;
  readonly budget: Budget;
}

export function openSession({ clock, budget, ...options }: SessionOptions): Session {
  const request = (
    purpose: Purpose,
    run: JobRun | null,
    query: Query,
    { maxBytesBilled, signal }: QueryOptions = {},
  ) => ({
    purpose,
    run,
    configuration: {
      query: {
        ...queryConfiguration(query),
        ...(maxBytesBilled === null || maxBytesBilled === undefined
          ? {}
          : { maximumBytesBilled: String(maxBytesBilled) }),
      },
    },
    ...(signal === undefined ? {} : { signal }),
  });
  return {
    ...options,
    call: (work) => repeatedly(work, startAttempts(clock, budget)),
    async execute(purpose, run, query) {
      await options.jobs.run(request(purpose, run, typeof query === 'string' ? { sql: query, parameters: [] } : query));
    },
    query: (purpose, run, query, more) => options.jobs.query(request(purpose, run, query, more)),
  };
}
