/** Tenants as objects of a bucket: `tenants/acme.yaml`. The version of a file is the generation of its object. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type File, Storage } from '@google-cloud/storage';
import { TENANT_OBJECTS, tenantObject } from '../../../tenants/naming.ts';
import type { TenantDocument, TenantStore } from '../../core/contracts/tenant-store.ts';
import { TributaryError } from '../../core/errors.ts';
import { type Budget, repeatedly, startRetry } from '../../core/retry.ts';
import { isFileName } from './name.ts';

export interface BucketTenantsOptions {
  readonly bucket: string;
  /** `http://127.0.0.1:4443` of an emulator, which is asked without credentials; else STORAGE_EMULATOR_HOST, else Google. */
  readonly endpoint?: string;
}

const { prefix: PREFIX, suffix: SUFFIX } = TENANT_OBJECTS;
const TYPE = 'application/yaml';
const MOST_READS = 20;
const PAUSE_MS = 50;
const ANSWER_MS = 20_000;
/** Somebody waits for the answer. */
const PATIENCE: Budget = { attempts: 6, seconds: 30, firstMs: 100, longestMs: 4000 };

/** Credentials are those of the environment; they are looked up with the first call. */
export function openBucketTenants({ bucket: name, endpoint }: BucketTenantsOptions): TenantStore {
  const storage = openStorage(endpoint);
  const bucket = storage.bucket(name);
  const fileOf = (tenant: string) => bucket.file(tenantObject(tenant));
  const guarded = async <T>(body: () => Promise<T>): Promise<T> => {
    try {
      return await body();
    } catch (error) {
      if (TributaryError.is(error)) throw error;
      const [reason, advice] = reasonOf(error);
      throw new TributaryError('TENANTS_FAILED', { store: `gs://${name}`, reason, advice }, { cause: error });
    }
  };
  const found = async (tenant: string): Promise<TenantDocument | null> => {
    if (!isFileName(tenant)) return null;
    // Where the bucket keeps no old versions, one that is replaced between the two calls is gone.
    for (let read = 0; read < MOST_READS; read++) {
      const metadata = await unlessMissing(fileOf(tenant).getMetadata());
      if (metadata === null) return null;
      const [{ generation, updated }] = metadata;
      const bytes = await unlessMissing(contentOf(storage, bucket.file(fileOf(tenant).name), `${generation}`));
      if (bytes === null) {
        await sleep(Math.random() * PAUSE_MS);
        continue;
      }
      const updatedAt = new Date(`${updated}`).toISOString();
      return { tenant, yaml: bytes.toString('utf8'), etag: `${generation}`, updatedAt };
    }
    throw new Error(`${tenant} changes faster than it can be read`);
  };

  return {
    list: () =>
      guarded(async () => {
        const [files] = await bucket.getFiles({ prefix: PREFIX });
        return files
          .map((file: File) => file.name)
          .filter((path) => path.endsWith(SUFFIX))
          .map((path) => path.slice(PREFIX.length, -SUFFIX.length))
          .filter(isFileName)
          .sort();
      }),

    read: (tenant) => guarded(() => found(tenant)),

    write: (tenant, yaml, etag) =>
      guarded(async () => {
        if (!isFileName(tenant) || !isGeneration(etag)) throw new TributaryError('TENANT_CHANGED', { tenant });
        const file = fileOf(tenant);
        try {
          const ifGenerationMatch = etag ?? '0';
          await file.save(yaml, { resumable: false, contentType: TYPE, preconditionOpts: { ifGenerationMatch } });
        } catch (error) {
          // The client sends it again when an answer is lost, and meets its own version.
          const now = isChanged(error) ? await found(tenant) : null;
          if (now?.yaml === yaml) return now;
          throw isChanged(error) ? new TributaryError('TENANT_CHANGED', { tenant }, { cause: error }) : error;
        }
        const { generation, updated } = file.metadata;
        return { tenant, yaml, etag: `${generation}`, updatedAt: new Date(`${updated}`).toISOString() };
      }),

    remove: (tenant, etag) =>
      guarded(async () => {
        const before = await found(tenant);
        if (before === null) return;
        if (before.etag !== etag) throw new TributaryError('TENANT_CHANGED', { tenant });
        try {
          await unlessMissing(fileOf(tenant).delete({ ifGenerationMatch: etag }));
        } catch (error) {
          throw isChanged(error) ? new TributaryError('TENANT_CHANGED', { tenant }, { cause: error }) : error;
        }
      }),

    [Symbol.asyncDispose]: async () => {},
  };
}

/**
 * The bytes of a version. Not by the client's own download: where Google answers for a moment with an error, that one pipes
 * into a stream it has destroyed, which ends the process.
 */
function contentOf(storage: Storage, file: File, generation: string): Promise<Buffer> {
  const url = `${storage.baseUrl}/b/${file.bucket.name}/o/${encodeURIComponent(file.name)}?alt=media&generation=${generation}`;
  const once = async () => {
    const headers = isGoogle(storage) ? await storage.authClient.getRequestHeaders(url) : {};
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_MS) });
    if (!answer.ok) throw Object.assign(new Error(await answer.text()), { code: answer.status });
    return Buffer.from(await answer.arrayBuffer());
  };
  const retry = startRetry({ budget: PATIENCE, isTransient, givenUp: (error) => error });
  return repeatedly(once, retry);
}

/** What no answer came for passes too. */
function isTransient(error: unknown): boolean {
  const status = statusOf(error);
  return typeof status !== 'number' || status === 408 || status === 429 || status >= 500;
}

function isGoogle({ baseUrl }: Storage): boolean {
  return new URL(baseUrl).hostname.endsWith('.googleapis.com');
}

function openStorage(endpoint: string | undefined): Storage {
  const emulator = endpoint ?? process.env.STORAGE_EMULATOR_HOST;
  if (emulator === undefined) return new Storage();
  const { origin } = new URL(/^https?:\/\//.test(emulator) ? emulator : `http://${emulator}`);
  const storage = new Storage({ apiEndpoint: origin, projectId: 'emulator' });
  // With STORAGE_EMULATOR_HOST the client leaves the API's path out.
  storage.baseUrl = `${origin}/storage/v1`;
  return storage;
}

/** `0` would mean "where there is none", which is said by `null`. */
function isGeneration(etag: string | null): boolean {
  return etag === null || /^[1-9]\d{0,18}$/.test(etag);
}

async function unlessMissing<T>(call: Promise<T>): Promise<T | null> {
  return call.catch((error: unknown) => {
    if (statusOf(error) === 404 && !/bucket/i.test(String((error as Error).message))) return null;
    throw error;
  });
}

function isChanged(error: unknown): boolean {
  return statusOf(error) === 412;
}

function statusOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

function reasonOf(error: unknown): readonly [reason: string, advice: string] {
  switch (statusOf(error)) {
    case 401:
    case 403:
      return ['this account may not use it', 'Give the account of the webhook roles/storage.objectUser on the bucket.'];
    case 404:
      return ['there is no such bucket', 'Bring the stack of the platform up.'];
    default:
      return [
        String((error as Error)?.message ?? error),
        'It is retried; if it stays so, look at the status of Google Cloud.',
      ];
  }
}
