/** The public keys of an issuer: fetched, kept, renewed, and still there while the issuer is not. */
import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTVerifyGetKey } from 'jose';
import { TributaryError } from '../../runner/core/errors.ts';

export interface KeyTimes {
  /** Age at which they are fetched again, beside the requests. */
  readonly refreshMs: number;
  /** Age until which they serve while the issuer is away. */
  readonly keepMs: number;
  /** Between two fetches, whatever asks for them; a second where there are no keys at all. */
  readonly cooldownMs: number;
  /** Of one fetch. */
  readonly timeoutMs: number;
}

export const KEY_TIMES: KeyTimes = {
  refreshMs: 10 * 60_000,
  keepMs: 24 * 3_600_000,
  cooldownMs: 10_000,
  timeoutMs: 5_000,
};

/** A set of keys has a few kilobytes. */
const LARGEST = 256 * 1024;

/**
 * Where the keys come from is a setting and never a part of a token.
 *
 * @throws RangeError where the address is neither https nor this machine
 */
export function issuerKeys(url: string, times: Partial<KeyTimes> = {}): JWTVerifyGetKey {
  const { refreshMs, keepMs, cooldownMs, timeoutMs } = { ...KEY_TIMES, ...times };
  const address = new URL(url);
  if (address.protocol !== 'https:' && !['127.0.0.1', 'localhost', '[::1]'].includes(address.hostname)) {
    throw new RangeError(`keys must come over https: ${address.origin}`);
  }
  let attemptedAt = Number.NEGATIVE_INFINITY;
  const fetchSeldom: FetchImplementation = async (...args) => {
    const wait = remote.fresh ? cooldownMs : Math.min(cooldownMs, 1000);
    if (performance.now() - attemptedAt < wait) throw new Error('the keys were asked for a moment ago');
    attemptedAt = performance.now();
    return someKeys(await fetch(...args));
  };
  const remote = createRemoteJWKSet(address, {
    timeoutDuration: timeoutMs,
    cooldownDuration: cooldownMs,
    cacheMaxAge: keepMs,
    [customFetch]: fetchSeldom,
  });
  return async (header, token) => {
    const due = Math.max(refreshMs, cooldownMs);
    if (remote.fresh && performance.now() - attemptedAt >= due) remote.reload().catch(() => undefined);
    try {
      return await remote(header, token);
    } catch (error) {
      if (isOfTheToken(error)) throw error;
      // Keys are there and none of them fits: an outage does not turn a wrong token into an unlucky one.
      if (remote.fresh) throw new errors.JWKSNoMatchingKey(undefined, { cause: error });
      throw new TributaryError('KEYS_UNAVAILABLE', {}, { cause: error });
    }
  };
}

function isOfTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JWSInvalid
  );
}

/** An answer that is too large or holds no keys does not replace those that are here. */
async function someKeys(response: Response): Promise<Response> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.byteLength;
    if (size > LARGEST) throw new errors.JWKSInvalid('the set of keys is too large');
    parts.push(part);
  }
  const body = Buffer.concat(parts);
  if (response.status === 200) {
    const { keys } = JSON.parse(body.toString()) as { keys?: unknown };
    if (!Array.isArray(keys) || keys.length === 0) throw new errors.JWKSInvalid('the set of keys is empty');
  }
  return new Response(body, { status: response.status });
}
