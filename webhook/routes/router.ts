/** A router whose refusals are problem documents. */
import { OpenAPIHono, type z } from '@hono/zod-openapi';
import type { AppEnv } from '../dependencies.ts';
import { type FieldError, type RequestProblem, requestInvalid } from '../problem.ts';

export type Router = OpenAPIHono<AppEnv>;

/** `POST …/connections:test`: Hono would take `:test` for a parameter, so inside it is written `~test`. */
export function verbPath(path: string): string {
  return path.replace(/(\/[a-z]+):([a-z]+)$/, '$1~$2');
}

export function documentedPath(path: string): string {
  return path.replace(/(\/[a-z]+)~([a-z]+)$/, '$1:$2');
}

export function router(): Router {
  return new OpenAPIHono<AppEnv>({
    getPath: (request) => verbPath(new URL(request.url).pathname),
    defaultHook: (result) => {
      if (!result.success) throw invalid(result.target, result.error.issues);
    },
  });
}

function invalid(target: string, issues: readonly z.core.$ZodIssue[]): RequestProblem {
  const fields = issues.slice(0, 100).map(
    ({ path, message }): FieldError => ({
      pointer: target === 'json' ? pointer(path) : String(path[0] ?? target),
      detail: message,
    }),
  );
  const where = target === 'json' ? 'The body' : `A value of the ${target}`;
  return requestInvalid(`${where} is not as described`, fields);
}

/** RFC 6901. */
export function pointer(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
