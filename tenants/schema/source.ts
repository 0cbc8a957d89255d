import { z } from 'zod';
import { columnsSchema } from './columns.ts';
import { READS } from './connection.ts';
import { contractSchema, quarantineSchema } from './contract.ts';
import { destinationSchema } from './destination.ts';
import { executionSchema } from './execution.ts';
import { filesSchema } from './files.ts';
import { loadSchema } from './loading.ts';
import { qualitySchema } from './quality.ts';
import { queryProblem } from './query.ts';
import { scheduleSchema } from './schedule.ts';

/** One table of the warehouse and where it comes from. Exactly one of {@link READS} says what is read. */
export const sourceSchema = z
  .strictObject({
    connection: z
      .string()
      .min(1)
      .meta({ title: 'Connection', description: 'Name of an entry of `connections`.', examples: ['shop'] }),
    table: z
      .string()
      .regex(/^\S(?:.*\S)?$/, 'must name a table')
      .optional()
      .meta({ title: 'Table', description: 'Table or view, with its schema or dataset.', examples: ['public.orders'] }),
    query: z
      .string()
      .superRefine((query, context) => {
        const problem = queryProblem(query);
        if (problem !== null) context.addIssue({ code: 'custom', message: problem });
      })
      .optional()
      .meta({ title: 'Query', description: 'One reading SELECT or WITH.', examples: ['SELECT id, total FROM orders'] }),
    collection: z
      .string()
      .regex(/^[^/]+(?:\/[^/]+\/[^/]+)*$/, 'must be the path of a collection: an odd number of parts')
      .optional()
      .meta({ title: 'Collection', description: 'Firestore collection.', examples: ['products'] }),
    collectionGroup: z
      .string()
      .regex(/^[^/]+$/, 'must be the id of a collection, without /')
      .optional()
      .meta({
        title: 'Collection group',
        description: 'Every Firestore collection with this id.',
        examples: ['reviews'],
      }),
    files: filesSchema.optional().meta({
      title: 'Files',
      description: 'Objects of a bucket or container.',
      examples: [{ prefix: 'daily/', match: '*.csv.gz', format: 'csv' }],
    }),
    columns: columnsSchema
      .prefault({})
      .meta({ title: 'Columns', description: 'Which columns travel and what they become.' }),
    load: loadSchema.meta({
      title: 'Load',
      description: 'How rows reach the table.',
      examples: [{ strategy: 'catalog' }],
    }),
    schedule: scheduleSchema.optional().meta({
      title: 'Schedule',
      description: 'When the source runs by itself; absent: only when asked.',
      examples: [{ cron: '*/15 * * * *', timeZone: 'Europe/Warsaw' }],
    }),
    execution: executionSchema
      .prefault({})
      .meta({ title: 'Execution', description: 'Where and how wide a run is executed.' }),
    contract: contractSchema
      .prefault({})
      .meta({ title: 'Contract', description: 'What a change of the source may do to the table.' }),
    quality: z
      .array(qualitySchema)
      .default([])
      .meta({
        title: 'Quality',
        description: 'Tests of the staged rows; one that fails stops the run with nothing committed.',
        examples: [[{ column: 'id', test: 'unique' }]],
      }),
    quarantine: quarantineSchema
      .prefault({})
      .meta({ title: 'Quarantine', description: 'How many rows may be rejected before the run fails.' }),
    destination: destinationSchema.prefault({}).meta({ title: 'Destination', description: 'Where rows land.' }),
    after: z
      .strictObject({
        publish: z
          .boolean()
          .default(false)
          .meta({
            title: 'Publish',
            description: 'Sends a "rows landed" event to the topic of the tenant.',
            examples: [true],
          }),
      })
      .prefault({})
      .meta({ title: 'After', description: 'What follows a committed run.' }),
  })
  .meta({
    title: 'Source',
    description: `One table and where it comes from; exactly one of ${READS.join(', ')}.`,
    oneOf: READS.map((key) => ({ required: [key] })),
  });

export type SourceSpec = z.infer<typeof sourceSchema>;
