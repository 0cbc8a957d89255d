/** No page of elsewhere changes anything with the rights of whoever looks at it. */
import type { MiddlewareHandler } from 'hono';
import { TributaryError } from '../../runner/core/errors.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses what a browser sends from another site, whatever its content type. Every browser says `Sec-Fetch-Site` or
 * `Origin` with such a request; programs say neither.
 */
export function sameOriginOnly(): MiddlewareHandler {
  return async (c, next) => {
    if (
      !SAFE.has(c.req.method) &&
      isForeign(c.req.header('sec-fetch-site'), c.req.header('origin'), c.req.header('host'))
    ) {
      throw new TributaryError('FORBIDDEN');
    }
    await next();
  };
}

export function isForeign(site: string | undefined, origin: string | undefined, host: string | undefined): boolean {
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host;
}
