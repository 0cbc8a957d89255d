/**
 * An open-loop load, as a process of its own: each request is sent at the moment the plan says, whether the ones before it were
 * answered or not, and its latency counts from that moment; a server that stalls cannot slow the load down.
 *
 * `node bench/webhook-load.ts <plan.json>`; the answers as one JSON document on stdout.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LoadPlan {
  readonly url: string;
  readonly requests: readonly PlannedRequest[];
}

export interface PlannedRequest {
  /** Milliseconds after the start. */
  readonly at: number;
  readonly path: string;
  readonly token: string;
  /** `X-CloudScheduler-ScheduleTime` */
  readonly tick: string;
}

export interface LoadReport {
  /** Sent, and answered with each status; 0: no answer. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Milliseconds, in the order of the plan. */
  readonly latencies: readonly number[];
  /** The run id of each answer; empty where there was none. */
  readonly runs: readonly string[];
  /** The first body that was not 202, for the person who looks. */
  readonly odd: string | null;
  /** Highest number of requests under way at a time. */
  readonly underWay: number;
  /** How late the generator itself was at most, ms. */
  readonly lateMs: number;
}

const TIMEOUT_MS = 15_000;
const SOCKETS = 100;
const LEAD_MS = 200;

async function main(file: string): Promise<void> {
  const { url, requests } = JSON.parse(readFileSync(file, 'utf8')) as LoadPlan;
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS });
  const { hostname, port } = new URL(url);
  const statuses: Record<string, number> = {};
  const latencies = new Array<number>(requests.length).fill(0);
  const runs = new Array<string>(requests.length).fill('');
  let odd: string | null = null;
  let open = 0;
  let underWay = 0;
  let lateMs = 0;

  const send = (planned: PlannedRequest, index: number, from: number): Promise<void> => {
    underWay = Math.max(underWay, ++open);
    return new Promise((done) => {
      const finish = (status: number, body: string) => {
        open--;
        latencies[index] = performance.now() - from;
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (status === 202) runs[index] = (JSON.parse(body) as { runId?: string }).runId ?? '';
        else odd ??= `${status} ${body.slice(0, 500)}`;
        done();
      };
      const body = '{"trigger":"schedule"}';
      const headers = {
        authorization: `Bearer ${planned.token}`,
        'content-type': 'application/json',
        'content-length': body.length,
        'x-cloudscheduler': 'true',
        'x-cloudscheduler-scheduletime': planned.tick,
      };
      const sent = request({ agent, hostname, port, path: planned.path, method: 'POST', headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () => finish(answer.statusCode ?? 0, text));
      });
      sent.setTimeout(TIMEOUT_MS, () => sent.destroy(new Error('no answer')));
      sent.on('error', (error) => finish(0, error.message));
      sent.end(body);
    });
  };

  const start = performance.now() + LEAD_MS;
  const pending: Promise<void>[] = [];
  for (const [index, planned] of requests.entries()) {
    const due = start + planned.at;
    const wait = due - performance.now();
    if (wait > 1) await sleep(wait);
    lateMs = Math.max(lateMs, performance.now() - due);
    // A timer may be a moment early; a request that is late counts from when it was due.
    pending.push(send(planned, index, Math.min(due, performance.now())));
  }
  await Promise.all(pending);
  agent.destroy();
  const report: LoadReport = { statuses, latencies, runs, odd, underWay, lateMs };
  process.stdout.write(JSON.stringify(report));
}

await main(process.argv[2] ?? '');
