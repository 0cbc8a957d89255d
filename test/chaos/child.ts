/** One run in a process of its own, composed as `tributary run` does, that kills itself where it is told to. */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Worker } from 'node:worker_threads';
import { connectSource, openStore, openTenant } from '../../runner/commands/context.ts';
import type { RunEvent } from '../../runner/core/contracts/run-store.ts';
import { newRunId } from '../../runner/core/run-id.ts';
import { sourceSpec } from '../../runner/job/connect.ts';
import { ON_STDERR, openWarehouse } from '../../runner/job/warehouse.ts';
import { runSource } from '../../runner/pipeline/run.ts';

export interface ChildJob {
  readonly folder: string;
  readonly warehouse: string;
  readonly tenant: string;
  readonly source: string;
  /** Dies at this event, counted from 0 without the progress. */
  readonly atEvent?: number;
  /** Dies so long after it asked the warehouse for this statement, counted from 1 since the commit began. */
  readonly atStatement?: { readonly number: number; readonly afterMs: number };
}

/** What a child says, one JSON line each. */
export type ChildWord =
  | { readonly event: string }
  | { readonly runId: string; readonly status: string; readonly code: string | null; readonly detail: string | null };

function say(word: ChildWord): void {
  writeSync(1, `${JSON.stringify(word)}\n`);
}

const die = () => process.kill(process.pid, 'SIGKILL');

/** Counts what the warehouse's thread is asked for once the commit has begun. */
function dieAtStatement({ number, afterMs }: NonNullable<ChildJob['atStatement']>): () => void {
  let counted: number | null = null;
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (this: Worker, ...given: Parameters<typeof post>) {
    const last = counted !== null && ++counted === number;
    if (last && afterMs === 0) die();
    post.apply(this, given);
    if (!last) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, afterMs);
    die();
  } as typeof post;
  return () => {
    counted = 0;
  };
}

async function main(): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  const first = await lines[Symbol.asyncIterator]().next();
  const job = JSON.parse(String(first.value)) as ChildJob;
  lines.close();
  process.chdir(job.folder);
  const options = { tenants: 'tenants', warehouse: `duckdb:${job.warehouse}` };
  const tenant = openTenant(options, job.tenant);
  const spec = sourceSpec(tenant, job.source);
  const { source, secrets } = await connectSource(tenant, spec.connection, spec);
  await using _ = source;
  await using store = await openStore();
  const commitBegan = job.atStatement === undefined ? () => undefined : dieAtStatement(job.atStatement);
  let seen = 0;
  const onEvent = ({ type, step }: RunEvent) => {
    if (type === 'progress') return;
    if (seen === job.atEvent) die();
    seen += 1;
    const event = step === undefined ? type : `${step} ${type}`;
    say({ event });
    if (event === 'commit step-start') commitBegan();
  };
  const runId = newRunId();
  const { status, problem } = await runSource({
    tenant,
    sourceName: job.source,
    spec,
    source,
    store,
    secrets,
    signal: new AbortController().signal,
    runId,
    openWarehouse: () => openWarehouse(options, tenant, ON_STDERR),
    onEvent,
    yes: true,
  });
  say({ runId, status, code: problem?.code ?? null, detail: problem?.detail ?? null });
}

await main();
