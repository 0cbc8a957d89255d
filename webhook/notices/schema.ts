/** A notice on the wire, as zod and as JSON Schema; held to the contract by the compiler. */
import { z } from '@hono/zod-openapi';
import type { Code } from '../../runner/core/catalogue.ts';
import type { Notice, NoticeType } from '../../runner/core/contracts/notice.ts';

export const NOTICE_TYPES = [
  'run.started',
  'run.succeeded',
  'run.failed',
  'run.refused',
  'run.interrupted',
  'run.landed',
  'schedule.missed',
] as const satisfies readonly NoticeType[];

/** Types that say that somebody should look. */
export const TROUBLES: readonly NoticeType[] = ['run.failed', 'run.refused', 'run.interrupted', 'schedule.missed'];

/** Which codes there are is the runner's to say: it may be newer than the webhook that it reports to. */
export const codeSchema = z.string().regex(/^[A-Z][A-Z0-9_]{2,63}$/) as unknown as z.ZodType<Code>;

const problemSchema = z.looseObject({
  code: codeSchema.describe('Permanent; docs/errors.md explains each.'),
  title: z.string(),
  detail: z.string().describe('What happened and why.'),
  fix: z.string().describe('What to do, as a command or a sentence.'),
  origin: z.enum(['tenant', 'source', 'warehouse', 'platform']).describe('Who has to act.'),
  retryable: z.boolean().describe('Whether the same run may succeed when simply repeated.'),
});

export const noticeSchema = z.looseObject({
  schemaVersion: z.literal(1).describe('Raised when a field changes its meaning or goes; a new field raises nothing.'),
  id: z.string().describe('Of the occurrence: it may be delivered twice, under one id.'),
  type: z.enum(NOTICE_TYPES),
  time: z.iso.datetime().describe('When it happened, UTC.'),
  tenant: z.string(),
  source: z.string().describe('Empty for what concerns no source.'),
  runId: z.string().nullable(),
  summary: z.record(z.string(), z.unknown()).describe('What `run --json` prints; empty before its end.'),
  problem: problemSchema.nullable().describe('An entry of docs/errors.md; null where nothing went wrong.'),
  dataState: z.string().describe('What became of the data, in a sentence.'),
  link: z.string().nullable().describe('The run in the API.'),
}) satisfies z.ZodType<Notice>;

/** docs/notice.schema.json */
export function noticeJsonSchema(): object {
  return {
    ...z.toJSONSchema(noticeSchema),
    title: 'Notice',
    description: 'Something that happened to a run. Written by `npm run generate`.',
  };
}
