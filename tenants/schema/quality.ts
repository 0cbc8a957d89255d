import { z } from 'zod';
import { durationSchema } from './duration.ts';

const column = z
  .string()
  .min(1)
  .meta({ title: 'Column', description: 'Column as the warehouse spells it.', examples: ['id'] });
const test = <T extends string>(name: T, description: string) =>
  z.literal(name).meta({ title: 'Test', description, examples: [name] });
const bound = z.union([z.number(), z.string().min(1)]).optional();

/** A test of the staged rows, before anything is visible. */
export const qualitySchema = z
  .discriminatedUnion('test', [
    z.strictObject({ test: test('unique', 'No value twice.'), column }),
    z.strictObject({ test: test('not_null', 'No NULL.'), column }),
    z.strictObject({
      test: test('accepted_values', 'Nothing but these values; NULL passes.'),
      column,
      values: z
        .array(z.union([z.string(), z.number(), z.boolean()]))
        .min(1)
        .meta({ title: 'Values', description: 'The values accepted.', examples: [['new', 'paid', 'sent']] }),
    }),
    z.strictObject({
      test: test('range', 'Between two bounds, both included; NULL passes.'),
      column,
      min: bound.meta({ title: 'Least', description: 'A number, or a date or time as text.', examples: [0] }),
      max: bound.meta({ title: 'Most', description: 'A number, or a date or time as text.', examples: [100] }),
    }),
    z.strictObject({
      test: test('freshness', 'The newest value is not older than this.'),
      column,
      within: durationSchema.meta({ title: 'Within', description: 'Largest age.', examples: ['2h'] }),
    }),
    z.strictObject({
      test: test('row_count', 'Rows of the run.'),
      min: z
        .int()
        .min(0)
        .optional()
        .meta({ title: 'Least', description: 'Fewest rows.', examples: [1] }),
      max: z
        .int()
        .min(0)
        .optional()
        .meta({ title: 'Most', description: 'Most rows.', examples: [1_000_000] }),
    }),
  ])
  .meta({ title: 'Quality test', description: 'Runs on staged rows, before anything is visible.' });

export type QualitySpec = z.infer<typeof qualitySchema>;
