import { z } from 'zod';

/** Where and how wide a run is executed. */
export const executionSchema = z
  .strictObject({
    mode: z
      .enum(['auto', 'cloud_run', 'dataflow'])
      .default('auto')
      .meta({
        title: 'Mode',
        description:
          'auto decides by the estimated rows and, once there are any, by the figures of earlier runs; dataflow fails where it cannot be.',
        examples: ['auto'],
      }),
    dataflowAtRows: z
      .int()
      .min(1)
      .default(1_000_000)
      .meta({
        title: 'Dataflow from',
        description:
          'Estimated rows from which auto picks Dataflow, unless earlier runs say that one machine ends sooner.',
        examples: [1_000_000],
      }),
    tasks: z
      .int()
      .min(1)
      .max(100)
      .default(1)
      .meta({
        title: 'Tasks',
        description:
          'Tasks of the Cloud Run job that share one read, where the source can be divided and Dataflow does not read it; fewer for few rows.',
        examples: [8],
      }),
    maxWorkers: z
      .int()
      .min(1)
      .max(100)
      .default(8)
      .meta({
        title: 'Workers of Dataflow',
        description: 'Machines of a Dataflow job at the same time, at most.',
        examples: [8],
      }),
    maxCostUsd: z
      .number()
      .positive()
      .optional()
      .meta({
        title: 'Cap on the cost of Dataflow',
        description:
          'US dollars. Where a Dataflow job is predicted to cost more it is not started; one that comes to cost more is cancelled with nothing committed.',
        examples: [5],
      }),
    readers: z
      .int()
      .min(1)
      .max(16)
      .default(1)
      .meta({
        title: 'Readers',
        description: 'Connections that read one source at the same time, in one snapshot.',
        examples: [4],
      }),
    firestoreExport: z
      .boolean()
      .default(false)
      .meta({
        title: 'Managed export of Firestore',
        description:
          'Full loads into BigQuery take the managed export of Firestore where it gives exactly the rows that a read gives, else they read.',
        examples: [true],
      }),
    maxBytesBilled: z
      .int()
      .min(1)
      .optional()
      .meta({
        title: 'Cap on bytes billed',
        description: 'A run whose commit would be billed more bytes stops before it changes anything.',
        examples: [100_000_000_000],
      }),
  })
  .meta({ title: 'Execution', description: 'Where and how wide a run is executed.' });

export type ExecutionSpec = z.infer<typeof executionSchema>;
