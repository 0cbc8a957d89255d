/** Small objects of JSON: written whole or not at all, and replaced by nobody who has not seen what is there. */
import type { Bucket, File } from '@google-cloud/storage';
import { TributaryError } from '../core/errors.ts';
import { type Budget, repeatedly } from '../core/retry.ts';
import { startAttempts } from './attempts.ts';
import { failureOf } from './errors.ts';

export interface JsonObject {
  readonly value: unknown;
  readonly generation: string;
}

export interface JsonObjects {
  /** @param generation of what is replaced; 0: nothing may be there; absent: whatever is there. @returns false where something else is there */
  write(name: string, value: unknown, generation?: string): Promise<boolean>;
  /** @returns undefined where there is no such object. @throws STAGING_CORRUPT where it is no JSON */
  read(name: string): Promise<unknown>;
  /** The same with its generation, for who replaces it; `null`: there is none. */
  look(name: string): Promise<JsonObject | null>;
  /** Names of all objects that begin so. */
  names(prefix: string): Promise<readonly string[]>;
}

/** Nothing may be there. */
export const NOTHING = '0';

export function jsonObjects(bucket: Bucket, tenant: string, budget: Budget): JsonObjects {
  const attempt = <T>(what: string, call: () => Promise<T>): Promise<T> =>
    repeatedly(call, startAttempts({ what, bucket: bucket.name, tenant }, budget), new AbortController().signal);
  const uri = (name: string) => `gs://${bucket.name}/${name}`;
  const read = async (name: string, file: File): Promise<unknown> => {
    const bytes = await attempt(`Reading ${uri(name)}`, () => unlessMissing(file.download()));
    return bytes === null ? undefined : parsed(bytes[0].toString(), uri(name));
  };
  return {
    async write(name, value, generation) {
      const text = `${JSON.stringify(value)}\n`;
      const preconditionOpts = generation === undefined ? {} : { ifGenerationMatch: generation };
      return await attempt(`Writing ${uri(name)}`, async () => {
        try {
          const options = { resumable: false, contentType: 'application/json', preconditionOpts };
          await bucket.file(name).save(text, options);
          return true;
        } catch (error) {
          if (failureOf(error).status === 412) return false;
          throw error;
        }
      });
    },
    read: (name) => read(name, bucket.file(name)),
    async look(name) {
      const found = await attempt(`Reading ${uri(name)}`, () => unlessMissing(bucket.file(name).getMetadata()));
      const generation = found?.[0].generation;
      if (generation === undefined) return null;
      const value = await read(name, bucket.file(name, { generation }));
      return value === undefined ? null : { value, generation: String(generation) };
    },
    names: (prefix) =>
      attempt(`Listing ${uri(prefix)}`, async () => {
        const [files] = await bucket.getFiles({ prefix });
        return files.map(({ name }) => name);
      }),
  };
}

function parsed(text: string, uri: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new TributaryError('STAGING_CORRUPT', { uri, reason: 'it is no JSON' });
  }
}

async function unlessMissing<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    const { status, reason } = failureOf(error);
    if (status === 404 && !/bucket does not exist/i.test(reason)) return null;
    throw error;
  }
}
