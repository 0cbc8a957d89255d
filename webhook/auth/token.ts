/** A token → whose it is, or that it is nobody's. */
import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify, UnsecuredJWT } from 'jose';
import { TributaryError } from '../../runner/core/errors.ts';
import { Unauthenticated } from './caller.ts';

/** Who Google says it is. */
export interface Identity {
  /** In small letters. */
  readonly email: string;
  /** Workspace that the account belongs to (`hd`). */
  readonly domain?: string;
}

/** What a token must be. */
export interface TokenRules {
  readonly keys: JWTVerifyGetKey;
  readonly algorithm: 'RS256' | 'ES256';
  readonly issuers: readonly string[];
  /** The one literal that `aud` is. */
  readonly audience: string;
  /** Who it may have been issued to (`azp`), where it says so. */
  readonly isAuthorizedParty: (azp: string, claims: JWTPayload) => boolean;
  /** IAP says nothing of it: it lets nobody else through. */
  readonly emailVerified: 'claimed' | 'implied';
  /** Cloud Run checked the signature and took it away. */
  readonly signature: 'verify' | 'checked-by-cloud-run';
}

/** Google's have 1 to 2 kB. */
const LARGEST_TOKEN = 8192;
const SKEW_SECONDS = 30;
/** Those of Google live an hour. */
const MAX_AGE_SECONDS = 3600;
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const KEY_ID = /^[\w.-]{1,128}$/;
const EMAIL = /^[a-z0-9.+_%'&-]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])$/i;
/** What Cloud Run puts in the place of a signature. */
export const REMOVED_SIGNATURE = 'SIGNATURE_REMOVED_BY_GOOGLE';
/** `{"alg":"none"}`, so that claims without a signature are held to the same rules. */
const UNSECURED = 'eyJhbGciOiJub25lIn0';

/** @throws Unauthenticated; KEYS_UNAVAILABLE */
export async function verifyToken(token: string, rules: TokenRules): Promise<Identity> {
  if (token.length > LARGEST_TOKEN) throw new Unauthenticated('token too large');
  if (!COMPACT.test(token)) throw new Unauthenticated('not a token');
  checkHeader(token, rules.algorithm);
  const claims = await verifiedClaims(token, rules);
  // jose accepts a list that holds the audience.
  if (claims.aud !== rules.audience) throw new Unauthenticated('wrong audience');
  if (claims.azp !== undefined && !(typeof claims.azp === 'string' && rules.isAuthorizedParty(claims.azp, claims))) {
    throw new Unauthenticated('wrong authorized party');
  }
  return identityOf(claims, rules);
}

/** Only `alg` and `kid` are read; a key or an address in the header means nothing here. */
function checkHeader(token: string, algorithm: string): void {
  let header: Record<string, unknown>;
  try {
    header = decodeProtectedHeader(token);
  } catch {
    throw new Unauthenticated('header is no JSON');
  }
  const { alg, kid, typ } = header;
  if (alg !== algorithm) throw new Unauthenticated('algorithm not allowed');
  if (typeof kid !== 'string' || !KEY_ID.test(kid)) throw new Unauthenticated('no acceptable key id');
  if (typ !== undefined && typ !== 'JWT') throw new Unauthenticated('not an identity token');
  if ('crit' in header) throw new Unauthenticated('critical extensions');
  if ('b64' in header) throw new Unauthenticated('unencoded payload');
}

async function verifiedClaims(token: string, rules: TokenRules): Promise<JWTPayload> {
  const options = {
    issuer: [...rules.issuers],
    audience: rules.audience,
    clockTolerance: SKEW_SECONDS,
    maxTokenAge: MAX_AGE_SECONDS,
    requiredClaims: ['exp', 'iat', 'sub', 'email'],
  };
  try {
    if (rules.signature === 'checked-by-cloud-run' && token.endsWith(`.${REMOVED_SIGNATURE}`)) {
      return UnsecuredJWT.decode(`${UNSECURED}.${token.split('.')[1]}.`, options).payload;
    }
    return (await jwtVerify(token, rules.keys, { ...options, algorithms: [rules.algorithm] })).payload;
  } catch (error) {
    if (TributaryError.is(error)) throw error;
    throw new Unauthenticated(reasonOf(error));
  }
}

function identityOf(claims: JWTPayload, rules: TokenRules): Identity {
  const { email, email_verified: verified, hd: domain } = claims;
  if (verified !== true && !(rules.emailVerified === 'implied' && verified === undefined)) {
    throw new Unauthenticated('e-mail not verified');
  }
  if (typeof email !== 'string' || !EMAIL.test(email)) throw new Unauthenticated('no acceptable e-mail');
  return { email: email.toLowerCase(), ...(typeof domain === 'string' ? { domain: domain.toLowerCase() } : {}) };
}

/** The messages of jose quote nothing; those of others might. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed) return `claim ${known(error.claim)} ${error.reason}`;
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWKSNoMatchingKey) return 'signed by an unknown key';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'wrong signature';
  return 'malformed';
}

function known(claim: string): string {
  return /^\w{1,20}$/.test(claim) ? claim : 'unknown';
}
