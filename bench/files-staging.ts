/** Objects of S3 and Azure into staging, against a plain parallel download of them by the store's own SDK. */
import { join } from 'node:path';
import { Storage } from '@google-cloud/storage';
import { crc32c, crc32cText } from '../runner/staging/crc32c.ts';
import { startAzureBlobStore } from '../test/runner/sources/azure-blob-store.ts';
import { startS3Store } from '../test/runner/sources/s3-store.ts';
import { newFolder, startChild } from '../test/servers/child.ts';
import { startStorage } from '../test/servers/storage.ts';
import type { CopyReport, CopyTask } from './files-staging-program.ts';
import type { BenchOptions } from './main.ts';
import { measure, round, waitForQuiet } from './measure.ts';
import type { Case, Result, Target } from './report.ts';
import { alternate, type Plan } from './rounds.ts';

const BUCKET = 'bench-staging';
const OBJECT_BYTES = 32 << 20;
const OBJECTS = 24;
const QUICK_OBJECTS = 6;
const MB = 1e6;
/** Of the speed of the plain download. */
const LEAST_SPEED = 0.9;
const MOST_MEMORY = 450;

const stores = { s3: startS3Store, azure: startAzureBlobStore } as const;
export const stagingCases = [
  ...(['s3-download', 's3-staging', 'azure-download', 'azure-staging'] as const),
  ...(['s3-download-loopback', 's3-staging-loopback', 'azure-download-loopback', 'azure-staging-loopback'] as const),
  'gcs-upload-loopback',
] as const;
/** What a small machine of a cloud has to another cloud: 1 Gbit/s. */
const LINE_BYTES = 125e6;

/** What one theme of a bench adds to its result. */
export type Part = Pick<Result, 'cases' | 'ratios' | 'targets' | 'notes'>;

