/** Versions of what is configured: ETag, If-Match, If-None-Match (RFC 9110). Strong only. */
import { createHash } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import { TributaryError } from '../../runner/core/errors.ts';

/** `If-Match` names what is changed; `If-None-Match: *` says that there is nothing yet. */
export interface Condition {
  readonly match: readonly string[] | 'any' | null;
  readonly none: boolean;
}

export const conditionHeaders = z.object({
  'if-match': z
    .string()
    .max(1024)
    .optional()
    .openapi({ description: 'ETag of the version that is changed.', examples: ['"9f86d081"'] }),
  'if-none-match': z
    .string()
    .max(1024)
    .optional()
    .openapi({ description: '* where there is nothing yet.', examples: ['*'] }),
});

export const matchHeader = conditionHeaders.pick({ 'if-match': true });
export const readHeaders = z.object({
  'if-none-match': z.string().max(1024).optional().describe('ETag of the version one has: 304 where it still is.'),
});

export function quoted(etag: string): string {
  return `"${etag.replaceAll(/[^\x21\x23-\x7e]/g, '')}"`;
}

/** Of a part of a document, whatever the order of its keys. */
export function etagOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(value, (_, part) => sortedKeys(part)))
    .digest('base64url')
    .slice(0, 22);
}

function sortedKeys(part: unknown): unknown {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
  return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** @throws PRECONDITION_REQUIRED where the request says nothing */
export function conditionOf(headers: {
  'if-match'?: string | undefined;
  'if-none-match'?: string | undefined;
}): Condition {
  const { 'if-match': match, 'if-none-match': none } = headers;
  if (match !== undefined) return { match: match.trim() === '*' ? 'any' : listed(match), none: false };
  if (none?.trim() === '*') return { match: null, none: true };
  throw new TributaryError('PRECONDITION_REQUIRED');
}

/** @throws TENANT_CHANGED where what is there is not what the request was made for */
export function hold({ match, none }: Condition, etag: string | null, tenant: string): void {
  const holds = none ? etag === null : etag !== null && (match === 'any' || (match?.includes(quoted(etag)) ?? false));
  if (!holds) throw new TributaryError('TENANT_CHANGED', { tenant });
}

/** Whether the reader has this version. */
export function isSame(said: string | undefined, etag: string): boolean {
  return said !== undefined && (said.trim() === '*' || listed(said.replaceAll('W/"', '"')).includes(quoted(etag)));
}

function listed(header: string): readonly string[] {
  return header.match(/(?<!W\/)"[\x21\x23-\x7e]*"/g) ?? [];
}
