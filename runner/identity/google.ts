/** Proof of who the runner is, for whoever trusts Google. */
import { GoogleAuth } from 'google-auth-library';

/** Says who runs this: a token of Google for one audience. */
export type IdentityToken = (audience: string) => Promise<string>;

/**
 * A token of the runner's service account, signed by Google: from the metadata server on Google Cloud, else by the
 * key or the impersonation of the environment (ADC). Tokens last an hour; each call gets a new one.
 *
 * @throws Error where the environment has no service account, as for a person's own login
 */
export async function googleIdentityToken(audience: string): Promise<string> {
  const client = await new GoogleAuth().getIdTokenClient(audience);
  return await client.idTokenProvider.fetchIdToken(audience);
}

/** A token is used no more so long before it expires. */
const MARGIN_MS = 300_000;

/**
 * The same token until shortly before its end.
 *
 * @returns takes `anew`: the last one was refused, so it is not given again
 */
export function cachedIdentityToken(
  audience: string,
  fetchToken: IdentityToken = googleIdentityToken,
  now: () => number = Date.now,
): (anew: boolean) => Promise<string> {
  let kept: { readonly token: Promise<string>; until: number } | null = null;
  return (anew) => {
    if (kept !== null && !anew && kept.until > now()) return kept.token;
    const fetched = { token: fetchToken(audience), until: Number.POSITIVE_INFINITY };
    kept = fetched;
    fetched.token.then(
      (token) => {
        fetched.until = expiryOf(token) - MARGIN_MS;
      },
      () => {
        if (kept === fetched) kept = null;
      },
    );
    return fetched.token;
  };
}

/** A token whose end cannot be read is used once. */
function expiryOf(token: string): number {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp?: unknown };
    return Number(exp) * 1000 || 0;
  } catch {
    return 0;
  }
}
