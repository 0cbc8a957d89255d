/** Stands before an emulator, records every call, and breaks those that a test names. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, fromJson } from './answer.ts';
import { type Fault, FaultPlan, type FaultRule, googleError, type Silence } from './fault.ts';
import { JobStandIns } from './stand-ins.ts';

export interface ProxyCall {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly jobId: string | null;
  /** The JSON of the request; null where it is none. */
  readonly body: unknown;
  /** Size of the request's body. */
  readonly bytes: number;
  /** By this process's clock. */
  readonly at: Date;
  readonly fault: Fault | null;
  /** What the client got; null until then and where it got nothing. */
  status: number | null;
  /** The JSON that the server answered, whether or not the client saw it; null where it is none. */
  answer: unknown;
}

export interface FaultProxy extends AsyncDisposable {
  readonly host: string;
  /** All calls in the order of their arrival. */
  readonly calls: ProxyCall[];
  /** Adds rules. */
  fault(...rules: readonly FaultRule[]): void;
  /** Rules that were not struck as often as they should: a test with one proves less than it says. */
  pending(): readonly FaultRule[];
  /** Every `Date` header and every time in an answer is off by this. */
  skew(hours: number): void;
  /** Forgets rules, jobs, skew and calls. */
  reset(): void;
  stop(): Promise<void>;
}

/** @param upstream the emulator, as in `http://127.0.0.1:9050` */
export async function startProxy(upstream: string): Promise<FaultProxy> {
  const plan = new FaultPlan();
  const jobs = new JobStandIns();
  const calls: ProxyCall[] = [];
  const hanging = new Set<ServerResponse>();
  let hours = 0;
  let host = '';

  const silence = (response: ServerResponse, how: Silence = 'reset') => {
    if (how === 'hang') hanging.add(response);
    else response.socket?.destroy();
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = incoming.url ?? '/';
    const method = incoming.method ?? 'GET';
    const given = await bodyOf(incoming);
    const json = jsonOf(given, incoming.headers['content-type']);
    const jobId = jobIdOf(url, json);
    const rule = plan.next({ method, url, jobId, text: () => given.toString('utf8') });
    const fault = rule?.fault ?? null;
    const call: ProxyCall = {
      ...{ method, url, jobId, body: json, bytes: given.length, at: new Date() },
      ...{ fault, status: null, answer: null },
    };
    calls.push(call);
    rule?.onArrive?.();
    if (fault?.how === 'lose request') return silence(response, fault.then);
    if (fault?.how === 'reset' && fault.during === 'request') return silence(response);
    if (fault?.how === 'delay') await sleep(fault.ms);
    const body = fault?.how === 'flip' ? flipped(given, fault.at) : given;
    const forward = () => ask(upstream, incoming, url, body);
    const planned = fault?.how === 'answer' ? fromJson(googleError(fault.error, fault.message)) : null;
    if (fault?.how === 'answer' && fault.work === true) await forward();
    const answer = planned ?? (await jobs.answer({ method, url, jobId, body: json, fault, upstream }, forward));
    call.answer = jsonOf(answer.body, answer.headers['content-type']);
    rule?.onAnswer?.();
    if (fault?.how === 'lose answer') return silence(response, fault.then);
    const sent = presented(answer, { upstream, host, hours });
    const cut = fault?.how === 'reset';
    if (!cut) call.status = sent.status;
    response.writeHead(sent.status, { ...sent.headers, 'content-length': sent.body.length });
    if (!cut) return void response.end(sent.body);
    response.write(sent.body.subarray(0, Math.floor(sent.body.length / 2)), () => response.socket?.destroy());
  };

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch(() => response.socket?.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  server.unref();
  host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = () =>
    new Promise<void>((done) => {
      for (const response of hanging) response.socket?.destroy();
      server.close(() => done());
      server.closeAllConnections();
    });
  return {
    host,
    calls,
    fault: (...rules) => plan.add(rules),
    pending: () => plan.pending(),
    skew: (by) => {
      hours = by;
    },
    reset() {
      plan.clear();
      jobs.clear();
      calls.length = 0;
      hours = 0;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function jsonOf(body: Buffer, type: string | string[] | undefined): unknown {
  if (body.length === 0 || !`${type}`.includes('json')) return null;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}

/** Of `…/jobs/<id>`, `…/queries/<id>`, and of what is inserted. */
function jobIdOf(url: string, body: unknown): string | null {
  const inPath = /\/(?:jobs|queries)\/([^/?]+)/.exec(url)?.[1];
  if (inPath !== undefined) return decodeURIComponent(inPath);
  const job = body as { jobReference?: { jobId?: string }; requestId?: string } | null;
  return /\/(jobs|queries)(\?|$)/.test(url) ? (job?.jobReference?.jobId ?? job?.requestId ?? null) : null;
}

function flipped(body: Buffer, at: number): Buffer {
  const copy = Buffer.from(body);
  const place = at < 0 ? copy.length + at : at;
  copy[place] = (copy[place] ?? 0) ^ 0x55;
  return copy;
}

function ask(upstream: string, incoming: IncomingMessage, url: string, body: Buffer): Promise<Answer> {
  return new Promise((done, fail) => {
    const headers: Record<string, string | string[] | undefined> = { ...incoming.headers };
    for (const name of ['transfer-encoding', 'connection', 'host']) delete headers[name];
    const outgoing = request(
      new URL(url, upstream),
      { method: incoming.method, headers: { ...headers, 'content-length': body.length } },
      (answer) => {
        bodyOf(answer).then(
          (bytes) => done({ status: answer.statusCode ?? 502, headers: answer.headers, body: bytes }),
          fail,
        );
      },
    );
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

const TIMES =
  /"(creationTime|startTime|endTime|lastModifiedTime|timeCreated|updated|timeStorageClassUpdated)":\s*"([^"]+)"/g;

/** The answer as the client sees it: links lead back to the proxy, and the clock is off as told. */
function presented(answer: Answer, how: { upstream: string; host: string; hours: number }): Answer {
  const headers = { ...answer.headers };
  for (const name of ['transfer-encoding', 'connection', 'keep-alive']) delete headers[name];
  const { location, date } = headers;
  if (typeof location === 'string') headers.location = location.replace(how.upstream, how.host);
  if (how.hours !== 0) {
    const now = typeof date === 'string' ? Date.parse(date) : Date.now();
    headers.date = new Date(now + how.hours * 3_600_000).toUTCString();
  }
  if (!`${headers['content-type']}`.includes('json') || headers['content-encoding'] !== undefined) {
    return { ...answer, headers };
  }
  const text = answer.body.toString('utf8').replaceAll(how.upstream, how.host);
  const skewed =
    how.hours === 0 ? text : text.replace(TIMES, (_, name, time) => `"${name}":"${later(time, how.hours)}"`);
  return { status: answer.status, headers, body: Buffer.from(skewed) };
}

/** Milliseconds as BigQuery writes them, or ISO as Cloud Storage does. */
function later(time: string, hours: number): string {
  if (/^\d+$/.test(time)) return `${Number(time) + hours * 3_600_000}`;
  return new Date(Date.parse(time) + hours * 3_600_000).toISOString();
}
