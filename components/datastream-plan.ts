/** A stream's arguments → every name and decision, before anything is created. Pure. */
import type { types } from '@pulumi/gcp';
import { secretId } from '../tenants/naming.ts';
import type { CaptureServerArgs, DatastreamArgs } from './datastream-args.ts';

type SourceConfig = types.input.datastream.StreamSourceConfig;
type BigqueryConfig = types.input.datastream.StreamDestinationConfigBigqueryDestinationConfig;

/** States of a stream; the first makes nothing at Datastream, which checks the login when it is told of a server. */
export const STATES = { prepared: undefined, running: 'RUNNING', paused: 'PAUSED' } as const;

/**
 * @throws RangeError where a value can never be right; the tenant file's own checks come first and say where.
 */
export function checkDatastream(args: DatastreamArgs): void {
  const { stream, postgres, mysql, dataset, datasetPrefix, state = 'running' } = args;
  const one = (what: string, ...values: unknown[]) => {
    if (values.filter((value) => value !== undefined).length !== 1)
      throw new RangeError(`${stream}: exactly one of ${what}`);
  };
  one('postgres and mysql', postgres, mysql);
  one('dataset and datasetPrefix', dataset, datasetPrefix);
  if (!Object.hasOwn(STATES, state))
    throw new RangeError(`${stream}: ${state} is no state; prepared, running or paused`);
  const ways = [args.privateConnection, args.peeringSubnet, args.networkAttachment].filter((way) => way !== undefined);
  if (ways.length > 1) throw new RangeError(`${stream}: at most one way to its server`);
  if (args.peeringSubnet !== undefined && args.platform.network === undefined)
    throw new RangeError(
      `${stream}: a peering needs the platform's network; give the platform one, or a private connection`,
    );
}

/** The server of a stream, whichever its kind. */
export function serverOf({ postgres, mysql, stream }: DatastreamArgs): CaptureServerArgs {
  const server = postgres ?? mysql;
  if (server === undefined) throw new RangeError(`${stream}: exactly one of postgres and mysql`);
  return server;
}

/** By number: which version Datastream logs in with is written down, not whatever is newest. */
export function passwordVersion(args: DatastreamArgs, project: string): string {
  const { secret, secretVersion = 1 } = serverOf(args);
  return `projects/${project}/secrets/${secretId(args.tenant, secret)}/versions/${secretVersion}`;
}

/** The profile of the server, its password a reference. */
export function sourceProfile(args: DatastreamArgs, project: string) {
  const { host: hostname, port, user: username, ca } = serverOf(args);
  const login = { hostname, port, username, secretManagerStoredPassword: passwordVersion(args, project) };
  if (args.postgres === undefined)
    return { mysqlProfile: { ...login, ...(ca === undefined ? {} : { sslConfig: { caCertificate: ca } }) } };
  const ssl = ca === undefined ? {} : { sslConfig: { serverVerification: { caCertificate: ca } } };
  return { postgresqlProfile: { ...login, database: args.postgres.database, ...ssl } };
}

/** What is read, and from where on. */
export function sourceConfig({
  postgres,
  mysql,
  include,
  exclude = [],
}: DatastreamArgs): Omit<SourceConfig, 'sourceConnectionProfile'> {
  const [included, excluded] = [grouped(include), grouped(exclude)];
  if (postgres !== undefined) {
    const { publication, replicationSlot } = postgres;
    const schemas = (groups: readonly Group[]) => ({
      postgresqlSchemas: groups.map(({ schema, tables }) => ({
        schema,
        ...(tables.length === 0
          ? {}
          : {
              postgresqlTables: tables.map(({ table, columns }) => ({
                table,
                ...(columns.length === 0 ? {} : { postgresqlColumns: columns.map((column) => ({ column })) }),
              })),
            }),
      })),
    });
    const excludeObjects = excluded.length === 0 ? {} : { excludeObjects: schemas(excluded) };
    return {
      postgresqlSourceConfig: { publication, replicationSlot, includeObjects: schemas(included), ...excludeObjects },
    };
  }
  const databases = (groups: readonly Group[]) => ({
    mysqlDatabases: groups.map(({ schema: database, tables }) => ({
      database,
      ...(tables.length === 0
        ? {}
        : {
            mysqlTables: tables.map(({ table, columns }) => ({
              table,
              ...(columns.length === 0 ? {} : { mysqlColumns: columns.map((column) => ({ column })) }),
            })),
          }),
    })),
  });
  const excludeObjects = excluded.length === 0 ? {} : { excludeObjects: databases(excluded) };
  const position = mysql?.gtid === false ? { binaryLogPosition: {} } : { gtid: {} };
  return { mysqlSourceConfig: { includeObjects: databases(included), ...excludeObjects, ...position } };
}

/** Where it lands, and as what. */
export function destinationConfig(
  args: DatastreamArgs,
  project: string,
  datasetKey: string | undefined,
): BigqueryConfig {
  const { dataset, datasetPrefix = '', location, appendOnly = false, freshnessSeconds = 900 } = args;
  return {
    ...(dataset === undefined
      ? {
          sourceHierarchyDatasets: {
            datasetTemplate: {
              location,
              datasetIdPrefix: datasetPrefix,
              ...(datasetKey === undefined ? {} : { kmsKeyName: datasetKey }),
            },
          },
        }
      : { singleTargetDataset: { datasetId: `projects/${project}/datasets/${dataset}` } }),
    ...(appendOnly ? { appendOnly: {} } : { merge: {}, dataFreshness: `${freshnessSeconds}s` }),
  };
}

interface Group {
  readonly schema: string;
  readonly tables: readonly { readonly table: string; readonly columns: readonly string[] }[];
}

/** `public.orders`, `public.customers.ssn`, `audit.*` → by schema and table; no tables: all of the schema. */
export function grouped(names: readonly string[]): Group[] {
  const schemas = Map.groupBy(
    names.map((name) => name.split('.')),
    ([schema = '']) => schema,
  );
  return [...schemas].map(([schema, parts]) => {
    if (parts.some(([, table]) => table === '*')) return { schema, tables: [] };
    const tables = Map.groupBy(parts, ([, table = '']) => table);
    return {
      schema,
      tables: [...tables].map(([table, of]) => ({
        table,
        columns: of.some(({ length }) => length === 2) ? [] : of.flatMap(([, , column]) => column ?? []),
      })),
    };
  });
}
