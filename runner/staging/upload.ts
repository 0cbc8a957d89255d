/** Bytes become an object, once and whole, whatever the network does. */
import { open, stat } from 'node:fs/promises';
import type { Bucket, File } from '@google-cloud/storage';
import { TributaryError } from '../core/errors.ts';
import type { Budget } from '../core/retry.ts';
import { startAttempts } from './attempts.ts';
import { crc32c, crc32cText } from './crc32c.ts';
import { failureOf } from './errors.ts';
import { ask, type Progress, type StoredObject, send, type UploadBytes } from './session.ts';

export interface Upload {
  readonly bucket: Bucket;
  readonly tenant: string;
  /** Name of the object. */
  readonly name: string;
  readonly bytes: UploadBytes;
  readonly contentType: string;
  readonly budget: Budget;
}

/** What an object has in common with what was uploaded. */
export interface Uploaded {
  readonly uri: string;
  readonly bytes: number;
  readonly crc32c: string;
}

/** An object that differs is sent again so often: one flipped bit is chance, the third is not. */
const MOST_DIFFERENT = 3;
const READ_BYTES = 256 << 10;

/** @throws what {@link upload} throws */
export async function uploadFile(
  { file, ...what }: Omit<Upload, 'bytes'> & { readonly file: string },
  signal: AbortSignal,
): Promise<Uploaded> {
  const { size } = await stat(file);
  return await upload({ ...what, bytes: { size, read: (from) => fileBytes(file, from) } }, signal);
}

/** Through one buffer: streams would leave one behind for each read. */
async function* fileBytes(file: string, from: number): AsyncGenerator<Uint8Array, void, undefined> {
  await using handle = await open(file);
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  for (let at = from; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/**
 * Uploads through a resumable session. A broken one goes on where it stopped; where the answer was lost the session, or
 * the object itself, tells whether all has arrived. An object of that name is never replaced: equal bytes are this upload.
 *
 * @throws STAGING_CORRUPT, STAGING_FAILED, STAGING_DENIED, STAGING_MISSING, WAREHOUSE_CREDENTIALS
 */
export async function upload(
  { bucket, name, tenant, bytes, contentType, budget }: Upload,
  signal: AbortSignal,
): Promise<Uploaded> {
  const uri = `gs://${bucket.name}/${name}`;
  const { size } = bytes;
  const sum = new RunningSum(bytes);
  const attempts = startAttempts({ what: `Writing ${uri}`, bucket: bucket.name, tenant }, budget);
  const remote = bucket.file(name);
  let session: string | null = null;
  let reached = 0;
  for (let different = 0; ; ) {
    try {
      const resumed: boolean = session !== null;
      session ??= await begin(remote, contentType);
      let progress: Progress = resumed ? await ask(session, size, signal) : { from: 0 };
      while ('from' in progress) {
        const { from } = progress;
        if (from > reached) attempts.forward();
        reached = Math.max(reached, from);
        progress = await send({ session, bytes, from, look: (chunk, at) => sum.add(chunk, at) }, signal);
        if ('from' in progress && progress.from <= from) throw new Error(`no byte past ${from} is taken`);
      }
      const sent = await sum.whole(signal);
      const { object } = progress;
      if (object.crc32c === sent && object.size === size) return { uri, bytes: size, crc32c: sent };
      session = null;
      // A session that broke may have ended early; what was sent in one go may not differ.
      if (!resumed) different += 1;
      if (different === MOST_DIFFERENT)
        throw new TributaryError('STAGING_CORRUPT', { uri, reason: differing(object.crc32c, sent) });
      await remove(remote, object);
      await attempts.after(new Error('another object came of it'), signal);
    } catch (error) {
      if (TributaryError.is(error)) throw error;
      const { status } = failureOf(error);
      if (status === 412) {
        session = null;
        const found = await stored(remote).catch(() => null);
        if (found?.crc32c === (await sum.whole(signal))) return { uri, bytes: size, crc32c: found.crc32c };
        if (found !== null) await remove(remote, found).catch(() => undefined);
        await attempts.after(new Error('another object of that name was there'), signal);
      } else if (session !== null && (status === 404 || status === 410)) {
        session = null;
        await attempts.after(new Error('the upload was forgotten'), signal);
      } else {
        await attempts.after(error, signal);
      }
    }
  }
}

async function begin(remote: File, contentType: string): Promise<string> {
  const [session] = await remote.createResumableUpload({
    metadata: { contentType },
    preconditionOpts: { ifGenerationMatch: 0 },
  });
  return session;
}

async function stored(remote: File): Promise<StoredObject> {
  const [{ crc32c: found = '', size = -1, generation = '' }] = await remote.getMetadata();
  return { crc32c: found, size: Number(size), generation: String(generation) };
}

async function remove(remote: File, { generation }: StoredObject): Promise<void> {
  await remote.delete({ ignoreNotFound: true, ifGenerationMatch: generation });
}

function differing(found: string, sent: string): string {
  return `it has the CRC-32C ${found}, sent was ${sent}`;
}

/** The sum, taken from what is read for sending; bytes that are sent again do not count twice. */
class RunningSum {
  readonly #source: UploadBytes;
  #bytes = 0;
  #sum = 0;

  constructor(source: UploadBytes) {
    this.#source = source;
  }

  add(chunk: Uint8Array, at: number): void {
    const seen = this.#bytes - at;
    if (seen < 0 || seen >= chunk.length) return;
    this.#sum = crc32c(seen === 0 ? chunk : chunk.subarray(seen), this.#sum);
    this.#bytes += chunk.length - seen;
  }

  async whole(signal: AbortSignal): Promise<string> {
    if (this.#bytes < this.#source.size)
      for await (const chunk of this.#source.read(this.#bytes, signal)) this.add(chunk, this.#bytes);
    return crc32cText(this.#sum);
  }
}
