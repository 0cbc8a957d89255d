/** Which room may import which: the table of docs/house.md, as data, and as rules of dependency-cruiser. */
import type { IForbiddenRuleType } from 'dependency-cruiser';

/** A room is a part of the tree; what no room claims may not exist. */
export interface Room {
  readonly name: string;
  /** Pattern of its files. A group in it is `$1` in `may`. */
  readonly path: string;
  readonly pathNot?: readonly string[];
  /** What it may import of this repository, as patterns. */
  readonly may: readonly string[];
  /** What it may import as types only. */
  readonly mayTypes?: readonly string[];
  /** Third parties; Node's own modules are free to all. */
  readonly packages: readonly string[];
}

const TENANTS = '^tenants/';
const CORE = '^runner/core/';
const CONTRACTS = '^runner/core/contracts/';
const STACK_CONTRACT = '^stacks/(?:contract|preview-result|provision/contract)\\.ts$';
/** The one door to the stacks. It loads no SDK: its child processes do. */
const PROVISIONER = '^stacks/provision/provisioner\\.ts$';
const ADAPTERS = 'runner/(?:sources|warehouses|staging|stores|launchers)/';
const STORES_AND_LAUNCHERS = '^runner/(?:stores|launchers)/';
/** Traces, metrics and logs of all processes. */
const TELEMETRY = '^runner/telemetry/';
const PIPELINE = '^runner/(?:pipeline|strategies)/';

/** The one SDK of each adapter. A connector with a driver is one more line. */
export const sdks: Readonly<Record<string, readonly string[]>> = {
  'runner/sources/firestore/': ['@google-cloud/firestore', '@grpc/grpc-js', 'google-auth-library'],
  'runner/sources/postgres/': ['pg'],
  'runner/sources/mysql/': ['mysql2'],
  'runner/sources/gcs/': ['google-auth-library'],
  'runner/sources/s3/': ['@aws-sdk/client-s3', '@aws-sdk/client-sts'],
  'runner/sources/azure-blob/': ['@azure/storage-blob'],
  'runner/files/': ['picomatch'],
  'runner/staging/': ['@google-cloud/storage', '@node-rs/crc32', 'google-auth-library'],
  'runner/warehouses/duckdb/': [],
  'runner/sources/bigquery/': ['@google-cloud/bigquery-storage', 'apache-arrow', 'google-gax'],
  'runner/warehouses/bigquery/': [],
  'runner/stores/firestore/': ['@google-cloud/firestore'],
  'runner/stores/webhook/': ['google-auth-library'],
  'runner/stores/tenants/': ['@google-cloud/storage'],
  'runner/launchers/cloud-run-job/': ['@google-cloud/run', '@grpc/grpc-js'],
  'runner/launchers/dataflow/': ['google-auth-library'],
};

/** Vectors become typed columns there, for whoever stores them. */
const COLUMNAR = '^runner/columnar/';
const COLUMNAR_USERS = ['runner/staging/', 'runner/warehouses/duckdb/', 'runner/files/'];
/** Files of any store as a source; the registry puts a store under it. */
const FILES = '^runner/files/';

/** The wire to BigQuery, for its source and its warehouse. */
const BIGQUERY = '^runner/bigquery/';
const BIGQUERY_USERS = ['runner/sources/bigquery/', 'runner/warehouses/bigquery/'];

/** Who the runner is, for the clouds that trust Google. */
const IDENTITY = '^runner/identity/';
const IDENTITY_USERS = ['runner/sources/s3/', 'runner/sources/azure-blob/'];

const PULUMI = ['@pulumi/[^/]+'];

