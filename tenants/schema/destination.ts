import { z } from 'zod';
import { durationSchema } from './duration.ts';

/** A dataset as BigQuery takes its name. */
export const datasetName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_]{0,199}$/, 'must be letters, digits and _, not starting with _');

/** A table, with room for what is put behind its name. */
export const tableName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_]{0,249}$/, 'must be letters, digits and _, not starting with _ (250 at most)');

/** Where rows land. Both names have defaults, see `destinationOf` in naming.ts. */
export const destinationSchema = z
  .strictObject({
    dataset: datasetName
      .optional()
      .meta({ title: 'Dataset', description: 'Default: <tenant>_raw.', examples: ['acme_raw'] }),
    table: tableName
      .optional()
      .meta({ title: 'Table', description: 'Default: the name of the source.', examples: ['orders'] }),
    partitionBy: z
      .strictObject({
        column: z
          .string()
          .min(1)
          .meta({
            title: 'Column',
            description: 'A date or time, as the warehouse spells it.',
            examples: ['created_at'],
          }),
        by: z
          .enum(['hour', 'day', 'month', 'year'])
          .default('day')
          .meta({ title: 'By', description: 'Width of a partition.', examples: ['day'] }),
      })
      .optional()
      .meta({
        title: 'Partition by',
        description: 'Partitioning of the table.',
        examples: [{ column: 'created_at', by: 'day' }],
      }),
    clusterBy: z
      .array(z.string().min(1))
      .max(4, 'may hold four columns at most')
      .default([])
      .meta({
        title: 'Cluster by',
        description: 'Up to four columns, as the warehouse spells them.',
        examples: [['id']],
      }),
    requirePartitionFilter: z
      .boolean()
      .default(false)
      .meta({
        title: 'Require a partition filter',
        description: 'A query that names no partition is refused, so that nobody reads the whole table by accident.',
        examples: [true],
      }),
    partitionExpiration: durationSchema.optional().meta({
      title: 'Partitions expire',
      description: 'How long after its own date a partition is kept; then BigQuery drops it with its rows.',
      examples: ['730d'],
    }),
    description: z
      .string()
      .min(1)
      .max(16_384)
      .optional()
      .meta({
        title: 'Description',
        description: 'What the table is about. Default: the comment that it has at its source.',
        examples: ['Orders of the web shop, one row an order.'],
      }),
    labels: z
      .record(
        z
          .string()
          .regex(
            /^[a-z][a-z0-9_-]{0,62}$/,
            'must start with a small letter and hold only small letters, digits, - and _ (63 at most)',
          ),
        z
          .string()
          .regex(/^[a-z0-9_-]{0,63}$/, 'must be small letters, digits, - and _ (63 at most)')
          .meta({ examples: ['internal'] }),
      )
      .default({})
      .meta({
        title: 'Labels',
        description: 'Labels of the table, beside those that every resource of the tenant has.',
        examples: [{ sensitivity: 'internal' }],
      }),
  })
  .meta({ title: 'Destination', description: 'Where rows land.' });

export type DestinationSpec = z.infer<typeof destinationSchema>;
