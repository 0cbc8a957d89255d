/**
 * Dataflow's REST API of jobs, as strict as the real one is known to be. A job does what a test makes it do, or, where the
 * server is given something to execute, that.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkedLaunch, type LaunchParameter, Refusal } from './dataflow-launch.ts';

export interface DataflowCall {
  /** `launch`, `list`, `get`, `update`, `metrics`, `messages` or `stages`. */
  readonly method: string;
  readonly url: string;
}

export interface PlayedJob {
  readonly id: string;
  readonly name: string;
  readonly launch: LaunchParameter;
  /** As in `JOB_STATE_RUNNING`. */
  readonly state: string;
}

/** What becomes of a job; what is left out stays. */
export interface Play {
  readonly state?: string;
  readonly messages?: readonly (readonly [importance: 'WARNING' | 'ERROR', text: string])[];
  /** As the API has them. */
  readonly metrics?: readonly object[];
  readonly stages?: readonly object[];
}

export interface DataflowServer extends AsyncDisposable {
  /** `127.0.0.1:8085`, for DATAFLOW_EMULATOR_HOST. */
  readonly host: string;
  readonly calls: readonly DataflowCall[];
  /** The next calls fail so, one each, before anything happens; a status of HTTP. */
  readonly failures: { readonly code: number; readonly message: string; readonly method?: string }[];
  /** So many of the next launches are carried out, and their answer is lost. */
  loseAnswers: number;
  /** Most jobs of a page. */
  pageSize: number;
  /** While true, a job that was asked to end goes on until it is played. */
  stubborn: boolean;
  /** Oldest first. */
  jobs(): readonly PlayedJob[];
  play(id: string, play: Play): void;
  /** Dataflow knows nothing of it any more; what it executed ends. */
  vanish(id: string): void;
  /** Resolves once nothing is executed. */
  idle(): Promise<void>;
}

export interface DataflowOptions {
  /** What a job is; it fails with the words of what is thrown. Without it, jobs stay queued until they are played. */
  readonly execute?: (launch: LaunchParameter, signal: AbortSignal) => Promise<void>;
  /** Where templates lie: `http://127.0.0.1:4443`. Without it nobody looks at them. */
  readonly storage?: string;
}

interface Job {
  readonly id: string;
  readonly launch: LaunchParameter;
  readonly created: string;
  readonly abort: AbortController;
  state: string;
  changed: string;
  messages: object[];
  metrics: readonly object[];
  stages: readonly object[];
  done: Promise<void>;
}

const ENDED = /^JOB_STATE_(?:DONE|FAILED|CANCELLED|UPDATED|DRAINED)$/;

