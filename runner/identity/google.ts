/** Proof of who the runner is, for another cloud that trusts Google. */
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
