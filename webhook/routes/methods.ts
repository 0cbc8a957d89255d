/** What an address takes: methods, and types of bodies. As the routes describe themselves. */
import { TributaryError } from '../../runner/core/errors.ts';
import { documentedPath, type Router, verbPath } from './router.ts';

interface Taken {
  readonly pattern: RegExp;
  readonly method: string;
  /** Of its body; `null`: it reads none. */
  readonly types: readonly string[] | null;
}

/**
 * Refuses what no route of this address takes. An address that nothing is known of passes.
 *
 * @throws METHOD_NOT_ALLOWED, MEDIA_TYPE_UNSUPPORTED
 */
export function gate(app: Router): (request: Request, path: string) => { readonly allow: string } | null {
  let table: readonly Taken[] | null = null;
  return (request, path) => {
    table ??= described(app);
    const here = table.filter(({ pattern }) => pattern.test(verbPath(path)));
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const taken = here.find((one) => one.method === method);
    if (taken === undefined) return here.length === 0 ? null : { allow: allowed(here) };
    const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? 'nothing';
    if (taken.types !== null && !taken.types.includes(type)) {
      throw new TributaryError('MEDIA_TYPE_UNSUPPORTED', { known: taken.types.join(' or '), type: shown(type) });
    }
    return null;
  };
}

export function methodNotAllowed(method: string, path: string, allow: string): TributaryError {
  return new TributaryError('METHOD_NOT_ALLOWED', { path: documentedPath(path), method, allowed: allow });
}

function allowed(here: readonly Taken[]): string {
  const methods = new Set(here.map(({ method }) => method));
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].sort().join(', ');
}

function described(app: Router): readonly Taken[] {
  return app.openAPIRegistry.definitions.flatMap((definition) => {
    if (definition.type !== 'route') return [];
    const { path, method, request } = definition.route;
    const types = request?.body === undefined ? null : Object.keys(request.body.content);
    const pattern = new RegExp(`^${path.replaceAll(/[.~]/g, '\\$&').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
    return [{ pattern, method: method.toUpperCase(), types }];
  });
}

function shown(type: string): string {
  return type.replaceAll(/[^\w./+-]/g, '?').slice(0, 80);
}
