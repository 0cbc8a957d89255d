import { z } from 'zod';
import { secretNameSchema } from '../scalars.ts';

/** What a source of this connection may name. */
export const s3Reads = ['files'] as const;

export const s3Connection = z
  .strictObject({
    kind: z.literal('s3').meta({ description: 'Amazon S3 or a compatible store.', examples: ['s3'] }),
    bucket: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket alone, without s3:// and path')
      .meta({ title: 'Bucket', description: 'Bucket the files land in.', examples: ['partner-drop'] }),
    region: z
      .string()
      .regex(/^[a-z0-9-]+$/, 'must be the id of a region')
      .meta({ title: 'Region', description: 'Region of the bucket.', examples: ['eu-west-1'] }),
    /** Keyless: a role that trusts the tenant's runner. Either this, or `accessKeyId` with `secret`. */
    role: z
      .string()
      .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/, 'must be the ARN of a role')
      .optional()
      .meta({
        title: 'Role',
        description: 'Role to assume with the identity of the runner; no key is kept.',
        examples: ['arn:aws:iam::123456789012:role/tributary-acme'],
      }),
    accessKeyId: z
      .string()
      .regex(/^[A-Za-z0-9_-]{3,128}$/, 'must be the id of an access key')
      .optional()
      .meta({
        title: 'Access key id',
        description: 'Id of a key; its secret half is named by `secret`.',
        examples: ['AKIAIOSFODNN7EXAMPLE'],
      }),
    secret: secretNameSchema.optional().meta({
      title: 'Secret',
      description: 'Name of the secret that holds the secret access key.',
      examples: ['partner-key'],
    }),
    endpoint: z
      .url('must be a URL')
      .optional()
      .meta({
        title: 'Endpoint',
        description: 'Address of a compatible store; absent for Amazon.',
        examples: ['https://s3.partner.example'],
      }),
  })
  .meta({ title: 'Amazon S3', description: 'Files in a bucket of Amazon S3 or a compatible store.' });
