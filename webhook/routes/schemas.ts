/** What goes over the wire beside the configuration; held to the contracts by the compiler. */
import { z } from '@hono/zod-openapi';
import type { Origin } from '../../runner/core/catalogue.ts';
import type { RunEvent, RunRecord } from '../../runner/core/contracts/run-store.ts';
import type { Problem } from '../../runner/core/errors.ts';
import { connectionSchema, sourceSchema, tenantSchema } from '../../tenants/schema/index.ts';
import { codeSchema } from '../notices/schema.ts';

const origins = ['tenant', 'source', 'warehouse', 'platform'] as const satisfies readonly Origin[];

const problemFields = {
  title: z.string(),
  detail: z.string().describe('What happened and why.'),
  code: z
    .string()
    .describe('Permanent; docs/errors.md explains each.')
    .openapi({ examples: ['LEASE_HELD'] }),
  fix: z.string().describe('What to do, as a command or a sentence.'),
  origin: z.enum(origins).describe('Who has to act.'),
  retryable: z.boolean().describe('Whether the same request may succeed when simply repeated.'),
};

export const fieldErrorSchema = z
  .object({
    pointer: z.string().describe('JSON Pointer into the body, or the name of the parameter.'),
    detail: z.string(),
    fix: z.string().optional(),
    line: z.int().optional().describe('In the file, from 1.'),
    column: z.int().optional().describe('In the file, from 1.'),
  })
  .openapi('FieldError');

/** RFC 9457. */
export const problemDocumentSchema = z
  .object({
    type: z.string().describe('Address of the page that explains the code.'),
    status: z.int().min(400).max(599),
    ...problemFields,
    errors: z.array(fieldErrorSchema).optional().describe('Everything that is wrong, each with its place.'),
    holder: z.string().optional().describe('The run that holds the source.'),
  })
  .openapi('ProblemDocument');

export type ProblemDocument = z.infer<typeof problemDocumentSchema>;

/** The problem of a run, in its record. */
export const problemSchema = z.object(problemFields).openapi('Problem');
const reportedProblemSchema = z.object({ ...problemFields, code: codeSchema }).openapi('ReportedProblem');

const instant = (description: string) => z.iso.datetime().describe(description);

export const runIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/)
  .openapi({ examples: ['20261124t090000_1f2e3d4c'] });

export const runKinds = ['run', 'backfill', 'replay', 'test', 'discover', 'plan', 'preview', 'up'] as const;
export const runStatuses = ['queued', 'running', 'succeeded', 'failed', 'refused', 'interrupted'] as const;
const endedStatuses = ['succeeded', 'failed', 'refused', 'interrupted'] as const;
const eventTypes = ['run-start', 'step-start', 'progress', 'step-end', 'warning', 'run-end'] as const;
const steps = ['plan', 'extract', 'stage', 'load', 'check', 'commit', 'record'] as const;

export const runOrderSchema = z
  .object({
    kind: z.enum(runKinds),
    options: z.record(z.string(), z.union([z.string(), z.boolean()])),
    trigger: z.enum(['schedule', 'catch-up', 'person']),
    tick: z.string().nullable().describe('Moment of the schedule; null where a person asked.'),
    requestedBy: z.string().nullable().describe('E-mail of the caller.'),
    traceparent: z.string().nullable().describe('W3C Trace Context.'),
  })
  .openapi('RunOrder');

export const runRecordSchema = z
  .object({
    runId: z.string(),
    tenant: z.string(),
    source: z.string().describe('Empty for what concerns no source.'),
    status: z.enum(runStatuses),
    order: runOrderSchema.nullable(),
    execution: z.string().nullable().describe('How its launcher calls it; null until launched.'),
    cancelRequested: z.boolean(),
    createdAt: instant('When it was accepted.'),
    startedAt: instant('When its runner took it.'),
    endedAt: instant('').nullable().describe('Null while it goes on.'),
    summary: z.record(z.string(), z.unknown()).describe('What run --json prints; grows while the run goes on.'),
    problem: problemSchema.nullable(),
  })
  .openapi('RunRecord');

