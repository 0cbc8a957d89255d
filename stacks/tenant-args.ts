/** The tenant file → arguments of components. Pure. */
import type { ScheduleArgs } from '../components/schedule.ts';
import type { ConnectionArgs, TenantArgs } from '../components/tenant-args.ts';
import { mayExceed, mayShare } from '../tenants/distribution.ts';
import { destinationOf, MASK_SECRET } from '../tenants/naming.ts';
import type { ConnectionKind, ConnectionOf, ConnectionSpec, SourceSpec, TenantSpec } from '../tenants/schema/index.ts';
import { tenantText } from '../tenants/text.ts';
import type { PlatformOutputs } from './contract.ts';
import { streamNeeds } from './stream-args.ts';

/** Arguments of the tenant's component; connections no source uses are left out. */
export function tenantArgs(spec: TenantSpec, platform: PlatformOutputs): TenantArgs {
  const sources = Object.entries(spec.sources);
  const used = Object.entries(spec.connections).filter(([name]) => sourcesOf(spec, name).length > 0);
  const streams = streamNeeds(spec);
  const masked = sources.some(([, source]) => Object.keys(source.columns.mask).length > 0);
  return {
    tenant: spec.tenant,
    location: spec.location,
    region: spec.region,
    owners: [...spec.owners],
    protection: spec.protection,
    datasets: [...sources.map(([name]) => destinationOf(spec, name).dataset), ...streams.datasets],
    secrets: [...(masked ? [MASK_SECRET] : []), ...streams.secrets],
    connections: Object.fromEntries(
      used.map(([name, connection]) => [name, connectionArgs(connection, sourcesOf(spec, name))]),
    ),
    dataflow: used.filter(([name, { kind }]) => distributed(kind, sourcesOf(spec, name))).map(([name]) => name),
    tasks: used.some(([name, { kind }]) => shared(kind, sourcesOf(spec, name))),
    document: tenantText(spec),
    platform,
    ...(spec.displayName === undefined ? {} : { displayName: spec.displayName }),
    ...(spec.project === undefined ? {} : { project: spec.project }),
    ...(spec.costCenter === undefined ? {} : { costCenter: spec.costCenter }),
    ...(spec.budget === undefined ? {} : { budget: spec.budget }),
  };
}

/** Arguments of the schedule of a source. */
export function scheduleArgs({ schedule }: SourceSpec): { schedule?: ScheduleArgs } {
  return schedule === undefined ? {} : { schedule };
}

export function sourcesOf(spec: TenantSpec, connection: string): SourceSpec[] {
  return Object.values(spec.sources).filter((source) => source.connection === connection);
}

/** Beginnings of the object names that the sources of a connection read. */
export function prefixesOf(sources: readonly SourceSpec[]): string[] {
  return [...new Set(sources.map(({ files }) => files?.prefix ?? ''))].sort();
}

function distributed(kind: ConnectionKind, sources: readonly SourceSpec[]): boolean {
  return sources.some(({ execution }) => mayExceed({ mode: execution.mode, kind }));
}

function shared(kind: ConnectionKind, sources: readonly SourceSpec[]): boolean {
  return sources.some(({ execution }) => mayShare({ tasks: execution.tasks, kind }));
}

type Mapping = {
  [K in ConnectionKind]: (connection: ConnectionOf<K>, sources: readonly SourceSpec[]) => ConnectionArgs;
};

const mapping: Mapping = {
  postgres: ({ database, user, secret }, sources) => ({
    postgres: { database, user, tables: tablesOf(sources), ...named(secret) },
  }),
  mysql: ({ database, user, secret }, sources) => ({
    mysql: { database, user, tables: tablesOf(sources), ...named(secret) },
  }),
  bigquery: ({ project }, sources) => ({
    bigquery: { project, datasets: [...new Set(tablesOf(sources).map((table) => table.split('.')[0] ?? ''))] },
  }),
  firestore: ({ project, database }, sources) => {
    const exported = sources.some(({ execution }) => execution.firestoreExport);
    return { firestore: { project, database, ...(exported ? { exported } : {}) } };
  },
  gcs: ({ bucket, project }) => ({ gcs: { bucket, ...(project === undefined ? {} : { project }) } }),
  s3: ({ bucket, role, secret }, sources) => ({
    s3: { bucket, prefixes: prefixesOf(sources), ...(role === undefined ? {} : { role }), ...named(secret) },
  }),
  'azure-blob': ({ account, container, tenantId, secret }) => ({
    azureBlob: { account, container, ...(tenantId === undefined ? {} : { directory: tenantId }), ...named(secret) },
  }),
};

function connectionArgs(connection: ConnectionSpec, sources: readonly SourceSpec[]): ConnectionArgs {
  const map = mapping[connection.kind] as (
    connection: ConnectionSpec,
    sources: readonly SourceSpec[],
  ) => ConnectionArgs;
  return map(connection, sources);
}

function tablesOf(sources: readonly SourceSpec[]): string[] {
  return [...new Set(sources.flatMap(({ table }) => (table === undefined ? [] : [table])))].sort();
}

function named(secret: string | undefined): { secret?: string } {
  return secret === undefined ? {} : { secret };
}
