/** What stands before a Cloud Run service: it checks token and role, and only then the container hears of a request. */
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import type { CloudResource, Store } from '../store.ts';
import { stringAt, stringsAt } from '../values.ts';
import { GOOGLE } from './accounts.ts';
import { mayDo } from './iam.ts';
import { pass, send, serveWeb, type WebServer } from './web.ts';

export interface FrontDoor extends WebServer {
  /** What came and what became of it, without tokens. */
  readonly requests: readonly FrontRequest[];
}

export interface FrontRequest {
  readonly method: string;
  readonly path: string;
  /** E-mail of the caller; `null` where no good token told it. */
  readonly who: string | null;
  /** Refused here, or what the container answered. */
  readonly by: 'front' | 'container';
  readonly status: number;
}

export interface FrontOptions {
  readonly store: Store;
  /** The service, as the simulated cloud names it; read anew for each request. */
  readonly service: Pick<CloudResource, 'type' | 'id'>;
  /** The container, as in `http://127.0.0.1:8080`. */
  readonly container: () => string;
  /** Keys of the issuer. */
  readonly jwksUrl: string;
}

/** What Google puts in the place of a signature it has checked, so that a container cannot use the token elsewhere. */
export const REMOVED = 'SIGNATURE_REMOVED_BY_GOOGLE';

type Verdict = { readonly who: string | null; readonly headers: Record<string, string> } | { readonly status: number };

export async function openFront({ store, service, container, jwksUrl }: FrontOptions): Promise<FrontDoor> {
  const keys = createRemoteJWKSet(new URL(jwksUrl));
  const requests: FrontRequest[] = [];

  async function judge(given: { authorization: string; serverless: string }): Promise<Verdict> {
    const there = store.read(service.type, service.id);
    if (there === null) return { status: 404 };
    if (there.inputs.invokerIamDisabled === true) return { who: null, headers: {} };
    // Where both are there, the one of its own decides, and Authorization passes as it is.
    const name = given.serverless === '' ? 'authorization' : 'x-serverless-authorization';
    const [, token] = /^Bearer ([^\s]+)$/i.exec(given.serverless || given.authorization) ?? [];
    if (token === undefined) return { status: 403 };
    const audience = [
      `${there.outputs.uri}`,
      ...stringsAt(there.inputs, 'customAudiences.*').map(({ value }) => value),
    ];
    try {
      const { payload } = await jwtVerify(token, keys, { issuer: GOOGLE, audience, algorithms: ['RS256'] });
      if (payload.email_verified !== true) return { status: 401 };
      const who = `${payload.email}`;
      const project = stringAt(there.inputs, 'project') ?? '';
      const question = { permission: 'run.routes.invoke', who, on: 'service', resource: there.id, project } as const;
      if (!mayDo(store, question)) return { status: 403 };
      const unsigned = [...token.split('.').slice(0, 2), REMOVED].join('.');
      return { who, headers: { [name]: `Bearer ${unsigned}` } };
    } catch (error) {
      if (error instanceof errors.JOSEError) return { status: 401 };
      throw error;
    }
  }

  const server = await serveWeb(async (incoming, response) => {
    const { method = 'GET', url: path = '/', headers } = incoming;
    const { authorization = '', 'x-serverless-authorization': serverless = '' } = headers;
    const verdict = await judge({ authorization, serverless: `${serverless}` });
    const note = (who: string | null, by: FrontRequest['by'], status: number) => {
      requests.push({ method, path, who, by, status });
    };
    if ('status' in verdict) {
      note(null, 'front', verdict.status);
      return send(response, verdict.status, PAGES[verdict.status] ?? '');
    }
    const uri = `${store.read(service.type, service.id)?.outputs.uri}`;
    await pass(incoming, response, container(), {
      ...verdict.headers,
      host: new URL(uri).host,
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '169.254.169.126',
    });
    note(verdict.who, 'container', response.statusCode);
  });
  return Object.assign(server, { requests });
}

const page = (status: string, words: string) =>
  `<html><head><title>${status}</title></head><body><h1>Error: ${status.slice(4)}</h1><h2>${words}</h2></body></html>`;

/** In Google's words. */
const PAGES: Readonly<Record<number, string>> = {
  401: page('401 Unauthorized', 'Your client does not have permission to the requested URL.'),
  403: page('403 Forbidden', 'Your client does not have permission to get URL from this server.'),
  404: page('404 Page not found', 'The requested URL was not found on this server.'),
};
