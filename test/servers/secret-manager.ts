/** Google's Secret Manager as far as versions are added and read: a real gRPC server, its secrets in memory. */
import { type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { crc32c } from '@node-rs/crc32';
import { type GrpcServer, serveGrpc, serviceOf } from './grpc.ts';

export type VersionState = 'ENABLED' | 'DISABLED' | 'DESTROYED';

export interface SecretCall {
  /** As in `AccessSecretVersion`. */
  readonly method: string;
  /** `projects/p/secrets/s`, or one of its versions. */
  readonly name: string;
  /** Whose port was called; `null`: the open one. */
  readonly caller: string | null;
}

export interface SecretManagerServer extends AsyncDisposable {
  /** As in `127.0.0.1:50051`; plain text, no credentials. */
  readonly host: string;
  readonly calls: readonly SecretCall[];
  /** What IAM says; default: everybody may everything. */
  allows: (call: SecretCall) => boolean;
  /** The next calls fail so, one each; a code of gRPC, as in `14` of UNAVAILABLE. */
  readonly failures: { code: number; message: string }[];
  /** A port of its own for somebody: an emulator's clients bring no credentials, so the port says who calls. */
  gate(caller: string): Promise<string>;
  /** `projects/p/secrets/s`, without a version; one that exists stays. */
  create(secret: string): void;
  /** A new version of a secret, which is made where it is missing. @returns the version's name */
  put(secret: string, value: string | Uint8Array): string;
  setState(version: string, state: VersionState): void;
  remove(secret: string): void;
  /** Names of secrets, sorted. */
  secrets(): readonly string[];
}

interface Version {
  readonly data: Uint8Array;
  state: VersionState;
}

type Asked = Readonly<Record<string, unknown>> & { readonly name?: string; readonly parent?: string };

class Refusal extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const SERVICE = 'google.cloud.secretmanager.v1.SecretManagerService';

/** Google's permission for each method, for the words of a refusal. */
const PERMISSIONS: Readonly<Record<string, string>> = {
  AccessSecretVersion: 'secretmanager.versions.access',
  AddSecretVersion: 'secretmanager.versions.add',
  CreateSecret: 'secretmanager.secrets.create',
  DeleteSecret: 'secretmanager.secrets.delete',
  DestroySecretVersion: 'secretmanager.versions.destroy',
  DisableSecretVersion: 'secretmanager.versions.disable',
  EnableSecretVersion: 'secretmanager.versions.enable',
  GetSecret: 'secretmanager.secrets.get',
  GetSecretVersion: 'secretmanager.versions.get',
  ListSecretVersions: 'secretmanager.versions.list',
  ListSecrets: 'secretmanager.secrets.list',
};

/** @example await using secrets = await startSecretManager(); secrets.put('projects/p/secrets/tributary-acme_shop', 's3cret'); */
export async function startSecretManager(): Promise<SecretManagerServer> {
  const secrets = new Map<string, Version[]>();
  const calls: SecretCall[] = [];
  const gates: GrpcServer[] = [];
  const service = serviceOf('@google-cloud/secret-manager', SERVICE);

  const methods: Readonly<Record<string, (asked: Asked) => unknown>> = {
    AccessSecretVersion: ({ name = '' }) => {
      const { version, found } = findVersion(name);
      if (found.state !== 'ENABLED') {
        throw new Refusal(status.FAILED_PRECONDITION, `Secret Version [${version}] is in ${found.state} state.`);
      }
      return { name: version, payload: { data: found.data, dataCrc32c: crc32c(Buffer.from(found.data)) } };
    },
    AddSecretVersion: ({ parent = '', payload }) => {
      versionsOf(parent);
      return described(put(parent, (payload as { data: Uint8Array }).data));
    },
    GetSecretVersion: ({ name = '' }) => described(findVersion(name).version),
    ListSecretVersions: ({ parent = '' }) => ({
      versions: versionsOf(parent)
        .map((_, index) => described(`${parent}/versions/${index + 1}`))
        .reverse(),
      totalSize: versionsOf(parent).length,
    }),
    CreateSecret: ({ parent = '', secretId }) => {
      const name = `${parent}/secrets/${secretId}`;
      if (secrets.has(name)) throw new Refusal(status.ALREADY_EXISTS, `Secret [${name}] already exists.`);
      secrets.set(name, []);
      return { name };
    },
    GetSecret: ({ name = '' }) => {
      versionsOf(name);
      return { name };
    },
    DeleteSecret: ({ name = '' }) => {
      versionsOf(name);
      secrets.delete(name);
      return {};
    },
    ListSecrets: ({ parent = '' }) => {
      const found = names().filter((name) => name.startsWith(`${parent}/secrets/`));
      return { secrets: found.map((name) => ({ name })), totalSize: found.length };
    },
    DisableSecretVersion: ({ name = '' }) => changed(name, 'DISABLED'),
    EnableSecretVersion: ({ name = '' }) => changed(name, 'ENABLED'),
    DestroySecretVersion: ({ name = '' }) => changed(name, 'DESTROYED'),
  };

  function versionsOf(secret: string): Version[] {
    const versions = secrets.get(secret);
    if (versions === undefined) throw new Refusal(status.NOT_FOUND, `Secret [${secret}] not found.`);
    return versions;
  }

  function findVersion(name: string): { version: string; found: Version } {
    const [, secret = '', wanted = ''] = /^(.+)\/versions\/([^/]+)$/.exec(name) ?? [];
    const versions = secrets.get(secret) ?? [];
    const number = wanted === 'latest' ? versions.length : Number(wanted);
    const found = versions[number - 1];
    if (found === undefined) {
      throw new Refusal(status.NOT_FOUND, `Secret [${secret}] not found or has no versions.`);
    }
    return { version: `${secret}/versions/${number}`, found };
  }

  function described(name: string): object {
    const { version, found } = findVersion(name);
    return { name: version, state: found.state };
  }

  function changed(name: string, state: VersionState): object {
    findVersion(name).found.state = state;
    return described(name);
  }

  function put(secret: string, value: string | Uint8Array): string {
    const versions = secrets.get(secret) ?? [];
    secrets.set(secret, versions);
    versions.push({ data: typeof value === 'string' ? Buffer.from(value) : value, state: 'ENABLED' });
    return `${secret}/versions/${versions.length}`;
  }

  const names = () => [...secrets.keys()].sort();

  const open = async (caller: string | null): Promise<string> => {
    const handlers = Object.entries(methods).map(([method, answer]) => {
      const handle = ({ request }: ServerUnaryCall<Asked, unknown>, callback: sendUnaryData<unknown>) => {
        const call = { method, name: request.name || request.parent || '', caller };
        calls.push(call);
        try {
          const failure = server.failures.shift();
          if (failure !== undefined) throw new Refusal(failure.code, failure.message);
          if (!server.allows(call)) {
            const what = `Permission '${PERMISSIONS[method]}' denied for resource '${call.name}' (or it may not exist).`;
            throw new Refusal(status.PERMISSION_DENIED, what);
          }
          callback(null, answer(request));
        } catch (error) {
          const { code = status.INTERNAL, message } = error as Refusal;
          callback({ code, details: message });
        }
      };
      return [method, handle] as const;
    });
    const gate = await serveGrpc({ service, methods: Object.fromEntries(handlers) });
    gates.push(gate);
    return gate.host;
  };

  const server: SecretManagerServer = {
    host: '',
    calls,
    allows: () => true,
    failures: [],
    gate: open,
    create: (secret) => {
      if (!secrets.has(secret)) secrets.set(secret, []);
    },
    put,
    setState: (version, state) => {
      findVersion(version).found.state = state;
    },
    remove: (secret) => {
      secrets.delete(secret);
    },
    secrets: names,
    async [Symbol.asyncDispose]() {
      for (const gate of gates) gate.close();
    },
  };
  return Object.assign(server, { host: await open(null) });
}
