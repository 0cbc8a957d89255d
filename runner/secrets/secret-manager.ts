/** Secrets of a tenant in Secret Manager: its newest version, read when it is asked for. */
import type { SecretManagerServiceClient } from '@google-cloud/secret-manager';
import { secretId } from '../../tenants/naming.ts';
import type { Secrets } from '../core/contracts/secrets.ts';
import { TributaryError } from '../core/errors.ts';

export interface SecretManagerOptions {
  readonly tenant: string;
  /** Project of the tenant. */
  readonly project: string;
  /** Named in the error when a secret is missing. */
  readonly connection?: string;
  /** `127.0.0.1:port` of an emulator: plain text, no credentials. Default: SECRET_MANAGER_EMULATOR_HOST. */
  readonly emulator?: string | undefined;
}

export interface ManagedSecrets extends Secrets, AsyncDisposable {
  /** Adds a version; the secret itself is of the tenant's stack. @throws SECRET_MISSING where the stack made none */
  set(name: string, value: string): Promise<void>;
  /** Names, sorted; never a value. */
  list(): Promise<readonly string[]>;
}

/** Codes of gRPC. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const FAILED_PRECONDITION = 9;
const UNAUTHENTICATED = 16;

/** For one attempt; the client repeats what may be repeated within it. */
const TIMEOUT_MS = 30_000;

/** A value that was read stays for the life of these secrets: one run sees one version. */
export function secretManager(options: SecretManagerOptions): ManagedSecrets {
  const { tenant, project } = options;
  const known = new Map<string, Promise<string>>();
  let opened: Promise<SecretManagerServiceClient> | null = null;
  const client = () => {
    opened ??= connect(options.emulator ?? process.env.SECRET_MANAGER_EMULATOR_HOST);
    return opened;
  };
  const path = (name: string) => `projects/${project}/secrets/${secretId(tenant, name)}`;

  const missing = (name: string, state: string, cause: unknown) => {
    const connection = options.connection ?? `of tenant ${tenant}`;
    return new TributaryError('SECRET_MISSING', { connection, tenant, secret: name, state }, { cause });
  };

  const unmade = (name: string, cause: unknown) => {
    const facts = { connection: `of tenant ${tenant}`, tenant, secret: name, state: `nobody has made in ${project}` };
    const advice = `Name it in the tenant file, then bring the stack up: tributary up ${tenant}`;
    return new TributaryError('SECRET_MISSING', { ...facts, advice }, { cause });
  };

  const failed = (name: string, role: string, error: unknown): TributaryError => {
    const { code, message = '' } = error as { code?: number; message?: string };
    const secret = secretId(tenant, name);
    const where = `in project ${project} (${secret})`;
    if (code === NOT_FOUND) return missing(name, `has no value ${where}`, error);
    if (code === FAILED_PRECONDITION) return missing(name, `has a newest version that is disabled ${where}`, error);
    if (code === PERMISSION_DENIED || code === UNAUTHENTICATED)
      return new TributaryError('SECRET_FORBIDDEN', { secret, project, tenant, role }, { cause: error });
    if (code === INVALID_ARGUMENT)
      return new TributaryError('USAGE', { reason: `"${name}" cannot be the name of a secret` }, { cause: error });
    const reason = message.split('\n', 1)[0]?.slice(0, 200) || 'no reason given';
    return new TributaryError('SECRET_UNAVAILABLE', { secret, project, reason }, { cause: error });
  };

  const read = async (name: string): Promise<string> => {
    try {
      const asked = { name: `${path(name)}/versions/latest` };
      const [version] = await (await client()).accessSecretVersion(asked, { timeout: TIMEOUT_MS });
      const data = version.payload?.data ?? '';
      const value = typeof data === 'string' ? data : Buffer.from(data).toString('utf8');
      if (value !== '') return value;
    } catch (error) {
      throw failed(name, 'roles/secretmanager.secretAccessor', error);
    }
    throw missing(name, 'is empty', undefined);
  };

  return {
    get(name) {
      const before = known.get(name);
      if (before !== undefined) return before;
      const value = read(name);
      known.set(name, value);
      value.catch(() => known.delete(name));
      return value;
    },

    async set(name, value) {
      if (value === '') throw new TributaryError('USAGE', { reason: 'The value is empty.' });
      const version = { parent: path(name), payload: { data: Buffer.from(value) } };
      try {
        await (await client()).addSecretVersion(version, { timeout: TIMEOUT_MS });
        known.delete(name);
      } catch (error) {
        if ((error as { code?: number }).code === NOT_FOUND) throw unmade(name, error);
        throw failed(name, 'roles/secretmanager.secretVersionAdder', error);
      }
    },

    async list() {
      const prefix = secretId(tenant, '');
      try {
        const asked = { parent: `projects/${project}`, filter: `name:${prefix}` };
        const [secrets] = await (await client()).listSecrets(asked, { timeout: TIMEOUT_MS });
        const ids = secrets.map(({ name }) => name?.split('/').at(-1) ?? '');
        return ids
          .filter((id) => id.startsWith(prefix))
          .map((id) => id.slice(prefix.length))
          .sort();
      } catch (error) {
        throw failed('*', 'roles/secretmanager.viewer', error);
      }
    },

    async [Symbol.asyncDispose]() {
      await (await opened?.catch(() => null))?.close();
    },
  };
}

async function connect(emulator: string | undefined): Promise<SecretManagerServiceClient> {
  const { SecretManagerServiceClient: Client } = await import('@google-cloud/secret-manager');
  if (!emulator) return new Client();
  const { grpc } = await import('google-gax');
  const [host = '', port = ''] = emulator.split(':');
  const sslCreds = grpc.credentials.createInsecure();
  return new Client({ apiEndpoint: host, port: Number(port), sslCreds } as ConstructorParameters<typeof Client>[0]);
}
