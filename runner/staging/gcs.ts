/** Staging in Cloud Storage: `gs://<bucket>/<tenant>/<source>/<run id>/<fencing token>/{rows,keys,files,splits}/`. */
import { join } from 'node:path';
import { stagingPath } from '../../tenants/naming.ts';
import { ROWS, type VectorPath } from '../columnar/receive.ts';
import { partSelect } from '../columnar/typing.ts';
import { type InletEnd, stopInlet } from '../core/channel.ts';
import type { PartsSpec, Staging } from '../core/contracts/staging.ts';
import { type Budget, budgetOf } from '../core/retry.ts';
import { type BucketOptions, openBucket } from './client.ts';
import { copying } from './copy.ts';
import { copyFiles } from './copy-files.ts';
import { openDesk } from './desk.ts';
import { writeFiles } from './files.ts';
import { addPart, type JobOptions, runJob, type StagingJob } from './job.ts';
import { removeObjects, removeOwn } from './objects.ts';
import { addRejected } from './rejected.ts';
import { rewritten } from './rewrite.ts';
import { parquetShapes } from './shapes.ts';
import { uploadFile } from './upload.ts';

export interface GcsStagingOptions extends BucketOptions {
  /** Named where something has to be done about it. */
  readonly tenant: string;
  /** What DuckDB may take, as it writes it; default: by the width of the rows. */
  readonly memory?: string;
  readonly vectorPath?: VectorPath | 'auto';
  /** Uploads at once, and files that lie on disk at most; default 2. */
  readonly uploads?: number;
  /** Default: TRIBUTARY_RETRY_SECONDS. */
  readonly budget?: Budget;
  /** Bytes of vectors in a part; default: by the format. */
  readonly partBytes?: number;
}

const UPLOADS = 2;

/**
 * Opens the staging of a tenant. Nothing is asked of the bucket before the first row.
 *
 * @example await using staging = await openGcsStaging({ bucket: 'acme-trb-acme-staging', tenant: 'acme' })
 */
export async function openGcsStaging(options: GcsStagingOptions): Promise<Staging> {
  const { tenant, budget = budgetOf() } = options;
  const bucket = openBucket(options);
  let cleaning: Promise<void> = Promise.resolve();
  const job: JobOptions = {
    vectorPath: options.vectorPath ?? 'auto',
    uploads: options.uploads ?? UPLOADS,
    upload: (file, name, contentType, signal) =>
      uploadFile({ bucket, tenant, name, file, contentType, budget }, signal),
    onCleaning: (running) => {
      cleaning = running;
    },
    ...(options.memory === undefined ? {} : { memory: options.memory }),
  };
  const removal = { bucket, tenant, budget };
  return {
    splits: openDesk(removal),
    async write(spec, inlet, signal) {
      await cleaning;
      const { result, manifest, vectorPath } = await runJob(spec, job, signal, (running) =>
        writeRows(running, spec, inlet, options.partBytes),
      );
      return { manifest, rejected: result, vectorPath };
    },
    async writeFiles(spec, offer, { signal, onProgress }) {
      await cleaning;
      const { result, manifest, vectorPath } = await runJob(spec, job, signal, (running) =>
        writeFiles(running, spec, offer, onProgress),
      );
      return { manifest, rejected: result.rejected, vectorPath, summary: result };
    },
    async rewrite(spec, policy, rows) {
      await cleaning;
      const never = new AbortController().signal;
      const { result, manifest, vectorPath } = await runJob(spec, job, never, (running) =>
        rewritten(running.engine, spec, policy, rows, (select) => addPart(running, spec, select)),
      );
      const { twins, nullified } = result;
      return { manifest, rejected: 0, vectorPath, twins, nullified };
    },
    shapes: parquetShapes,
    copy: (run, files, signal) => copyFiles({ bucket, tenant, budget, run }, files, signal),
    folders: ({ tenant: owner, source, runId }) => {
      const own = stagingPath(owner, source, runId);
      const all = own.slice(0, own.lastIndexOf(`${runId}/`));
      return { run: `gs://${bucket.name}/${own}`, source: `gs://${bucket.name}/${all}` };
    },
    remove: (run) => removeOwn(removal, run),
    removeRun: (run) =>
      removeObjects({ ...removal, prefix: stagingPath(run.tenant, run.source, run.runId), keep: () => false }),
    removeOthers: ({ tenant: owner, source, runId, fencingToken }) => {
      const own = stagingPath(owner, source, runId);
      const prefix = own.slice(0, own.lastIndexOf(`${runId}/`));
      const isNewer = (name: string) => tokenIn(name.slice(prefix.length)) > fencingToken;
      return removeObjects({ ...removal, prefix, keep: (name) => name.startsWith(own) || isNewer(name) });
    },
    [Symbol.asyncDispose]: () => cleaning,
  };
}

/** The fencing token of a name behind the source: `<run id>/<token>/…`; 0 where it has none. */
function tokenIn(name: string): number {
  return Number(/^[^/]+\/(\d+)\//.exec(name)?.[1] ?? 0);
}

/** @returns how many rows were rejected on the way */
async function writeRows(job: StagingJob, spec: PartsSpec, inlet: InletEnd, partBytes?: number): Promise<number> {
  const { engine, folder, parts, signal } = job;
  const { options, suffix, sliceBytes } = copying(spec.format, spec.rowBytes);
  const stop = () => stopInlet(inlet);
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    const { layout, maxRejected } = spec;
    const { rejected } = await engine.files(
      {
        select: partSelect(spec.columns, spec.format, `${ROWS}()`),
        layout,
        options,
        prefix: join(folder, 'rows-'),
        suffix,
        sliceBytes: partBytes ?? sliceBytes,
        ...(maxRejected === undefined ? {} : { maxRejected }),
      },
      inlet,
      ({ file, rows }) => parts.add(file, rows),
    );
    await addRejected(job, spec, rejected);
    return rejected.length;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
