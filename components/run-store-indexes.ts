/** What the run store's queries need, and what lets its old documents go. */
import type { Database } from '@pulumi/gcp/firestore/database.js';
import { Field } from '@pulumi/gcp/firestore/field.js';
import { Index } from '@pulumi/gcp/firestore/index_.js';
import type { Resource } from '@pulumi/pulumi';
import { EXPIRY_FIELD, RUN_STORE_DAYS, RUN_STORE_INDEXES } from '../tenants/run-store-layout.ts';

/** They can be made again from nothing, so nothing guards them. */
export function createRunStoreIndexes(parent: Resource, name: string, project: string, runStore: Database): Resource[] {
  const place = { project, database: runStore.name };
  const indexes = RUN_STORE_INDEXES.map(({ collection, fields }) => {
    const id = fields.map(([field]) => field.toLowerCase()).join('-');
    return new Index(
      `${name}-${collection}-by-${id}`,
      {
        ...place,
        collection,
        queryScope: 'COLLECTION',
        fields: fields.map(([fieldPath, order]) => ({ fieldPath, order })),
      },
      { parent },
    );
  });
  const expiries = Object.entries(RUN_STORE_DAYS)
    .filter(([, days]) => days !== null)
    .map(
      ([collection]) =>
        new Field(
          `${name}-${collection}-expiry`,
          // Without an index: one on a time that only grows is the slowest part of many writes, and nobody asks by it.
          { ...place, collection, field: EXPIRY_FIELD, ttlConfig: {}, indexConfig: {} },
          { parent },
        ),
    );
  return [...indexes, ...expiries];
}
