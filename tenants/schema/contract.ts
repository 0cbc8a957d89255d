import { z } from 'zod';
import { ratioSchema } from './scalars.ts';

/** What a change of the source's schema may do to the table. */
export const contractSchema = z
  .strictObject({
    columns: z
      .enum(['evolve', 'freeze', 'discard'])
      .default('evolve')
      .meta({
        title: 'New columns',
        description: 'evolve adds them, freeze fails the run, discard leaves them out.',
        examples: ['evolve'],
      }),
    types: z
      .enum(['widen', 'freeze'])
      .default('widen')
      .meta({
        title: 'Changed types',
        description: 'widen follows to a type that holds every value, freeze fails the run.',
        examples: ['widen'],
      }),
  })
  .meta({ title: 'Contract', description: 'What a change of the source may do to the table.' });

/** How many rows may be rejected before the run fails with nothing committed. */
export const quarantineSchema = z
  .strictObject({
    maxRows: z
      .int()
      .min(0)
      .default(1000)
      .meta({ title: 'Rows', description: 'Most rows rejected in one run.', examples: [1000] }),
    maxRatio: ratioSchema
      .default(0.01)
      .meta({ title: 'Share', description: 'Largest share of the rows rejected in one run.', examples: [0.01] }),
  })
  .meta({ title: 'Quarantine', description: 'Rows that fit no column are set aside; above this the run fails.' });

export type ContractSpec = z.infer<typeof contractSchema>;
export type QuarantineSpec = z.infer<typeof quarantineSchema>;
