/** Who says who the runner is, in tests: Google's metadata server, Amazon's STS and Microsoft's Entra, as far as a runner asks them. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Asked {
  readonly path: string;
  readonly query: URLSearchParams;
  /** Fields of a form. */
  readonly form: URLSearchParams;
}

export interface IdentityServer extends AsyncDisposable {
  readonly host: string;
  readonly seen: Asked[];
}

type Answer = (asked: Asked) => { readonly status?: number; readonly body: string; readonly type?: string };

async function serve(answer: Answer): Promise<IdentityServer> {
  const seen: Asked[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://identity');
    const asked = { path: url.pathname, query: url.searchParams, form: new URLSearchParams(await text(request)) };
    seen.push(asked);
    const { status = 200, body, type = 'text/plain' } = answer(asked);
    response.writeHead(status, { 'content-type': type, 'metadata-flavor': 'Google' }).end(body);
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** A token as it looks: three parts. Nobody here looks at its signature. */
export function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${Buffer.from('signature').toString('base64url')}`;
}

/** The metadata server of Google Cloud; each token of it is another one. */
export function startMetadata(): Promise<IdentityServer> {
  let tokens = 0;
  return serve(({ path, query }) => {
    if (!path.endsWith('/identity')) return { body: 'ok' };
    tokens += 1;
    const now = Math.floor(Date.now() / 1000);
    const claims = { aud: query.get('audience'), sub: '1234567890', iat: now, exp: now + 3600, jti: tokens };
    return { body: jwt({ iss: 'https://accounts.google.com', ...claims }) };
  });
}

/** AssumeRoleWithWebIdentity, without a look at the token. */
export async function startSts(options: {
  seconds: number;
  refusal?: { code: string; message: string };
}): Promise<IdentityServer> {
  let sessions = 0;
  return serve(() => {
    if (options.refusal !== undefined) {
      const { code, message } = options.refusal;
      const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;
      return { status: 403, body, type: 'text/xml' };
    }
    sessions += 1;
    const end = new Date(Date.now() + options.seconds * 1000).toISOString();
    const given = `<AccessKeyId>ASIA${sessions}</AccessKeyId><SecretAccessKey>secret${sessions}</SecretAccessKey><SessionToken>session${sessions}</SessionToken><Expiration>${end}</Expiration>`;
    const body = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>${given}</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
    return { body, type: 'text/xml' };
  });
}

/** The token endpoint of Entra, for storage. */
export function startEntra(options: { seconds: number; refusal?: string }): Promise<IdentityServer> {
  return serve(({ path }) => {
    if (options.refusal !== undefined) {
      const body = JSON.stringify({ error: 'invalid_client', error_description: options.refusal });
      return { status: 401, body, type: 'application/json' };
    }
    const [, directory = ''] = path.split('/');
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      ...{ aud: 'https://storage.azure.com', iss: `https://sts.windows.net/${directory}/` },
      ...{ iat: now, nbf: now - 5, exp: now + 3600 },
    };
    const body = JSON.stringify({ access_token: jwt(claims), expires_in: options.seconds, token_type: 'Bearer' });
    return { body, type: 'application/json' };
  });
}

/** Sets variables of the environment until it is disposed; `undefined` removes one. */
export function environment(values: Readonly<Record<string, string | undefined>>): Disposable {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
  const set = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  for (const [name, value] of Object.entries(values)) set(name, value);
  return {
    [Symbol.dispose]() {
      for (const [name, value] of before) set(name, value);
    },
  };
}

/** Only the metadata server says who this is. */
export function asOnGoogleCloud(metadata: IdentityServer): Disposable {
  return environment({
    GCE_METADATA_HOST: metadata.host,
    GOOGLE_APPLICATION_CREDENTIALS: undefined,
    CLOUDSDK_CONFIG: '/nonexistent',
    GOOGLE_CLOUD_PROJECT: 'acme-data',
  });
}
