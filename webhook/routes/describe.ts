/** The parts that the descriptions of many routes share. */
import { z } from '@hono/zod-openapi';
import { PROBLEM_TYPE } from '../problem.ts';
import { entryName, problemDocumentSchema, runIdSchema, runRecordSchema, tenantName } from './schemas.ts';

const WORDS = {
  400: 'The body is no JSON',
  401: 'Nobody proved who they are',
  403: 'Not allowed',
  404: 'There is no such thing, or the caller may not see it',
  409: 'The state of things is against it',
  412: 'Somebody else changed it in the meantime',
  413: 'The body is too large',
  415: 'The body is of another type',
  422: 'The request is not valid',
  428: 'If-Match is missing',
  429: 'Too many requests',
  500: 'Something went wrong inside',
  501: 'Not done here',
  503: 'Something behind it does not answer; the same request may succeed later',
} as const;

type Described = Record<
  number,
  { description: string; content: { [PROBLEM_TYPE]: { schema: typeof problemDocumentSchema } } }
>;

/** What every route behind the authentication may answer, and these. */
export function problems(...more: readonly (keyof typeof WORDS)[]): Described {
  const statuses = [401, 403, 429, 500, 503, ...more] as const;
  return Object.fromEntries(
    statuses
      .toSorted()
      .map((status) => [
        status,
        { description: WORDS[status], content: { [PROBLEM_TYPE]: { schema: problemDocumentSchema } } },
      ]),
  );
}

export const secured = [{ oidc: [] }, { iap: [] }];

export const etagHeader = z.object({
  etag: z.string().openapi({ description: 'Version; send it as If-Match with a change.', examples: ['"9f86d081"'] }),
});

export const json = <T extends z.ZodType>(description: string, schema: T) => ({
  description,
  content: { 'application/json': { schema } },
});

export const body = <T extends z.ZodType>(schema: T) => ({
  content: { 'application/json': { schema } },
  required: true,
});

export const tenantParam = z.object({ tenant: tenantName });
export const sourceParam = z.object({ tenant: tenantName, source: entryName });
export const connectionParam = z.object({ tenant: tenantName, connection: entryName });
export const runParam = z.object({ run: runIdSchema });

/** A run was accepted; `Location` is its address. */
export const acceptedRun = {
  description: 'Accepted: the run; follow it at Location.',
  content: { 'application/json': { schema: runRecordSchema } },
  headers: z.object({ location: z.string().openapi({ examples: ['/v1/runs/20261124t090000_1f2e3d4c'] }) }),
};

export const idempotencyKey = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .regex(/^[\x21-\x7e]+$/)
    .optional()
    .openapi({ description: 'The same key by the same caller is the same run.' }),
});
