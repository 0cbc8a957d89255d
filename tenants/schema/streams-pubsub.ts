import { z } from 'zod';
import { datasetName, tableName } from './destination.ts';
import { durationSchema, durationSeconds } from './duration.ts';

const DAY = 86_400;

/** A length of time in the bounds of Pub/Sub. */
function bounded(least: number, most: number, says: string) {
  return durationSchema.refine((value) => {
    const seconds = durationSeconds(value);
    return seconds >= least && seconds <= most;
  }, says);
}

const retention = bounded(DAY, 31 * DAY, 'must be 1d to 31d');

/** A column of the table that is made. */
const columnSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,299}$/, 'must be letters, digits and _, not starting with a digit')
    .meta({ title: 'Name', description: 'Key of the message and name of the column.', examples: ['user_id'] }),
  type: z
    .enum([
      ...(['STRING', 'INT64', 'FLOAT64', 'NUMERIC', 'BIGNUMERIC', 'BOOL', 'BYTES'] as const),
      ...(['DATE', 'TIME', 'DATETIME', 'TIMESTAMP', 'JSON'] as const),
    ])
    .meta({ title: 'Type', description: 'Type of BigQuery.', examples: ['STRING'] }),
  mode: z
    .enum(['NULLABLE', 'REQUIRED', 'REPEATED'])
    .default('NULLABLE')
    .meta({ title: 'Mode', description: 'Whether it may be absent, or is a list.', examples: ['NULLABLE'] }),
  description: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .meta({ title: 'Description', description: 'What it holds.', examples: ['Who clicked.'] }),
});

/** Messages that changed by a function on their way. */
const transform = z
  .strictObject({
    runs: z
      .enum(['subscription', 'dataflow'])
      .default('subscription')
      .meta({
        title: 'Runs',
        description:
          'subscription: inside Pub/Sub, function(message, metadata). dataflow: in a streaming job of Dataflow, function(json), for what Pub/Sub has no time or room for.',
        examples: ['subscription'],
      }),
    function: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'must be the name of a function')
      .meta({ title: 'Function', description: 'Name of the function in `javascript`.', examples: ['transform'] }),
    javascript: z
      .string()
      .min(1)
      .max(20_000, 'must be 20 000 characters at most')
      .meta({
        title: 'JavaScript',
        description: 'The code; it calls nothing outside.',
        examples: ['function transform(message, metadata) { return message; }'],
      }),
    maxWorkers: z
      .int()
      .min(1)
      .max(20)
      .default(2)
      .meta({ title: 'Workers', description: 'With runs: dataflow, most workers of the job.', examples: [2] }),
  })
  .meta({ title: 'Transform', description: 'A function that changes or drops messages on their way.' });

const destination = z
  .strictObject({
    dataset: datasetName
      .optional()
      .meta({ title: 'Dataset', description: 'Default: <tenant>_raw.', examples: ['acme_raw'] }),
    table: tableName
      .optional()
      .meta({ title: 'Table', description: 'Default: the name of the stream.', examples: ['clicks'] }),
    make: z
      .boolean()
      .default(true)
      .meta({
        title: 'Make',
        description: 'false: the table is there already, and messages are the columns that it has.',
        examples: [false],
      }),
  })
  .meta({ title: 'Destination', description: 'Where messages land.' });

/** Messages of a Pub/Sub topic, written by Pub/Sub itself or by a streaming job of Dataflow. */
export const pubsubStream = z
  .strictObject({
    kind: z.literal('pubsub').meta({ description: 'Messages of a topic of Pub/Sub.', examples: ['pubsub'] }),
    topic: z
      .string()
      .regex(/^projects\/[^/]+\/topics\/[^/]+$/, 'must be projects/<project>/topics/<name>')
      .optional()
      .meta({
        title: 'Topic',
        description: 'A topic that is there already; absent: one is made.',
        examples: ['projects/acme-app/topics/clicks'],
      }),
    columns: z
      .array(columnSchema)
      .min(1, 'must hold a column')
      .optional()
      .meta({
        title: 'Columns',
        description: 'Columns of the table that is made; absent: one column `data` (JSON) holds the message.',
        examples: [[{ name: 'user_id', type: 'STRING' }]],
      }),
    unknownFields: z
      .enum(['drop', 'fail'])
      .default('fail')
      .meta({
        title: 'Unknown fields',
        description: 'What becomes of a message with a key that is no column: fail sends it to the dead letters.',
        examples: ['fail'],
      }),
    writeMetadata: z
      .boolean()
      .default(true)
      .meta({
        title: 'Metadata',
        description:
          'Adds subscription_name, message_id, publish_time and attributes; message_id finds what came twice.',
        examples: [true],
      }),
    filter: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .meta({
        title: 'Filter',
        description:
          'Messages whose attributes match; the others count as delivered. A change makes a new subscription.',
        examples: ['attributes.kind = "click"'],
      }),
    ackDeadline: bounded(10, 600, 'must be 10s to 10m')
      .default('60s')
      .meta({
        title: 'Deadline',
        description: 'How long a write may take before it is tried again.',
        examples: ['60s'],
      }),
    retention: retention.default('7d').meta({
      title: 'Retention',
      description: 'How long a message waits for its table; after that it is lost.',
      examples: ['7d'],
    }),
    deadLetter: z
      .strictObject({
        attempts: z
          .int()
          .min(5)
          .max(100)
          .default(5)
          .meta({ title: 'Attempts', description: 'Tries before a message is put aside.', examples: [5] }),
        retention: retention
          .default('31d')
          .meta({ title: 'Retention', description: 'How long it is kept there.', examples: ['31d'] }),
      })
      .prefault({})
      .meta({ title: 'Dead letters', description: 'Messages that no try could write, kept for people.' }),
    transform: transform.optional().meta({
      title: 'Transform',
      description: 'A function that changes or drops messages on their way.',
      examples: [{ function: 'transform', javascript: 'function transform(message, metadata) { return message; }' }],
    }),
    destination: destination.prefault({}).meta({ title: 'Destination', description: 'Where messages land.' }),
  })
  .meta({ title: 'Pub/Sub', description: 'Messages of a topic.' });
