import { z } from 'zod';
import { projectSchema } from '../scalars.ts';

/** What a source of this connection may name. */
export const gcsReads = ['files'] as const;

export const gcsConnection = z
  .strictObject({
    kind: z.literal('gcs').meta({ description: 'Cloud Storage.', examples: ['gcs'] }),
    bucket: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/, 'must be the name of a bucket alone, without gs:// and path')
      .meta({ title: 'Bucket', description: 'Bucket the files land in.', examples: ['acme-landing'] }),
    project: projectSchema.optional().meta({
      title: 'Project',
      description: "Project that owns the bucket; in the tenant's own the stack grants access by itself.",
      examples: ['acme-data-prod'],
    }),
  })
  .meta({ title: 'Cloud Storage', description: 'Files in a bucket of Google Cloud.' });
