/** The calls of Dataflow's REST API that are made here, and what its refusals mean. */
import { GoogleAuth } from 'google-auth-library';
import { TributaryError } from '../../core/errors.ts';

export interface DataflowJob {
  readonly id: string;
  readonly name: string;
  /** As in `JOB_STATE_RUNNING`. */
  readonly currentState: string;
  readonly currentStateTime?: string;
  readonly createTime?: string;
  readonly startTime?: string;
}

export interface DataflowMetric {
  readonly name: {
    readonly origin: string;
    readonly name: string;
    readonly context?: Readonly<Record<string, string>>;
  };
  readonly scalar?: number | string;
}

export interface DataflowMessage {
  readonly id: string;
  readonly messageText: string;
  readonly messageImportance: string;
}

/** One of the stages that Dataflow makes of a pipeline. */
export interface DataflowStage {
  readonly stageId: string;
  readonly state?: string;
  readonly progress?: { readonly currentProgress?: number };
}

export interface DataflowClient {
  launch(launchParameter: object): Promise<DataflowJob>;
  /** `null`: there is none. */
  get(id: string): Promise<DataflowJob | null>;
  list(query: { readonly name?: string; readonly filter?: 'ACTIVE' }): Promise<readonly DataflowJob[]>;
  cancel(id: string): Promise<void>;
  metrics(id: string): Promise<readonly DataflowMetric[]>;
  stages(id: string): Promise<readonly DataflowStage[]>;
  /** Warnings and errors. */
  messages(id: string): Promise<readonly DataflowMessage[]>;
  /** An object of Cloud Storage as text; `null`: there is none. */
  read(address: string): Promise<string | null>;
}

export interface ClientSettings {
  readonly project: string;
  readonly region: string;
  /** `127.0.0.1:8085` of a server for tests, asked without credentials; absent: Google. */
  readonly endpoint?: string;
  /** The same for Cloud Storage: `http://127.0.0.1:4443`. */
  readonly storage?: string;
  /** How long one call may take. @default 30000 */
  readonly callMs?: number;
}

/** What Google answered. */
export class Refused extends Error {
  /** Of HTTP. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Jobs of a page, and pages that are looked at. */
const PAGE = 200;
const MOST_PAGES = 50;
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

export function openClient(settings: ClientSettings): DataflowClient {
  const { project, region, endpoint, callMs = 30_000 } = settings;
  const host = endpoint === undefined ? 'https://dataflow.googleapis.com' : `http://${endpoint}`;
  const storage = settings.storage ?? 'https://storage.googleapis.com';
  const place = `${host}/v1b3/projects/${encodeURIComponent(project)}/locations/${region}`;
  let auth: GoogleAuth | null = null;

  async function call(url: string, init: { readonly method?: string; readonly body?: string } = {}): Promise<string> {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (!url.startsWith('http://')) {
      auth ??= new GoogleAuth({ scopes: SCOPE });
      headers.authorization = `Bearer ${await auth.getAccessToken()}`;
    }
    const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(callMs) });
    const text = await response.text();
    if (!response.ok) throw new Refused(response.status, saidIn(text) || `HTTP ${response.status}`);
    return text;
  }

  const ask = async <T>(path: string, init: Parameters<typeof call>[1] = {}) =>
    JSON.parse(await call(`${place}${path}`, init)) as T;

  async function pages<T>(path: string, query: Record<string, string>, items: (page: Page) => T[] | undefined) {
    const all: T[] = [];
    let pageToken = '';
    for (let n = 0; n < MOST_PAGES; n++) {
      const asked = new URLSearchParams({ ...query, pageSize: `${PAGE}`, ...(pageToken && { pageToken }) });
      const page = await ask<Page>(`${path}?${asked}`);
      all.push(...(items(page) ?? []));
      pageToken = page.nextPageToken ?? '';
      if (pageToken === '') break;
    }
    return all;
  }

  return {
    async launch(launchParameter) {
      const body = JSON.stringify({ launchParameter });
      const { job } = await ask<{ job?: DataflowJob }>('/flexTemplates:launch', { method: 'POST', body });
      if (!job?.id) throw new Error('Dataflow accepted it without saying the id of the job');
      return job;
    },
    get: (id) => orNull(ask<DataflowJob>(`/jobs/${id}?view=JOB_VIEW_SUMMARY`)),
    list: (query) => pages('/jobs', { ...query }, ({ jobs }) => jobs),
    async cancel(id) {
      const body = JSON.stringify({ requestedState: 'JOB_STATE_CANCELLED' });
      try {
        await ask(`/jobs/${id}`, { method: 'PUT', body });
      } catch (error) {
        // It is over, or was never there.
        const { status } = error as Partial<Refused>;
        if (status !== 404 && status !== 400 && status !== 409) throw error;
      }
    },
    async metrics(id) {
      return (await ask<{ metrics?: DataflowMetric[] }>(`/jobs/${id}/metrics`)).metrics ?? [];
    },
    stages: (id) => pages(`/jobs/${id}/executionDetails`, {}, ({ stages }) => stages),
    messages: (id) =>
      pages(`/jobs/${id}/messages`, { minimumImportance: 'JOB_MESSAGE_WARNING' }, ({ jobMessages }) => jobMessages),
    read(address) {
      const [, bucket = '', object = ''] = /^gs:\/\/([^/]+)\/(.+)$/.exec(address) ?? [];
      return orNull(call(`${storage}/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}?alt=media`));
    },
  };
}

