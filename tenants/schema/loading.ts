import { z } from 'zod';
import { durationSchema } from './duration.ts';
import { columnSchema, ratioSchema } from './scalars.ts';

/** Incremental: the rows of a window, or the files not loaded yet. */
export const transactionalSchema = z
  .strictObject({
    strategy: z
      .literal('transactional')
      .meta({ description: 'Incremental: only what is new.', examples: ['transactional'] }),
    mode: z.enum(['append', 'merge']).meta({
      title: 'Mode',
      description: 'append adds the rows of the window once; merge updates or inserts by `key`.',
      examples: ['merge'],
    }),
    key: z
      .array(columnSchema)
      .min(1, 'must name at least one column')
      .optional()
      .meta({
        title: 'Key',
        description: 'Columns that identify a row, as the source spells them; merge needs it.',
        examples: [['id']],
      }),
    cursor: columnSchema.optional().meta({
      title: 'Cursor',
      description: 'Column that only grows: a time of change or a sequence. Files need none.',
      examples: ['updated_at'],
    }),
    cursorNulls: z
      .enum(['include', 'skip', 'fail'])
      .default('include')
      .meta({ title: 'NULL in the cursor', description: 'What happens to such rows.', examples: ['include'] }),
    lookback: durationSchema.default('0s').meta({
      title: 'Look back',
      description: 'How far before the last cursor a run reads again.',
      examples: ['10m'],
    }),
    lag: durationSchema.default('60s').meta({
      title: 'Safety lag',
      description: 'How far behind its clock a window ends where the source cannot prove that no writer is in flight.',
      examples: ['60s'],
    }),
    deletes: z
      .enum(['ignore', 'soft', 'hard'])
      .default('ignore')
      .meta({
        title: 'Deleted rows',
        description: 'soft sets _deleted_at, hard deletes; both compare the keys of source and destination.',
        examples: ['soft'],
      }),
    maxDeleteRatio: ratioSchema.default(0.2).meta({
      title: 'Cap on deletes',
      description: 'A run that would delete a larger share of the table stops.',
      examples: [0.2],
    }),
  })
  .meta({ title: 'Transactional', description: 'Incremental: only what is new.' });

/** Snapshot: everything, every time. */
export const catalogSchema = z
  .strictObject({
    strategy: z.literal('catalog').meta({ description: 'Snapshot: everything, every time.', examples: ['catalog'] }),
    history: z
      .enum(['daily', 'replace'])
      .default('replace')
      .meta({
        title: 'History',
        description: 'daily keeps one dated snapshot a day; replace swaps the whole table.',
        examples: ['daily'],
      }),
    shrinkRatio: ratioSchema.default(0.5).meta({
      title: 'Brake on shrinking',
      description: 'A snapshot with fewer rows than this share of the one before stops; 0 turns the brake off.',
      examples: [0.5],
    }),
  })
  .meta({ title: 'Catalog', description: 'Snapshot: everything, every time.' });

/** How rows reach the table. */
export const loadSchema = z
  .discriminatedUnion('strategy', [transactionalSchema, catalogSchema])
  .meta({ title: 'Load', description: 'How rows reach the table; `strategy` decides the other keys.' });

export type LoadSpec = z.infer<typeof loadSchema>;
export type TransactionalLoad = z.infer<typeof transactionalSchema>;
export type CatalogLoad = z.infer<typeof catalogSchema>;
