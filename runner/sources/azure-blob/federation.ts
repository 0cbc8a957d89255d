/** Without a key: the runner's Google identity becomes an application of Entra. */
import { withoutSecrets } from '../../core/objects/secrets.ts';
import { googleIdentityToken } from '../../identity/google.ts';

/** What the SDK asks for tokens. */
export interface TokenSource {
  getToken(scopes: string | string[], options?: { readonly abortSignal?: AbortSignal }): Promise<Token>;
}

export interface Token {
  readonly token: string;
  /** Milliseconds since 1970. The SDK asks for a new one two minutes before. */
  readonly expiresOnTimestamp: number;
}

/** What the metadata server or Entra answered instead of a token. */
export class LoginFailed extends Error {
  readonly passing: boolean;

  constructor(message: string, passing: boolean) {
    super(message);
    this.passing = passing;
  }
}

/** The one audience that Entra takes tokens of other clouds for. */
const AUDIENCE = 'api://AzureADTokenExchange';
const PUBLIC_CLOUD = 'https://login.microsoftonline.com';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const TIMEOUT_MS = 30_000;

/**
 * Exchanges tokens by one request (RFC 7523, 2.2). AZURE_AUTHORITY_HOST names another cloud's authority, as for all
 * of Microsoft's own programs.
 */
export function federation(tenantId: string, clientId: string): TokenSource {
  const authority = (process.env.AZURE_AUTHORITY_HOST || PUBLIC_CLOUD).replace(/\/+$/, '');
  return {
    async getToken(scopes, { abortSignal } = {}) {
      const assertion = await googleIdentityToken(AUDIENCE).catch((error: Error) => {
        throw new LoginFailed(`no token of Google for the audience ${AUDIENCE}: ${error.message}`, false);
      });
      const timeout = AbortSignal.timeout(TIMEOUT_MS);
      const answer = await fetch(`${authority}/${tenantId}/oauth2/v2.0/token`, {
        method: 'POST',
        signal: abortSignal === undefined ? timeout : AbortSignal.any([abortSignal, timeout]),
        body: new URLSearchParams({
          ...{ client_id: clientId, grant_type: 'client_credentials', scope: [scopes].flat().join(' ') },
          ...{ client_assertion_type: ASSERTION, client_assertion: assertion },
        }),
      });
      const { access_token, expires_in, error_description, error } = (await answer.json().catch(() => ({}))) as {
        readonly [key: string]: string | undefined;
      };
      if (!answer.ok || !access_token) {
        const said = withoutSecrets(error_description ?? error ?? 'no reason given');
        throw new LoginFailed(`${said} (${answer.status})`, answer.status === 429 || answer.status >= 500);
      }
      return { token: access_token, expiresOnTimestamp: Date.now() + Number(expires_in ?? 0) * 1000 };
    },
  };
}
