import { z } from 'zod';
import { projectSchema } from '../scalars.ts';

/** What a source of this connection may name. */
export const bigqueryReads = ['table', 'query'] as const;

export const bigqueryConnection = z
  .strictObject({
    kind: z.literal('bigquery').meta({ description: 'BigQuery, also public data.', examples: ['bigquery'] }),
    project: projectSchema.meta({
      title: 'Project',
      description: 'Project that owns the data; reading is billed to the tenant.',
      examples: ['bigquery-public-data'],
    }),
    location: z
      .string()
      .min(1)
      .optional()
      .meta({
        title: 'Location',
        description: 'Where the data lives, when it is not where the tenant is.',
        examples: ['US'],
      }),
  })
  .meta({ title: 'BigQuery', description: 'Tables of another project, or public ones.' });