export const runPageSchema = z
  .object({
    runs: z.array(runRecordSchema).describe('Newest first.'),
    nextCursor: z.string().nullable().describe('The next page: ?cursor=; null: this was the last.'),
  })
  .openapi('RunPage');

export const runEventSchema = z
  .object({
    sequence: z.int().min(0).describe('Order within the run; the id of the event in the stream.'),
    runId: z.string(),
    at: z.string().describe('ISO 8601, UTC.'),
    type: z.enum(eventTypes),
    step: z.enum(steps).optional(),
    data: z.record(z.string(), z.unknown()).optional(),
  })
  .openapi('RunEvent');

export const eventListSchema = z.object({ events: z.array(runEventSchema) }).openapi('RunEvents');

/** What a runner reports. */
export const reportSchema = z
  .strictObject({
    execution: z.string().min(1).max(512).optional(),
    start: z.literal(true).optional().describe('A run that needs no lease begins.'),
    events: z
      .array(
        z.strictObject({
          id: z.string().min(1).max(128).describe('The same id again is not kept twice.'),
          at: z.iso.datetime(),
          type: z.enum(eventTypes),
          step: z.enum(steps).optional(),
          data: z.record(z.string(), z.unknown()).optional(),
        }),
      )
      .max(500)
      .optional(),
    end: z
      .strictObject({
        status: z.enum(endedStatuses),
        summary: z.record(z.string(), z.unknown()),
        problem: reportedProblemSchema.nullable(),
      })
      .optional()
      .describe('An ended run never changes again.'),
  })
  .openapi('RunReport');

export const leaseRequestSchema = z
  .strictObject({
    ttlMs: z.int().min(1000).max(3_600_000),
    fencingToken: z.int().min(0).optional().describe('Absent: claim; present: renew.'),
    claimant: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .describe('Random, of the process: the same claim again gets the same lease.'),
  })
  .openapi('LeaseRequest');

export const leaseSchema = z
  .object({
    tenant: z.string(),
    source: z.string(),
    runId: z.string(),
    fencingToken: z.int().describe('Grows with every lease of the source; the newest wins.'),
    expiresAt: z.string(),
    cancelRequested: z.boolean(),
  })
  .openapi('Lease');

export const sweepReportSchema = z
  .object({
    launched: z.array(z.string()),
    caughtUp: z.array(z.string()),
    abandoned: z.array(z.string()),
    announced: z.int(),
  })
  .openapi('SweepReport');

/** The configuration under its names in the description. */
export const tenantWire = tenantSchema.meta({ ...tenantSchema.meta(), id: 'Tenant' });
export const connectionWire = connectionSchema.meta({ ...connectionSchema.meta(), id: 'Connection' });
export const sourceWire = sourceSchema.meta({ ...sourceSchema.meta(), id: 'Source' });

/** Names of tenants and of what they hold, as their files spell them. */
export const tenantName = z.string().regex(/^[a-z][a-z0-9-]{1,18}$/);
export const entryName = z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/);

type Mutual<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type Loose<T> = { -readonly [K in keyof T]: T[K] };
/** A contract that goes another way than the wire does not compile. */
export const held: readonly [
  Mutual<z.infer<typeof runRecordSchema>['status'], RunRecord['status']>,
  Mutual<keyof z.infer<typeof runRecordSchema>, keyof RunRecord>,
  Mutual<NonNullable<z.infer<typeof runRecordSchema>['order']>['kind'], NonNullable<RunRecord['order']>['kind']>,
  Mutual<z.infer<typeof runEventSchema>['type'], RunEvent['type']>,
  Mutual<NonNullable<z.infer<typeof runEventSchema>['step']>, NonNullable<RunEvent['step']>>,
  Mutual<Loose<Problem>, z.infer<typeof reportedProblemSchema>>,
] = [true, true, true, true, true, true];
