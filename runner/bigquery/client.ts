/** The wire to BigQuery: a request here is one attempt; who repeats it decides elsewhere. */
import { BigQuery } from '@google-cloud/bigquery';
import { PassThroughClient } from 'google-auth-library';
import { failureOf } from './failure.ts';

export interface ClientOptions {
  readonly project: string;
  /** Where the tenant's datasets lie: `EU`, `europe-west3`. Every job runs there. */
  readonly location: string;
  /** `http://127.0.0.1:9050` of an emulator, which is asked without credentials; else BIGQUERY_EMULATOR_HOST, else Google. */
  readonly endpoint?: string;
}

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the project: `/datasets/acme_raw/tables`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: object;
  readonly timeoutMs?: number;
}

export interface Api {
  readonly project: string;
  readonly location: string;
  /** @throws BigqueryFailure, whatever went wrong on the way. */
  request<T>(call: Call): Promise<T>;
}

const TIMEOUT_MS = 60_000;
const USER_AGENT = 'tributary/0.1 (GPN:tributary)';

/** Credentials are those of the environment (ADC); they are looked up with the first request. */
export function openClient({ project, location, endpoint }: ClientOptions): Api {
  const emulator = endpoint ?? process.env.BIGQUERY_EMULATOR_HOST;
  const client = new BigQuery({
    projectId: project,
    location,
    autoRetry: false,
    maxRetries: 0,
    userAgent: USER_AGENT,
    ...(emulator === undefined ? {} : { apiEndpoint: origin(emulator), authClient: new PassThroughClient() }),
  });
  if (emulator !== undefined) client.baseUrl = `${origin(emulator)}/bigquery/v2`;
  return { project, location, request: (call) => request(client, call) };
}

function request<T>(client: BigQuery, { method = 'GET', path, query, body, timeoutMs }: Call): Promise<T> {
  const options = {
    ...{ method, uri: path, timeout: timeoutMs ?? TIMEOUT_MS, maxRetries: 0 },
    ...(query === undefined ? {} : { qs: { ...query } }),
    ...(body === undefined ? {} : { json: body }),
  };
  return new Promise((resolve, reject) => {
    client.request(options, (error, answer) => {
      if (error !== null && error !== undefined) return reject(failureOf(error));
      // An answer that was cut off arrives as the text it is.
      if (typeof answer === 'string' && answer !== '') return reject(failureOf(new Error('the answer is not JSON')));
      resolve(answer as T);
    });
  });
}

/** Both ways to write it are met: with and without the path of the API. */
function origin(endpoint: string): string {
  const address = /^https?:\/\//.test(endpoint) ? endpoint : `http://${endpoint}`;
  return address.replace(/\/+$/, '').replace(/\/bigquery\/v2$/, '');
}
