import { z } from 'zod';
import { projectSchema } from '../scalars.ts';

/** What a source of this connection may name. */
export const firestoreReads = ['collection', 'collectionGroup'] as const;

export const firestoreConnection = z
  .strictObject({
    kind: z.literal('firestore').meta({ description: 'Firestore in native mode.', examples: ['firestore'] }),
    project: projectSchema.meta({
      title: 'Project',
      description: 'Project that owns the database.',
      examples: ['acme-app'],
    }),
    database: z
      .string()
      .regex(/^\(default\)$|^[a-z][a-z0-9-]{2,61}[a-z0-9]$/, 'must be (default) or the id of a database')
      .default('(default)')
      .meta({ title: 'Database', description: 'Database id.', examples: ['(default)'] }),
  })
  .meta({ title: 'Firestore', description: 'Collections of documents.' });
