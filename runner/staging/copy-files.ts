/** Objects of another store become objects here, byte for byte: what is read goes out again at once. */
import type { Bucket } from '@google-cloud/storage';
import { stagingPath } from '../../tenants/naming.ts';
import type { OfferedFile } from '../core/contracts/offer.ts';
import type { CopiedFile } from '../core/contracts/staging.ts';
import type { RunIdentity } from '../core/contracts/warehouse.ts';
import { readAhead } from '../core/objects/read-ahead.ts';
import type { Budget } from '../core/retry.ts';
import { upload } from './upload.ts';

export interface CopyJob {
  readonly bucket: Bucket;
  readonly tenant: string;
  readonly budget: Budget;
  readonly run: Pick<RunIdentity, 'tenant' | 'source' | 'runId'>;
}

/** Files that are copied at once: one stream seldom fills the line. */
const FILES_AT_ONCE = 8;
/** Of all files together; a file that has only one streams through, the ranges of others are held until it is their turn. */
const CONNECTIONS = 8;
/** Of a range. */
const CHUNK_BYTES = 8 << 20;
/** The most that is in memory on its way. */
export const COPY_BYTES = CONNECTIONS * CHUNK_BYTES;

export async function copyFiles(
  job: CopyJob,
  files: readonly OfferedFile[],
  caller: AbortSignal,
): Promise<readonly CopiedFile[]> {
  const { tenant, source, runId } = job.run;
  const folder = `${stagingPath(tenant, source, runId)}files/`;
  const ending = new AbortController();
  const signal = AbortSignal.any([caller, ending.signal]);
  const atOnce = Math.min(FILES_AT_ONCE, files.length);
  const connections = Math.floor(CONNECTIONS / Math.max(1, atOnce));
  const copied: CopiedFile[] = [];
  const waiting = files.entries();
  const work = async () => {
    for (const [index, file] of waiting) {
      signal.throwIfAborted();
      copied[index] = await copyFile(job, file, `${folder}${nameOf(file, index)}`, connections, signal);
    }
  };
  const workers = Array.from({ length: atOnce }, work);
  try {
    await Promise.all(workers);
    return copied;
  } catch (error) {
    ending.abort(error);
    await Promise.allSettled(workers);
    throw caller.aborted ? caller.reason : error;
  }
}

async function copyFile(
  { bucket, tenant, budget }: CopyJob,
  file: OfferedFile,
  name: string,
  connections: number,
  signal: AbortSignal,
): Promise<CopiedFile> {
  const bytes = {
    size: file.bytes,
    read: (from: number, within: AbortSignal) =>
      readAhead((range, each) => file.open(range.from, each, range.to), file, { from }, within, {
        connections,
        chunkBytes: CHUNK_BYTES,
      }),
  };
  const contentType = 'application/octet-stream';
  const { uri, crc32c } = await upload({ bucket, tenant, name, bytes, contentType, budget }, signal);
  return { uri, from: { uri: file.uri, version: file.version }, bytes: file.bytes, crc32c };
}

/** The endings of a name say what a file is; the rest of it is for people. */
function nameOf({ uri }: OfferedFile, index: number): string {
  const last = uri.slice(uri.lastIndexOf('/') + 1).replaceAll(/[^\w.-]/g, '_');
  return `${String(index).padStart(5, '0')}-${last.slice(-100)}`;
}
