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
    dataset: z
      .string()
      .regex(/^[A-Za-z0-9_]{1,1024}$/, 'must be letters, digits and _')
      .optional()
      .meta({
        title: 'Dataset',
        description: 'The one dataset that is listed by discover; a source may name tables of others too.',
        examples: ['stackoverflow'],
      }),
  })
  .meta({ title: 'BigQuery', description: 'Tables of another project, or public ones.' });
