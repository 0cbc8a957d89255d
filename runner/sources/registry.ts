/** Every connector, by the kind of its connection. Adding a kind to the schema without a line here does not compile. */
import type { ConnectionSpec } from '../../tenants/schema/index.ts';
import type { ObjectStore } from '../core/contracts/object-store.ts';
import type { Source, SourceRequest } from '../core/contracts/source.ts';
import { TributaryError } from '../core/errors.ts';

type Kind = ConnectionSpec['kind'];
type Open<K extends Kind> = (request: SourceRequest<Extract<ConnectionSpec, { kind: K }>>) => Source;

/** A store of objects becomes a source of the files in it. */
async function filesOf<R>(openStore: (request: R) => ObjectStore): Promise<(request: R) => Source> {
  const { openFiles } = await import('../files/index.ts');
  return (request) => openFiles(openStore(request));
}

/** `null`: the tenant file may hold it, this version does not read it. */
const connectors = {
  postgres: async () => (await import('./postgres/index.ts')).openPostgres,
  mysql: async () => (await import('./mysql/index.ts')).openMysql,
  bigquery: async () => (await import('./bigquery/index.ts')).openBigquerySource,
  firestore: async () => (await import('./firestore/index.ts')).openFirestore,
  gcs: async () => filesOf((await import('./gcs/index.ts')).openGcs),
  s3: async () => filesOf((await import('./s3/index.ts')).openS3),
  'azure-blob': async () => filesOf((await import('./azure-blob/index.ts')).openAzureBlob),
} satisfies { [K in Kind]: (() => Promise<Open<K>>) | null };

/** @throws CONNECTOR_MISSING */
export async function openSource(request: SourceRequest): Promise<Source> {
  const { kind } = request.connection;
  const load = connectors[kind] as (() => Promise<Open<Kind>>) | null;
  if (load === null) {
    const known = Object.entries(connectors).flatMap(([name, connector]) => (connector === null ? [] : [name]));
    throw new TributaryError('CONNECTOR_MISSING', { connection: request.name, kind, known: known.join(', ') });
  }
  return (await load())(request as never);
}
