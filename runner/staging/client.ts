/** The bucket through Google's client: a call here is one attempt; who repeats it decides elsewhere. */
import { type Bucket, Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';

export interface BucketOptions {
  readonly bucket: string;
  /** `http://127.0.0.1:4443` of an emulator, which is asked without credentials; else STORAGE_EMULATOR_HOST, else Google. */
  readonly endpoint?: string;
}

const USER_AGENT = 'tributary/0.1 (GPN:tributary)';

/** Credentials are those of the environment (ADC); they are looked up with the first request. */
export function openBucket({ bucket, endpoint }: BucketOptions): Bucket {
  const emulator = endpoint ?? process.env.STORAGE_EMULATOR_HOST;
  const storage = new Storage({
    userAgent: USER_AGENT,
    retryOptions: { autoRetry: false, maxRetries: 0 },
    ...(emulator === undefined ? {} : { apiEndpoint: origin(emulator), authClient: new PassThroughClient() }),
  });
  if (emulator !== undefined) {
    storage.apiEndpoint = origin(emulator);
    // With STORAGE_EMULATOR_HOST the client leaves the API's path out.
    storage.baseUrl = `${origin(emulator)}/storage/v1`;
  }
  return storage.bucket(bucket);
}

/** Both ways to write it are met: with and without the path of the API. */
function origin(endpoint: string): string {
  const address = /^https?:\/\//.test(endpoint) ? endpoint : `http://${endpoint}`;
  return new URL(address).origin;
}
