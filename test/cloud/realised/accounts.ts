/** What a service account has where it runs: a metadata server of its own, which signs tokens as Google does. */
import type { TokenIssuer } from '../../servers/issuer.ts';
import type { Store } from '../store.ts';
import { send, serveWeb, type WebServer } from './web.ts';

export const GOOGLE = 'https://accounts.google.com';

const LIFETIME_SECONDS = 3600;

/** An ID token of an account, as Google makes it for Cloud Scheduler and for the metadata server. */
export function idToken(issuer: TokenIssuer, store: Store, email: string, audience: string): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const sub = uniqueIdOf(store, email);
  return issuer.sign({
    ...{ iss: GOOGLE, aud: audience, azp: sub, sub },
    ...{ email, email_verified: true, iat: now, exp: now + LIFETIME_SECONDS },
  });
}

/** @throws where the account does not exist: Google signs for nobody who is not there */
function uniqueIdOf(store: Store, email: string): string {
  const project = /@(.+)\.iam\.gserviceaccount\.com$/.exec(email)?.[1] ?? '';
  const account = store.read('gcp:serviceaccount/account:Account', `projects/${project}/serviceAccounts/${email}`);
  if (account === null) throw new Error(`The service account ${email} does not exist.`);
  return `${account.outputs.uniqueId}`;
}

/** The metadata server that a container of this account sees; for GCE_METADATA_HOST. */
export function startMetadataOf(issuer: TokenIssuer, store: Store, email: string): Promise<WebServer> {
  const project = /@(.+)\.iam\.gserviceaccount\.com$/.exec(email)?.[1] ?? '';
  const me =
    /^\/computeMetadata\/v1\/instance\/service-accounts\/(?:default|[^/]+@[^/]+)\/(identity|email|token|scopes)$/;
  return serveWeb(async (incoming, response) => {
    const url = new URL(incoming.url ?? '/', 'http://metadata.google.internal');
    response.setHeader('metadata-flavor', 'Google');
    const plain = (text: string) => void response.writeHead(200, { 'content-type': 'application/text' }).end(text);
    // What a request forgery cannot send.
    if (incoming.headers['metadata-flavor'] !== 'Google') return send(response, 403, 'Missing Metadata-Flavor header.');
    const [, what] = me.exec(url.pathname) ?? [];
    const audience = url.searchParams.get('audience');
    if (what === 'identity' && audience === null) return send(response, 400, 'non-empty audience parameter required');
    if (what === 'identity') return plain(await idToken(issuer, store, email, audience ?? ''));
    if (what === 'email') return plain(email);
    if (what === 'scopes') return plain('https://www.googleapis.com/auth/cloud-platform');
    if (what === 'token') {
      return send(response, 200, { access_token: `access-of-${email}`, expires_in: 3599, token_type: 'Bearer' });
    }
    if (url.pathname === '/computeMetadata/v1/project/project-id') return plain(project);
    if (/^\/(?:computeMetadata\/v1\/?(?:instance\/?)?)?$/.test(url.pathname)) return plain('ok');
    return send(response, 404, 'Not found');
  });
}
