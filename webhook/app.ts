/** The service without a port. */
import { bodyLimit } from 'hono/body-limit';
import { matchedRoutes } from 'hono/route';
import { secureHeaders } from 'hono/secure-headers';
import { TributaryError } from '../runner/core/errors.ts';
import { sameOriginOnly } from './auth/cross-origin.ts';
import { ADDRESS_RATE, CALLER_RATE, limitAddresses, limitCallers } from './auth/rate-limit.ts';
import type { Dependencies } from './dependencies.ts';
import { apiDocument } from './openapi.ts';
import { problemDocument, problemResponse } from './problem.ts';
import { access } from './routes/access.ts';
import { entryRoutes } from './routes/entries.ts';
import { eventRoutes } from './routes/events.ts';
import { gate, methodNotAllowed } from './routes/methods.ts';
import { platformRoutes } from './routes/platform.ts';
import { referencePage } from './routes/reference.ts';
import { documentedPath, type Router, router } from './routes/router.ts';
import { runnerRoutes } from './routes/runner.ts';
import { runRoutes } from './routes/runs.ts';
import { tenantRoutes } from './routes/tenants.ts';
import { triggerRoutes } from './routes/trigger.ts';
import { wizardRoutes } from './routes/wizard.ts';
import { authenticated, observed } from './watch.ts';

const KIB = 1024;
/** A tenant's file, and what a runner found. */
const LARGE = 1024 * KIB;
const USUAL = 256 * KIB;

/** @example createApp(deps).request('/healthz') */
export function createApp(deps: Dependencies): Router {
  const app = router();
  const may = access(deps);
  app.onError((error, c) => {
    const document = problemDocument(error);
    c.set('problem', document.code);
    if (document.status >= 500)
      deps.log.error({ err: error, requestId: c.get('requestId'), route: routeOf(c) }, document.title);
    return problemResponse(c, error);
  });

  app.use(observed(deps, routeOf));
  app.use(secureHeaders({ xFrameOptions: 'DENY', referrerPolicy: 'no-referrer' }));
  app.use(
    limitAddresses(ADDRESS_RATE, (c) => c.env?.incoming?.socket.remoteAddress ?? ''),
    sameOriginOnly(),
  );
  const callers = limitCallers(CALLER_RATE);
  for (const path of ['/v1/*', '/metrics']) app.use(path, authenticated(deps), callers);
  const limited = [limit(USUAL), limit(LARGE)] as const;
  app.use((c, next) => limited[isLarge(c.req.method, c.req.path) ? 1 : 0](c, next));
  const refused = gate(app);
  app.use(async (c, next) => {
    const other = refused(c.req.raw, c.req.path);
    if (other !== null) {
      c.header('Allow', other.allow);
      throw methodNotAllowed(c.req.method, c.req.path, other.allow);
    }
    await next();
  });

  const routes = [triggerRoutes, runRoutes, eventRoutes, runnerRoutes, tenantRoutes, wizardRoutes, platformRoutes];
  for (const some of routes) app.route('/', some(deps, may));
  for (const some of entryRoutes(deps, may)) app.route('/', some);
  app.openAPIRegistry.registerComponent('securitySchemes', 'oidc', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An ID token of Google for the audience of this service.',
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'iap', {
    type: 'apiKey',
    in: 'header',
    name: 'X-Goog-IAP-JWT-Assertion',
    description: 'Set by Identity-Aware Proxy.',
  });
  const document = JSON.stringify(apiDocument(app));
  app.get('/openapi.json', (c) => c.body(document, 200, { 'Content-Type': 'application/json' }));
  app.route('/', referencePage());
  app.notFound((c) => {
    const error = new TributaryError('ROUTE_NOT_FOUND', { path: documentedPath(c.req.path).slice(0, 300) });
    c.set('problem', error.problem.code);
    return problemResponse(c, error);
  });
  return app;
}

function isLarge(method: string, path: string): boolean {
  return (method === 'PATCH' && path.startsWith('/v1/runs/')) || /^\/v1\/tenants(?:\/[^/]+)?$/.test(path);
}

function limit(maxSize: number) {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new TributaryError('BODY_TOO_LARGE', { limit: maxSize });
    },
  });
}

/** The pattern that answered. */
function routeOf(c: Parameters<typeof matchedRoutes>[0]): string {
  const pattern = matchedRoutes(c).findLast(({ path, method }) => method !== 'ALL' && !path.includes('*'))?.path;
  return pattern?.replaceAll(/:(\w+)/g, '{$1}').replace('~', ':') ?? 'none';
}