export const rooms: readonly Room[] = [
  { name: 'tenants', path: TENANTS, may: [TENANTS], packages: ['zod', 'yaml', 'croner'] },
  { name: 'runner/core', path: CORE, may: [CORE], mayTypes: [TENANTS], packages: [] },
  ...Object.entries(sdks).map(([folder, packages]) => ({
    name: folder.replace(/\/$/, ''),
    path: `^${folder}`,
    may: [
      TENANTS,
      CORE,
      `^${folder}`,
      ...(COLUMNAR_USERS.includes(folder) ? [COLUMNAR] : []),
      ...(BIGQUERY_USERS.includes(folder) ? [BIGQUERY] : []),
      ...(IDENTITY_USERS.includes(folder) ? [IDENTITY] : []),
    ],
    packages,
  })),
  {
    name: 'runner/columnar',
    path: COLUMNAR,
    may: [CORE, COLUMNAR],
    packages: ['@duckdb/node-api', '@duckdb/node-bindings'],
  },
  {
    name: 'runner/bigquery',
    path: BIGQUERY,
    may: [CORE, BIGQUERY],
    packages: ['@google-cloud/bigquery', 'google-auth-library'],
  },
  { name: 'runner/identity', path: IDENTITY, may: [CORE, IDENTITY], packages: ['google-auth-library'] },
  {
    name: 'an adapter',
    path: `^(${ADAPTERS}[^/]+/)`,
    pathNot: Object.keys(sdks).map((folder) => `^${folder}`),
    may: [TENANTS, CORE, '^$1'],
    packages: [],
  },
  {
    // A file beside the folders (registry.ts) sees its neighbours.
    name: 'adapters of a kind',
    path: `^(${ADAPTERS})[^/]+$`,
    pathNot: Object.keys(sdks).map((folder) => `^${folder}`),
    may: [TENANTS, CORE, '^$1', FILES],
    packages: [],
  },
  {
    name: 'runner/telemetry',
    path: TELEMETRY,
    may: [CORE, TELEMETRY],
    packages: ['@opentelemetry/[^/]+', 'prom-client', 'pino'],
  },
  { name: 'pipeline, strategies', path: PIPELINE, may: [TENANTS, CORE, PIPELINE], packages: [] },
  { name: 'runner/image', path: '^runner/image/', may: [CORE, '^runner/image/'], packages: ['rolldown'] },
  {
    name: 'runner/main, cli',
    path: '^runner/(?!(?:core|image|columnar|identity|telemetry|bigquery|files|sources|warehouses|staging|stores|launchers|pipeline|strategies)/)',
    may: [TENANTS, '^runner/', STACK_CONTRACT, PROVISIONER],
    packages: ['commander', '@google-cloud/secret-manager', 'google-gax'],
  },
  { name: 'components', path: '^components/', may: [TENANTS, '^components/'], packages: PULUMI },
  { name: 'stacks', path: '^stacks/', may: [TENANTS, '^components/', '^stacks/', CONTRACTS], packages: PULUMI },
  {
    name: 'webhook',
    path: '^webhook/',
    may: [TENANTS, CORE, STORES_AND_LAUNCHERS, TELEMETRY, '^webhook/', STACK_CONTRACT],
    packages: ['hono', '@hono/[^/]+', 'jose', 'google-auth-library', 'swagger-ui-dist'],
  },
  { name: 'docs/examples', path: '^docs/examples/', may: [], packages: [] },
  { name: 'policies', path: '^policies/', may: [TENANTS, '^policies/'], packages: ['@pulumi/policy', 'yaml'] },
];

/** Tests and benchmarks see everything; nothing sees them. */
export const free: readonly string[] = ['^test/', '^bench/', '^vitest\\.config\\.ts$'];

const INSIDE = '^(?:tenants|components|runner|webhook|stacks|policies|test|bench)/';
const OUTSIDE = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-bundled', 'npm-no-pkg', 'npm-unknown'] as const;

export const rules: IForbiddenRuleType[] = rooms.flatMap((room): IForbiddenRuleType[] => {
  const from = { path: room.path, ...(room.pathNot && { pathNot: [...room.pathNot] }) };
  const types = room.mayTypes ?? [];
  return [
    { name: `${room.name}: rooms`, severity: 'error', from, to: { path: INSIDE, pathNot: [...room.may, ...types] } },
    ...types.map((path): IForbiddenRuleType => {
      const to = { path, dependencyTypesNot: ['type-only' as const] };
      return { name: `${room.name}: types only`, severity: 'error', from, to };
    }),
    {
      name: `${room.name}: third parties`,
      severity: 'error',
      from,
      to: { dependencyTypes: [...OUTSIDE], pathNot: room.packages.map(packagePattern) },
    },
  ];
});

rules.push({ name: 'every import leads somewhere', severity: 'error', from: {}, to: { couldNotResolve: true } });

function packagePattern(name: string): string {
  const types = name.startsWith('@') ? name.slice(1).replace('/', '__') : name;
  return `^node_modules/(?:${name}|@types/${types})/`;
}
