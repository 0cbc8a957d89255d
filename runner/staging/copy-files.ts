/** Objects of another store become objects here, byte for byte: what is read goes out again at once, or does not come here at all. */
import type { Bucket } from '@google-cloud/storage';
import { stagingPath } from '../../tenants/naming.ts';
import type { OfferedFile } from '../core/contracts/offer.ts';
import { type CopiedFile, FILE_KEY } from '../core/contracts/staging.ts';
import type { RunIdentity } from '../core/contracts/warehouse.ts';
import { TributaryError } from '../core/errors.ts';
import { readAhead } from '../core/objects/read-ahead.ts';
import type { Budget } from '../core/retry.ts';
import { startAttempts } from './attempts.ts';
import { failureOf } from './errors.ts';
import { upload } from './upload.ts';

export interface CopyJob {
  readonly bucket: Bucket;
  readonly tenant: string;
  readonly budget: Budget;
  readonly run: Omit<RunIdentity, 'startedAt'>;
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
  const { tenant, source, runId, fencingToken } = job.run;
  const folder = `${stagingPath(tenant, source, runId, fencingToken)}files/`;
  const ending = new AbortController();
  const signal = AbortSignal.any([caller, ending.signal]);
  const atOnce = Math.min(FILES_AT_ONCE, files.length);
  const connections = Math.floor(CONNECTIONS / Math.max(1, atOnce));
  const copied: CopiedFile[] = [];
  const waiting = files.entries();
  const work = async () => {
    for (const [index, file] of waiting) {
      signal.throwIfAborted();
      const name = `${folder}${nameOf(file, index)}`;
      copied[index] =
        (await copyWithin(job, file, name, signal)) ?? (await copyFile(job, file, name, connections, signal));
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

/**
 * Copies inside Cloud Storage; the generation is part of the request.
 *
 * @returns null where that cannot be: the object lies elsewhere, is out of sight of this account, or gone
 */
async function copyWithin(
  { bucket, tenant, budget }: CopyJob,
  { uri, version, bytes }: OfferedFile,
  name: string,
  signal: AbortSignal,
): Promise<CopiedFile | null> {
  const [, from, object] = /^gs:\/\/([^/]+)\/(.+)$/s.exec(uri) ?? [];
  if (from === undefined || object === undefined) return null;
  const copy = `gs://${bucket.name}/${name}`;
  const attempts = startAttempts({ what: `Copying ${uri}`, bucket: bucket.name, tenant }, budget);
  for (;;) {
    try {
      const [remote] = await bucket.storage.bucket(from).file(object, { generation: version }).copy(bucket.file(name));
      const [{ crc32c = '', size }] = await remote.getMetadata();
      if (Number(size) !== bytes)
        throw new TributaryError('STAGING_CORRUPT', {
          uri: copy,
          reason: `it has ${size} bytes, the original ${bytes}`,
        });
      return { uri: copy, from: { uri, version }, bytes, crc32c };
    } catch (error) {
      if (TributaryError.is(error)) throw error;
      const { status } = failureOf(error);
      if (status === 401 || status === 403 || status === 404) return null;
      await attempts.after(error, signal);
    }
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

/** The folder tells a load job which file it is; the rest of the name is for people. */
function nameOf({ uri }: OfferedFile, index: number): string {
  const last = uri.slice(uri.lastIndexOf('/') + 1).replaceAll(/[^\w.-]/g, '_');
  return `${FILE_KEY}=${index}/${last.slice(-100)}`;
}
