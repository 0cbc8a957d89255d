/** Callers in the cloud: programs by Google's identity tokens, people by IAP or by signing in with Google. */
import type { JWTPayload } from 'jose';
import { TributaryError } from '../../runner/core/errors.ts';
import type { Accounts } from './accounts.ts';
import { isServiceAccount } from './bindings.ts';
import { type Authenticator, type Caller, type Credentials, Unauthenticated } from './caller.ts';
import { issuerKeys, type KeyTimes } from './keys.ts';
import { isMember } from './roles.ts';
import { type Identity, REMOVED_SIGNATURE, type TokenRules, verifyToken } from './token.ts';

export interface AuthSettings {
  /** Of tokens of schedules and runners: the literal that `webhookAudience` gives. */
  readonly audience: string;
  /** Client id that people sign in with; absent: nobody does. */
  readonly peopleAudience?: string;
  /** Audience of IAP's assertions, `/projects/<number>/…`; absent: IAP is not in front, its header means nothing. */
  readonly iapAudience?: string;
  /** Default: Google's. */
  readonly keysUrl?: string;
  /** Default: IAP's. */
  readonly iapKeysUrl?: string;
  /**
   * `checked-by-cloud-run`: the service has Cloud Run's IAM check on, which verifies the signature and replaces it by
   * a literal. Claims are held to the same rules. Default: verify.
   */
  readonly signature?: TokenRules['signature'];
  /** Principals, as a tenant's members are written, that are admins of every tenant. */
  readonly admins?: readonly string[];
  readonly keyTimes?: Partial<KeyTimes>;
}

/** The groups that somebody is in, by address. Without a directory nobody is in a group. */
export type GroupDirectory = (email: string) => Promise<readonly string[]>;

const GOOGLE_KEYS = 'https://www.googleapis.com/oauth2/v3/certs';
const IAP_KEYS = 'https://www.gstatic.com/iap/verify/public_key-jwk';
const GOOGLE = ['https://accounts.google.com', 'accounts.google.com'];
const IAP = ['https://cloud.google.com/iap'];

/**
 * A bearer token counts until it expires, as often as it comes: what a repeated call does is decided by the tick and
 * the event ids in it. For another audience it never counts.
 *
 * @example authenticator({ audience: webhookAudience('acme-platform') }, knownAccounts(tenants, 'acme-platform'))
 */
export function authenticator(settings: AuthSettings, accounts: Accounts, directory?: GroupDirectory): Authenticator {
  const google = {
    keys: issuerKeys(settings.keysUrl ?? GOOGLE_KEYS, settings.keyTimes),
    algorithm: 'RS256',
    issuers: GOOGLE,
    emailVerified: 'claimed',
  } as const;
  const { audience, peopleAudience, iapAudience, signature = 'verify' } = settings;
  const machine: TokenRules = { ...google, audience, signature, isAuthorizedParty: isItself };
  const person = peopleAudience === undefined ? null : peopleRules(google, peopleAudience);
  const iap = iapAudience === undefined ? null : iapRules(settings, iapAudience);
  const admins = settings.admins ?? [];

  /** A directory that fails makes nobody a member. */
  const human = async (identity: Identity): Promise<Caller> => {
    const groups = ((await directory?.(identity.email).catch(() => [])) ?? []).map((group) => group.toLowerCase());
    const person = { ...identity, ...(groups.length === 0 ? {} : { groups }) };
    const admin = admins.some((principal) => isMember(person, { principal }));
    return { kind: 'person', ...person, ...(admin ? { admin } : {}) };
  };

  return {
    async authenticate(credentials) {
      if (iap !== null && credentials.iapAssertion !== null) {
        return human(await verifyToken(credentials.iapAssertion, iap));
      }
      const token = bearer(credentials, signature);
      if (person !== null && saysAudience(token, person.audience)) return human(await verifyToken(token, person));
      const identity = await verifyToken(token, machine);
      const bound = await accounts.callerOf(identity.email);
      if (bound !== null) return bound;
      // Anybody at Google may ask a token for any audience: such a program is what the members of a tenant make of it.
      if (isServiceAccount(identity.email)) return human({ email: identity.email });
      throw new Unauthenticated('a person with a token for programs');
    },
  };
}

function peopleRules(google: Omit<TokenRules, 'audience' | 'signature' | 'isAuthorizedParty'>, audience: string) {
  const isAuthorizedParty = (azp: string) => azp === audience;
  return { ...google, audience, signature: 'verify', isAuthorizedParty } as const satisfies TokenRules;
}

function iapRules(settings: AuthSettings, audience: string): TokenRules {
  return {
    keys: issuerKeys(settings.iapKeysUrl ?? IAP_KEYS, settings.keyTimes),
    algorithm: 'ES256',
    issuers: IAP,
    audience,
    emailVerified: 'implied',
    signature: 'verify',
    isAuthorizedParty: (azp) => azp === audience,
  };
}

/** Google issues the token of an account to the account: by its number, or by its address where it signed itself. */
function isItself(azp: string, claims: JWTPayload): boolean {
  return azp === claims.sub || azp === claims.email;
}

/** @throws Unauthenticated */
function bearer(credentials: Credentials, signature: TokenRules['signature']): string {
  const { authorization, serverlessAuthorization } = credentials;
  if (authorization === null) throw new Unauthenticated('no credentials');
  const token = /^Bearer ([^\s,]+)$/i.exec(authorization)?.[1];
  if (token === undefined) throw new Unauthenticated('not one bearer token');
  // Cloud Run looks at the other header then and lets this one through as it came.
  if (signature === 'checked-by-cloud-run' && serverlessAuthorization !== null && token.endsWith(REMOVED_SIGNATURE)) {
    throw new Unauthenticated('signature removed by the caller');
  }
  return token;
}

/** Only chooses the rules that the token is then held to. */
function saysAudience(token: string, audience: string): boolean {
  const payload = token.length > 8192 ? undefined : token.split('.')[1];
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString());
    return typeof claims === 'object' && claims !== null && 'aud' in claims && claims.aud === audience;
  } catch {
    return false;
  }
}

/**
 * From the environment of the service.
 *
 * @throws USAGE
 */
export function authSettings(env: Readonly<Record<string, string | undefined>>): AuthSettings {
  const said = env.TRIBUTARY_OIDC_SIGNATURE || 'verify';
  if (said !== 'verify' && said !== 'checked-by-cloud-run') {
    const reason = `TRIBUTARY_OIDC_SIGNATURE is "${said}"`;
    throw new TributaryError('USAGE', { reason, advice: 'Set it to verify or checked-by-cloud-run.' });
  }
  if (!env.TRIBUTARY_AUDIENCE) {
    throw new TributaryError('USAGE', {
      reason: 'TRIBUTARY_AUDIENCE is not set',
      advice: 'Set it to the audience that schedules and runners ask their tokens for.',
    });
  }
  const optional = {
    peopleAudience: env.TRIBUTARY_PEOPLE_AUDIENCE,
    iapAudience: env.TRIBUTARY_IAP_AUDIENCE,
    keysUrl: env.TRIBUTARY_OIDC_JWKS,
    iapKeysUrl: env.TRIBUTARY_IAP_JWKS,
  };
  return {
    audience: env.TRIBUTARY_AUDIENCE,
    signature: said,
    admins: (env.TRIBUTARY_ADMINS ?? '').split(/[\s,]+/).filter((principal) => principal !== ''),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value)),
  };
}
