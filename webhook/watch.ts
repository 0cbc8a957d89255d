/** Around every request: who calls, how long it took, and what is worth a record. */
import { randomUUID } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { TributaryError } from '../runner/core/errors.ts';
import { Unauthenticated } from './auth/caller.ts';
import type { AppEnv, Dependencies } from './dependencies.ts';
import { documentedPath } from './routes/router.ts';

const REQUEST_ID = 'X-Request-Id';
const READS = new Set(['GET', 'HEAD']);
/** What runners say all the time is in the history of their runs. */
const REPORTS = new Set(['PATCH /v1/runs/{run}', 'PUT /v1/runs/{run}/lease', 'DELETE /v1/runs/{run}/lease']);

export function observed(
  { audit, metrics, traces, now }: Dependencies,
  routeOf: (c: Context<AppEnv>) => string,
): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const began = performance.now();
    const said = c.req.header(REQUEST_ID);
    const requestId = said !== undefined && /^[\w-]{1,64}$/.test(said) ? said : randomUUID();
    c.set('requestId', requestId);
    const parent = c.req.header('traceparent') ?? null;
    const span = traces?.start({ name: c.req.method, parent, kind: 'server' });
    c.set('traceparent', span?.traceparent);
    await next();
    const { status } = c.res;
    const { method } = c.req;
    const route = routeOf(c);
    c.res.headers.set(REQUEST_ID, requestId);
    if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store');
    metrics.answered({ route, method, status, seconds: (performance.now() - began) / 1000 });
    const action = `${method} ${route}`;
    const attributes = { 'http.request.method': method, 'http.route': route, 'http.response.status_code': status };
    span?.end({ name: action, attributes, ...(status < 500 ? {} : { error: c.get('problem') ?? `${status}` }) });
    if ((READS.has(method) || REPORTS.has(action)) && status !== 401 && status !== 403) return;
    audit({
      time: now().toISOString(),
      caller: c.get('caller') ?? null,
      action,
      resource: documentedPath(c.req.path).slice(0, 300),
      status,
      problem: c.get('problem') ?? null,
      requestId,
      traceparent: span?.traceparent ?? parent?.slice(0, 64) ?? null,
    });
  };
}

export function authenticated({ authenticator, log }: Dependencies): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const header = (name: string) => c.req.header(name) ?? null;
    try {
      const caller = await authenticator.authenticate({
        authorization: header('authorization'),
        serverlessAuthorization: header('x-serverless-authorization'),
        iapAssertion: header('x-goog-iap-jwt-assertion'),
        host: header('host'),
        peer: c.env?.incoming?.socket.remoteAddress ?? '',
      });
      c.set('caller', caller);
    } catch (error) {
      if (!(error instanceof Unauthenticated)) throw error;
      log.warn({ reason: error.message, requestId: c.get('requestId') }, 'a caller was refused');
      c.header('WWW-Authenticate', 'Bearer');
      throw new TributaryError('UNAUTHENTICATED');
    }
    await next();
  };
}