export async function stagingOfFiles(options: BenchOptions): Promise<Part> {
  const { say, folder, quick } = options;
  const chosen = new Set<string>(options.only ?? stagingCases);
  const rounds = options.rounds ?? (quick ? 1 : 5);
  const count = quick ? QUICK_OBJECTS : OBJECTS;
  const cases: Case[] = [];
  const notes = [
    `${count} objects of ${OBJECT_BYTES >> 20} MB that do not compress; rows are megabytes, wall begins when the process has started.`,
    'The stores are reached over a line of 1 Gbit/s, and once more over the loopback, where nothing but the CPU limits: there each byte is also taken in by fake-gcs-server on the same two cores (see what plain requests upload to it from memory).',
  ];
  for (const [kind, start] of Object.entries(stores)) {
    if (
      !stagingCases.some(
        (name) => (name.startsWith(kind) || (kind === 's3' && name.startsWith('gcs'))) && chosen.has(name),
      )
    )
      continue;
    say(`Starting ${kind} and fake-gcs-server`);
    await using server = await start();
    await using storage = await startStorage();
    const bucket = (await new Storage({ projectId: 'bench', apiEndpoint: storage.host }).createBucket(BUCKET))[0];
    const names = Array.from({ length: count }, (_, i) => `daily/${String(i).padStart(3, '0')}.bin`);
    const sums: string[] = [];
    for (const [i, name] of names.entries()) {
      const bytes = noise(OBJECT_BYTES, i);
      sums.push(crc32cText(crc32c(bytes)));
      await server.put(name, bytes);
    }
    await using line = await startLine(server.host);
    const program = join(import.meta.dirname, 'files-staging-program.ts');
    const plan = (name: string, way: CopyTask['way'], host: string, note: string): Plan => ({
      name,
      rounds,
      note,
      rows: Math.round((count * OBJECT_BYTES) / MB),
      run: async () => {
        await waitForQuiet(quick ? 5 : 60);
        const connection = server.connection(host) as CopyTask['connection'];
        const runId = `r${Date.now()}`;
        const where = { connection, names, objectBytes: OBJECT_BYTES, bucket: BUCKET, endpoint: storage.host };
        const task: CopyTask = { ...where, way, runId };
        const measured = await measure(
          { argv: [process.execPath, program, JSON.stringify(task)], env: { BENCH_SECRET: server.secret } },
          [server.pid, storage.pid, line.pid],
        );
        if (measured.exitCode !== 0) throw new Error(`${name} ended with ${measured.exitCode}\n${measured.stderr}`);
        const report = JSON.parse(measured.stdout) as CopyReport;
        const whole = report.bytes === count * OBJECT_BYTES;
        const equal = way !== 'staging' || report.sums.join() === sums.join();
        await bucket.deleteFiles({ force: true });
        // Both begin with the start of a process and of an SDK, which a run has once, whatever it copies.
        return { ...measured, wall: report.seconds, result: whole && equal ? 'exact' : 'differs' };
      },
    });
    const plain = 'SDK, 8 at once, to nothing';
    const ours = 'listed, read, uploaded, sums compared';
    const plans = [
      plan(`${kind}-download`, 'download', line.host, plain),
      plan(`${kind}-staging`, 'staging', line.host, ours),
      plan(`${kind}-download-loopback`, 'download', server.host, plain),
      plan(`${kind}-staging-loopback`, 'staging', server.host, ours),
    ];
    if (kind === 's3')
      plans.push(plan('gcs-upload-loopback', 'upload', server.host, 'plain requests, 8 at once, from memory'));
    const wanted = plans.filter(({ name }) => chosen.has(name));
    cases.push(...(await alternate(wanted, folder, say)));
  }
  const ratios: Record<string, number> = {};
  const targets: Target[] = [];
  for (const way of ['', '-loopback'])
    for (const kind of Object.keys(stores)) {
      const [raw, ours] = ['download', 'staging'].map((step) =>
        cases.find(({ name }) => name === `${kind}-${step}${way}`),
      );
      if (ours !== undefined)
        targets.push({
          ...{ name: `${kind}-staging${way}: peak RSS`, want: `≤ ${MOST_MEMORY} MB` },
          ...{ got: ours.rssMb, ok: ours.rssMb <= MOST_MEMORY },
        });
      if (raw === undefined || ours === undefined) continue;
      const speed = round(raw.wall / ours.wall, 3);
      ratios[`${kind}${way}: speed of staging/download`] = speed;
      const upload = cases.find(({ name }) => name === `gcs-upload${way}`);
      if (upload !== undefined)
        ratios[`${kind}${way}: speed of staging/slower of download and upload`] = round(
          Math.max(raw.wall, upload.wall) / ours.wall,
          3,
        );
      if (!quick && way === '')
        targets.push({
          ...{ name: `${kind}: speed of staging / plain download`, want: `≥ ${LEAST_SPEED}` },
          ...{ got: speed, ok: speed >= LEAST_SPEED },
        });
    }
  for (const { name, disturbed } of cases)
    if (disturbed > 0) notes.push(`${name}: something else took the machine in ${disturbed} of its rounds.`);
  return { cases, ratios, targets, notes };
}

interface Line extends AsyncDisposable {
  readonly host: string;
  readonly pid: number;
}

/** All answers of the server share it. */
async function startLine(server: string): Promise<Line> {
  const program = join(import.meta.dirname, 'line-program.ts');
  const folder = await newFolder('line');
  const child = await startChild(
    {
      name: 'line',
      run: [process.execPath, program, new URL(server).port, `${LINE_BYTES}`],
      ready: async ({ log }) => (await log()).includes('port '),
    },
    folder,
  );
  const port = /port (\d+)/.exec(await child.log())?.[1];
  return { host: `http://127.0.0.1:${port}`, pid: child.pid, [Symbol.asyncDispose]: () => child.stop() };
}

/** Bytes that no two places have alike. */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0, state = seed * 7919 + 1; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes.writeUInt32LE(state, at);
  }
  return bytes;
}
