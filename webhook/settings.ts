/** The environment of the service, read once. */
import { TributaryError } from '../runner/core/errors.ts';
import { type AppSettings, appSettings } from './dependencies.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type StoreSettings =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'firestore'; readonly project: string; readonly database: string };

export type TenantSettings =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'bucket'; readonly bucket: string };

export interface ServerSettings {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly auth: 'laptop' | 'google';
  /** Of tenants that name none; empty on a laptop without one. */
  readonly project: string;
  readonly store: StoreSettings;
  readonly tenants: TenantSettings;
  /** Between two sweeps by this process; 0: somebody else calls. */
  readonly sweepSeconds: number;
  /** Whether schedules fire from inside this process. */
  readonly scheduler: boolean;
  readonly app: AppSettings;
}

/** @throws USAGE */
export function serverSettings(env: Environment): ServerSettings {
  const auth = env.TRIBUTARY_AUTH || 'google';
  if (auth !== 'laptop' && auth !== 'google') throw wrong('TRIBUTARY_AUTH', auth, 'laptop or google');
  const laptop = auth === 'laptop';
  const host = env.HOST || (laptop ? '127.0.0.1' : '0.0.0.0');
  if (laptop && host !== '127.0.0.1' && host !== '::1' && host !== 'localhost')
    throw wrong('HOST', host, '127.0.0.1, since TRIBUTARY_AUTH=laptop asks nobody who they are');
  const project = env.TRIBUTARY_PROJECT || env.GOOGLE_CLOUD_PROJECT || '';
  if (!laptop && project === '') throw wrong('TRIBUTARY_PROJECT', '', 'the project of the platform');
  return {
    host,
    port: number(env, 'PORT', 8080, 65_535),
    auth,
    project,
    store: storeOf(env, project, laptop),
    tenants: tenantsOf(env, laptop),
    sweepSeconds: number(env, 'TRIBUTARY_SWEEP_SECONDS', laptop ? 60 : 0, 86_400),
    scheduler: env.TRIBUTARY_SCHEDULER === 'local',
    app: { ...appSettings, deployments: Boolean(env.TRIBUTARY_DEPLOYER) },
  };
}

function storeOf(env: Environment, project: string, laptop: boolean): StoreSettings {
  const said = env.TRIBUTARY_RUN_STORE || (laptop ? 'sqlite:.tributary/runs.sqlite' : '');
  const [, kind, name] = /^(sqlite|firestore):(.+)$/.exec(said) ?? [];
  if (kind === 'sqlite' && name !== undefined) return { kind, file: name };
  if (kind === 'firestore' && name !== undefined) return { kind, project, database: name };
  throw wrong('TRIBUTARY_RUN_STORE', said, 'sqlite:<file> or firestore:<database>');
}

function tenantsOf(env: Environment, laptop: boolean): TenantSettings {
  const { TRIBUTARY_TENANTS: folder, TRIBUTARY_TENANTS_BUCKET: bucket } = env;
  if (folder) return { kind: 'folder', folder };
  if (bucket) return { kind: 'bucket', bucket };
  if (laptop) return { kind: 'folder', folder: 'tenants' };
  throw wrong('TRIBUTARY_TENANTS_BUCKET', '', 'the bucket of the tenant files (or TRIBUTARY_TENANTS to a folder)');
}

function number(env: Environment, name: string, usual: number, most: number): number {
  const said = env[name];
  if (!said) return usual;
  const value = Number(said);
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw wrong(name, said, `a whole number from 0 to ${most}`);
}

function wrong(name: string, said: string, wanted: string): TributaryError {
  const reason = said === '' ? `${name} is not set` : `${name} is "${said}"`;
  return new TributaryError('USAGE', { reason, advice: `Set it to ${wanted}.` });
}
