import { z } from 'zod';
import { durationSchema } from './duration.ts';

const clockSchema = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day as 22:00');

/** When a database may be read, each day the same. */
const hoursSchema = z
  .strictObject({
    from: clockSchema.meta({ title: 'From', description: 'Runs may begin from then on.', examples: ['22:00'] }),
    to: clockSchema.meta({
      title: 'To',
      description: 'No run begins from then on; one that goes on is not stopped. Before `from`: of the next day.',
      examples: ['06:00'],
    }),
    timeZone: z
      .string()
      .default('UTC')
      .meta({ title: 'Time zone', description: 'IANA name the times are read in.', examples: ['Europe/Warsaw'] }),
  })
  .refine(({ from, to }) => from !== to, { path: ['to'], message: 'must be another time than from' });

/** What a database server is spared. */
export const protectSchema = z
  .strictObject({
    connections: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .meta({
        title: 'Connections',
        description:
          'Connections that read at the same time in one run, over readers, tasks and workers of Dataflow; one more holds the snapshot they share.',
        examples: [4],
      }),
    statementTimeout: durationSchema.optional().meta({
      title: 'Statement timeout',
      description: 'The server ends a statement of a read that takes longer; the run fails with nothing committed.',
      examples: ['30m'],
    }),
    hours: hoursSchema.optional().meta({
      title: 'Hours',
      description:
        'Runs begin within these hours only; at others they are refused before the server is asked anything.',
      examples: [{ from: '22:00', to: '06:00', timeZone: 'Europe/Warsaw' }],
    }),
  })
  .meta({
    title: 'Protect',
    description: 'What runs may ask of the server, whoever starts them and wherever they run.',
  });

export type ProtectSpec = z.infer<typeof protectSchema>;
export type HoursSpec = z.infer<typeof hoursSchema>;
