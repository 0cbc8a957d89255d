import { z } from 'zod';
import { azureBlobConnection, azureBlobReads } from './sources/azure-blob.ts';
import { bigqueryConnection, bigqueryReads } from './sources/bigquery.ts';
import { firestoreConnection, firestoreReads } from './sources/firestore.ts';
import { gcsConnection, gcsReads } from './sources/gcs.ts';
import { mysqlConnection, mysqlReads } from './sources/mysql.ts';
import { postgresConnection, postgresReads } from './sources/postgres.ts';
import { s3Connection, s3Reads } from './sources/s3.ts';

/** Where data comes from: named once, used by many sources. */
export const connectionSchema = z
  .discriminatedUnion('kind', [
    postgresConnection,
    mysqlConnection,
    bigqueryConnection,
    firestoreConnection,
    gcsConnection,
    s3Connection,
    azureBlobConnection,
  ])
  .meta({ title: 'Connection', description: 'Where data comes from; `kind` decides the other keys.' });

export type ConnectionSpec = z.infer<typeof connectionSchema>;
export type ConnectionKind = ConnectionSpec['kind'];
export type ConnectionOf<K extends ConnectionKind> = Extract<ConnectionSpec, { kind: K }>;

/** The keys of a source of which exactly one says what is read. */
export const READS = ['table', 'query', 'collection', 'collectionGroup', 'files'] as const;
export type Reads = (typeof READS)[number];

/** What a source may read through each kind of connection. */
export const readsOfKind = {
  postgres: postgresReads,
  mysql: mysqlReads,
  bigquery: bigqueryReads,
  firestore: firestoreReads,
  gcs: gcsReads,
  s3: s3Reads,
  'azure-blob': azureBlobReads,
} as const satisfies Record<ConnectionKind, readonly Reads[]>;
