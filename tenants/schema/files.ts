import { z } from 'zod';
import { durationSchema } from './duration.ts';

const where = {
  prefix: z
    .string()
    .default('')
    .meta({ title: 'Prefix', description: 'Beginning of the object names to list.', examples: ['daily/'] }),
  match: z
    .string()
    .min(1)
    .default('*')
    .meta({
      title: 'Match',
      description:
        'Pattern the rest of the name must fit: * within a folder, ** across folders, ? one character, {a,b}, [0-9].',
      examples: ['*.csv.gz'],
    }),
  settleFor: durationSchema.default('0s').meta({
    title: 'Settle for',
    description: 'An object younger than this is left for the next run: whoever writes it may replace it once more.',
    examples: ['5m'],
  }),
  overlap: durationSchema.default('7d').meta({
    title: 'Overlap',
    description:
      'How far back an incremental run compares the list with what was loaded: some stores date an object by the start of its upload.',
    examples: ['7d'],
  }),
  hive: z
    .boolean()
    .default(false)
    .meta({
      title: 'Hive partitions',
      description: 'Folders like year=2026 become columns.',
      examples: [true],
    }),
};
const format = <T extends string>(name: T, description: string) =>
  z.literal(name).meta({ title: 'Format', description, examples: [name] });

const csvSchema = z
  .strictObject({
    delimiter: z
      .string()
      .length(1, 'must be one character')
      .default(',')
      .meta({ title: 'Delimiter', description: 'Between two fields.', examples: [';'] }),
    quote: z
      .string()
      .length(1, 'must be one character')
      .default('"')
      .meta({ title: 'Quote', description: 'Around a field.', examples: ['"'] }),
    escape: z
      .string()
      .length(1, 'must be one character')
      .optional()
      .meta({
        title: 'Escape',
        description: 'Takes the meaning from a quote inside quotes; absent: a quote is written twice.',
        examples: ['\\'],
      }),
    skipRows: z
      .int()
      .min(0)
      .max(1000)
      .default(0)
      .meta({ title: 'Skipped rows', description: 'Lines before the header, or before the first row.', examples: [2] }),
    header: z
      .boolean()
      .default(true)
      .meta({ title: 'Header', description: 'The first row holds the names.', examples: [true] }),
    encoding: z
      .enum(['UTF-8', 'UTF-16LE', 'UTF-16BE', 'ISO-8859-1', 'ISO-8859-2', 'windows-1250', 'windows-1252'])
      .default('UTF-8')
      .meta({ title: 'Encoding', description: 'Of the text.', examples: ['UTF-8'] }),
    nullText: z
      .string()
      .default('')
      .meta({ title: 'NULL', description: 'Unquoted text that means NULL.', examples: ['\\N'] }),
  })
  .meta({ title: 'CSV', description: 'How the text is cut into fields.' });

/** Which objects are read and how. Compression follows the ending of the name. */
export const filesSchema = z
  .discriminatedUnion('format', [
    z.strictObject({
      ...where,
      format: format('csv', 'Delimited text.'),
      csv: csvSchema.prefault({}).meta({ title: 'CSV', description: 'How the text is cut into fields.' }),
    }),
    z.strictObject({ ...where, format: format('parquet', 'Parquet.') }),
    z.strictObject({ ...where, format: format('json', 'One object a line, or one array of objects.') }),
  ])
  .meta({
    title: 'Files',
    description: 'Which objects are read and how; compression follows the ending of the name.',
    examples: [{ prefix: 'daily/', match: '*.csv.gz', format: 'csv' }],
  });

export type FilesSpec = z.infer<typeof filesSchema>;
export type CsvSpec = z.infer<typeof csvSchema>;
