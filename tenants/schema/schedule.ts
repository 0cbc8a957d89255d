import { z } from 'zod';

/** When a source runs by itself. */
export const scheduleSchema = z
  .strictObject({
    /** Five fields: minute, hour, day of month, month, day of week. At most every five minutes. */
    cron: z
      .string()
      .min(1)
      .meta({
        title: 'Cron',
        description: 'Five fields: minute hour day month weekday; at most every five minutes.',
        examples: ['*/15 * * * *'],
      }),
    timeZone: z
      .string()
      .default('UTC')
      .meta({ title: 'Time zone', description: 'IANA name the cron is read in.', examples: ['Europe/Warsaw'] }),
    paused: z
      .boolean()
      .default(false)
      .meta({ title: 'Paused', description: 'Keeps the schedule but does not fire it.', examples: [false] }),
    overlap: z
      .enum(['skip', 'queue'])
      .default('skip')
      .meta({
        title: 'Overlap',
        description: 'A tick while a run of the source goes on: left out, or one run that starts when it ends.',
        examples: ['queue'],
      }),
  })
  .meta({ title: 'Schedule', description: 'When the source runs by itself; absent: only when asked.' });

export type ScheduleSpec = z.infer<typeof scheduleSchema>;
