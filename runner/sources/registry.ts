/** Every connector, by the kind of its connection. Adding a kind to the schema without a line here does not compile. */
import type { ConnectionSpec } from '../../tenants/schema/index.ts';
import type { Source, SourceRequest } from '../core/contracts/source.ts';
import { TributaryError } from '../core/errors.ts';

type Kind = ConnectionSpec['kind'];
type Open<K extends Kind> = (request: SourceRequest<Extract<ConnectionSpec, { kind: K }>>) => Source;

/** `null`: the tenant file may hold it, this version does not read it. */
const connectors = {
  postgres: async () => (await import('./postgres/index.ts')).openPostgres,
  mysql: null,
  bigquery: null,
  firestore: null,
  gcs: null,
  s3: null,
  'azure-blob': null,
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