interface Page {
  readonly jobs?: DataflowJob[];
  readonly jobMessages?: DataflowMessage[];
  readonly stages?: DataflowStage[];
  readonly nextPageToken?: string;
}

async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if ((error as Partial<Refused>).status === 404) return null;
    throw error;
  }
}

/** After these nobody knows whether the call was carried out. */
export function isUnsure(error: unknown): boolean {
  const { status } = error as Partial<Refused>;
  return status === undefined || status === 408 || status >= 500;
}

/** A job of this name is active already. */
export function isTaken(error: unknown): boolean {
  const { status, message = '' } = error as Partial<Refused>;
  return status === 409 || (status === 400 && /already an active job named/i.test(message));
}

export function launchError(error: unknown, job: string): TributaryError {
  if (TributaryError.is(error)) return error;
  const reason = reasonOf(error);
  const { status } = error as Partial<Refused>;
  if (status === 403 || status === 401) return denied(job, reason, error);
  if (status === 429) return new TributaryError('DATAFLOW_QUOTA', { job, reason }, { cause: error });
  const facts = { launcher: 'Dataflow', run: job, reason };
  if (isUnsure(error) || isTaken(error)) return new TributaryError('LAUNCH_FAILED', facts, { cause: error });
  return new TributaryError('LAUNCH_REFUSED', facts, { cause: error });
}

/** A job could not be asked for, or be cancelled. */
export function askError(error: unknown, job: string): TributaryError {
  if (TributaryError.is(error)) return error;
  const { status } = error as Partial<Refused>;
  if (status === 403) return denied(job, reasonOf(error), error);
  const facts = { launcher: 'Dataflow', execution: job, reason: reasonOf(error) };
  return new TributaryError('LAUNCHER_UNREACHABLE', facts, { cause: error });
}

function denied(job: string, reason: string, cause: unknown): TributaryError {
  const role = /actAs/.test(reason)
    ? 'roles/iam.serviceAccountUser on the account of the workers'
    : 'roles/dataflow.developer';
  return new TributaryError('DATAFLOW_DENIED', { job, reason, who: 'the account of the runner', role }, { cause });
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { code?: string } };
  return `${message || error}${cause?.code ? ` (${cause.code})` : ''}`.trim().replace(/\.$/, '').slice(0, 500);
}

function saidIn(text: string): string {
  try {
    return (JSON.parse(text) as { error?: { message?: string } }).error?.message ?? '';
  } catch {
    return text.slice(0, 200);
  }
}
