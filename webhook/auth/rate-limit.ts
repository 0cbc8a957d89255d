/** How often somebody may ask: token buckets in the memory of one instance. */
import type { MiddlewareHandler } from 'hono';
import { TributaryError } from '../../runner/core/errors.ts';
import type { AppEnv } from '../dependencies.ts';

export interface Rate {
  readonly perSecond: number;
  /** How many at once after a silence. */
  readonly burst: number;
}

/** The schedules of a platform come from a few addresses of Google, so an address may more than a caller. */
export const ADDRESS_RATE: Rate = { perSecond: 1000, burst: 3000 };
export const CALLER_RATE: Rate = { perSecond: 500, burst: 1500 };

/** More than the callers of an instance within a minute. */
const MOST_KEYS = 10_000;

export class RateLimit {
  readonly #rate: Rate;
  readonly #most: number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(rate: Rate, most = MOST_KEYS) {
    this.#rate = rate;
    this.#most = most;
  }

  /**
   * @param now milliseconds that only grow.
   * @returns 0 where it may; else the seconds to wait.
   */
  take(key: string, now: number = performance.now()): number {
    const { perSecond, burst } = this.#rate;
    const before = this.#buckets.get(key) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, before.tokens + ((now - before.at) / 1000) * perSecond);
    const allowed = tokens >= 1;
    // Whoever asked last stands last: the one that is forgotten has been silent for longest.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: allowed ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > this.#most) this.#buckets.delete(this.#buckets.keys().next().value as string);
    return allowed ? 0 : Math.max(1, Math.ceil((1 - tokens) / perSecond));
  }

  get size(): number {
    return this.#buckets.size;
  }
}

/** Before anybody is known. @param address of the peer of the connection */
export function limitAddresses(rate: Rate, address: (c: Parameters<MiddlewareHandler<AppEnv>>[0]) => string) {
  const limit = new RateLimit(rate);
  return limited((c) => limit.take(address(c)));
}

/** After the caller is known. */
export function limitCallers(rate: Rate) {
  const limit = new RateLimit(rate);
  return limited((c) => limit.take(c.get('caller')?.email ?? ''));
}

function limited(waitOf: (c: Parameters<MiddlewareHandler<AppEnv>>[0]) => number): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const wait = waitOf(c);
    if (wait > 0) {
      c.header('Retry-After', `${wait}`);
      throw new TributaryError('TOO_MANY_REQUESTS');
    }
    await next();
  };
}
