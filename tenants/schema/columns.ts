import { z } from 'zod';
import { columnSchema } from './scalars.ts';
import { TYPE_NAMES, typeSchema } from './types.ts';

const maskSchema = z.preprocess(
  (value) => (value === null ? 'null' : value),
  z.enum(['hmac-sha256', 'sha256', 'redact', 'null']),
);

/** Which columns travel and what they become. Every key is a column as the source spells it. */
export const columnsSchema = z
  .strictObject({
    include: z
      .array(columnSchema)
      .min(1)
      .optional()
      .meta({
        title: 'Only these',
        description: 'Columns that travel; absent: all of them, new ones too.',
        examples: [['id', 'status']],
      }),
    exclude: z
      .array(columnSchema)
      .default([])
      .meta({
        title: 'Not these',
        description: 'Columns that are never read from the source.',
        examples: [['ssn']],
      }),
    rename: z
      .record(
        columnSchema,
        z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]{0,299}$/, 'must be letters, digits and _, not starting with a digit')
          .meta({ examples: ['customer_id'] }),
      )
      .default({})
      .meta({
        title: 'Rename',
        description: 'Name in the source: name in the warehouse.',
        examples: [{ cust: 'customer_id' }],
      }),
    types: z
      .record(columnSchema, typeSchema.meta({ examples: ['NUMERIC(12,2)'] }))
      .default({})
      .meta({
        title: 'Types',
        description: `Override of the mapped type: ${TYPE_NAMES.join(', ')}, NUMERIC(p,s), ARRAY<type>.`,
        examples: [{ price: 'NUMERIC' }],
      }),
    mask: z
      .record(
        columnSchema,
        maskSchema.meta({
          type: ['string', 'null'],
          enum: ['hmac-sha256', 'sha256', 'redact', 'null', null],
          examples: ['hmac-sha256'],
        }),
      )
      .default({})
      .meta({
        title: 'Mask',
        description: 'Applied before the data leaves the runner; hmac-sha256 uses the secret `mask-key` of the tenant.',
        examples: [{ email: 'hmac-sha256' }],
      }),
    unrepresentable: z
      .record(columnSchema, z.enum(['quarantine', 'nullify']).meta({ examples: ['nullify'] }))
      .default({})
      .meta({
        title: 'Values no type can hold',
        description:
          'Infinity, years past 9999, zero dates: the row is quarantined, or the value becomes a counted NULL.',
        examples: [{ valid_until: 'nullify' }],
      }),
  })
  .meta({ title: 'Columns', description: 'Which columns travel and what they become.' });

export type ColumnsSpec = z.infer<typeof columnsSchema>;
export type Mask = ColumnsSpec['mask'][string];
