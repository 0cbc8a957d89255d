import { z } from 'zod';

const TABLE = /^[A-Za-z0-9][A-Za-z0-9_]{0,249}$/;

/** Where rows land. Both names have defaults, see `destinationOf` in naming.ts. */
export const destinationSchema = z
  .strictObject({
    dataset: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_]{0,199}$/, 'must be letters, digits and _, not starting with _')
      .optional()
      .meta({ title: 'Dataset', description: 'Default: <tenant>_raw.', examples: ['acme_raw'] }),
    table: z
      .string()
      .regex(TABLE, 'must be letters, digits and _, not starting with _ (250 at most)')
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
  })
  .meta({ title: 'Destination', description: 'Where rows land.' });

export type DestinationSpec = z.infer<typeof destinationSchema>;