/** @example await using dataflow = await startDataflow({ storage: storage.host }); */
export async function startDataflow({ execute, storage }: DataflowOptions = {}): Promise<DataflowServer> {
  const jobs = new Map<string, Job>();
  const calls: DataflowCall[] = [];

  function change(job: Job, state: string): void {
    if (ENDED.test(job.state)) return;
    job.state = state;
    job.changed = new Date().toISOString();
  }

  async function carryOut(job: Job, work: NonNullable<typeof execute>): Promise<void> {
    change(job, 'JOB_STATE_RUNNING');
    try {
      await work(job.launch, job.abort.signal);
      change(job, job.abort.signal.aborted ? 'JOB_STATE_CANCELLED' : 'JOB_STATE_DONE');
    } catch (error) {
      if (!job.abort.signal.aborted) say(job, 'ERROR', (error as Error).message);
      change(job, job.abort.signal.aborted ? 'JOB_STATE_CANCELLED' : 'JOB_STATE_FAILED');
    }
  }

  async function launch(body: unknown): Promise<object> {
    const launched = await checkedLaunch(body, storage === undefined ? null : (address) => read(storage, address));
    const { jobName } = launched;
    if ([...jobs.values()].some((job) => job.launch.jobName === jobName && !ENDED.test(job.state))) {
      const message = `The workflow could not be created. Causes: There is already an active job named ${jobName}. If you want to submit a second job, try again by setting a different name.`;
      throw new Refusal(409, 'ALREADY_EXISTS', message);
    }
    const created = new Date().toISOString();
    const id = `${created.slice(0, 19).replace(/[T:-]/g, '_')}-${randomInt(1e12, 9e12)}`;
    const job: Job = {
      ...{
        id,
        launch: launched,
        created,
        changed: created,
        state: 'JOB_STATE_QUEUED',
        messages: [],
        metrics: [],
        stages: [],
      },
      ...{ abort: new AbortController(), done: Promise.resolve() },
    };
    jobs.set(id, job);
    if (execute !== undefined) job.done = carryOut(job, execute);
    if (server.loseAnswers > 0) {
      server.loseAnswers--;
      throw new Refusal(503, 'UNAVAILABLE', 'The service is currently unavailable.');
    }
    return { job: described(job) };
  }

  function list(query: URLSearchParams): object {
    const { name, filter = 'UNKNOWN', pageSize, pageToken = '0', ...rest } = Object.fromEntries(query);
    const unknown = Object.keys(rest)[0];
    if (unknown !== undefined) throw invalid(`Unknown name "${unknown}": Cannot bind query parameter.`);
    if (!/^(?:UNKNOWN|ALL|TERMINATED|ACTIVE)$/.test(filter)) throw invalid(`Invalid value at 'filter': ${filter}`);
    const wanted = (job: Job) =>
      (name === undefined || job.launch.jobName === name) &&
      (filter !== 'ACTIVE' || !ENDED.test(job.state)) &&
      (filter !== 'TERMINATED' || ENDED.test(job.state));
    const all = [...jobs.values()].reverse().filter(wanted);
    const from = Number(pageToken);
    const to = from + Math.min(Number(pageSize ?? 100), server.pageSize);
    return { jobs: all.slice(from, to).map(described), ...(to < all.length && { nextPageToken: `${to}` }) };
  }

  function update(job: Job, body: unknown): object {
    const { requestedState, ...rest } = body as { requestedState?: string };
    if (Object.keys(rest).length > 0 || requestedState !== 'JOB_STATE_CANCELLED') throw invalid('Invalid update');
    if (ENDED.test(job.state)) throw invalid('Cannot cancel a job that has ended.');
    change(job, 'JOB_STATE_CANCELLING');
    if (server.stubborn) return described(job);
    job.abort.abort();
    if (execute === undefined) change(job, 'JOB_STATE_CANCELLED');
    return described(job);
  }

  async function answer(request: IncomingMessage): Promise<object> {
    const url = new URL(request.url ?? '', 'http://dataflow');
    const [, place, rest = ''] = /^(\/v1b3\/projects\/[^/]+\/locations\/[^/]+)\/(.+)$/.exec(url.pathname) ?? [];
    if (place === undefined) throw notFound(`Not found: ${url.pathname}`);
    const [, id = '', part = ''] = /^jobs\/([^/]+)(?:\/(\w+))?$/.exec(rest) ?? [];
    const method = methodOf(`${request.method}`, rest, part);
    calls.push({ method, url: request.url ?? '' });
    const body = await bodyOf(request);
    const next = server.failures.findIndex((failure) => (failure.method ?? method) === method);
    const failure = next < 0 ? undefined : server.failures.splice(next, 1)[0];
    if (failure !== undefined) throw new Refusal(failure.code, 'FAILED', failure.message);
    if (method === 'launch') return await launch(body);
    if (method === 'list') return list(url.searchParams);
    const job = jobs.get(id);
    if (job === undefined) throw notFound(`(${id}): Information about job ${id} could not be found in our system.`);
    if (method === 'update') return update(job, body);
    if (method === 'metrics') return { metricTime: job.changed, metrics: job.metrics };
    if (method === 'stages') return { stages: job.stages };
    if (method === 'messages') return { jobMessages: job.messages };
    return described(job);
  }

  const http = createServer((request: IncomingMessage, response: ServerResponse) => {
    const send = (code: number, body: object) => {
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    answer(request).then(
      (body) => send(200, body),
      (error: Error) => {
        const { code = 500, status = 'INTERNAL', message } = error as Refusal;
        send(code, { error: { code, status, message } });
      },
    );
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');

  const jobOf = (id: string): Job => {
    const job = jobs.get(id);
    if (job === undefined) throw new Error(`no job ${id}`);
    return job;
  };
  const server: DataflowServer = {
    host: `127.0.0.1:${(http.address() as AddressInfo).port}`,
    ...{ calls, failures: [], loseAnswers: 0, pageSize: 100, stubborn: false },
    jobs: () =>
      [...jobs.values()].map(({ id, launch: asked, state }) => ({ id, name: asked.jobName, launch: asked, state })),
    play(id, { state, messages = [], metrics, stages }) {
      const job = jobOf(id);
      for (const [importance, text] of messages) say(job, importance, text);
      if (metrics !== undefined) job.metrics = metrics;
      if (stages !== undefined) job.stages = stages;
      if (state !== undefined) change(job, state);
    },
    vanish(id) {
      jobOf(id).abort.abort();
      jobs.delete(id);
    },
    idle: async () => void (await Promise.all([...jobs.values()].map(({ done }) => done))),
    async [Symbol.asyncDispose]() {
      for (const job of jobs.values()) job.abort.abort();
      await server.idle();
      http.closeAllConnections();
      await new Promise((closed) => http.close(closed));
    },
  };
  return server;
}

function methodOf(verb: string, rest: string, part: string): string {
  if (verb === 'POST' && rest === 'flexTemplates:launch') return 'launch';
  if (verb === 'GET' && rest === 'jobs') return 'list';
  if (verb === 'PUT' && part === '') return 'update';
  const parts: Record<string, string> = {
    '': 'get',
    metrics: 'metrics',
    messages: 'messages',
    executionDetails: 'stages',
  };
  const method = verb === 'GET' && rest.startsWith('jobs/') ? parts[part] : undefined;
  if (method === undefined) throw notFound(`Method not found: ${verb} ${rest}`);
  return method;
}

function say(job: Job, importance: string, messageText: string): void {
  const time = new Date().toISOString();
  job.messages.push({
    id: `m${job.messages.length}`,
    time,
    messageText,
    messageImportance: `JOB_MESSAGE_${importance}`,
  });
}

/** A summary, as lists and JOB_VIEW_SUMMARY give it: without labels and without the environment. */
function described({ id, launch, state, created, changed }: Job): object {
  return {
    ...{ id, name: launch.jobName, type: 'JOB_TYPE_BATCH', currentState: state, currentStateTime: changed },
    ...{ createTime: created, startTime: created },
  };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('Invalid JSON payload received.');
  }
}

async function read(storage: string, address: string): Promise<string | null> {
  const [, bucket = '', object = ''] = /^gs:\/\/([^/]+)\/(.+)$/.exec(address) ?? [];
  const response = await fetch(`${storage}/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}?alt=media`);
  return response.ok ? await response.text() : null;
}

function invalid(message: string): Refusal {
  return new Refusal(400, 'INVALID_ARGUMENT', message);
}

function notFound(message: string): Refusal {
  return new Refusal(404, 'NOT_FOUND', message);
}
