/** Who calls. */

export type Role = 'viewer' | 'operator' | 'admin';

/** A caller whose token was verified, bound to what it may touch. */
export type Caller =
  /** Cloud Scheduler under the account of one tenant: it may trigger that tenant's sources. */
  | { readonly kind: 'scheduler'; readonly tenant: string; readonly email: string }
  /** The runner (or the Dataflow watcher) of one tenant: it reads its configuration and reports its runs. */
  | { readonly kind: 'runner'; readonly tenant: string; readonly email: string }
  /** The platform's own schedule, for the sweep. */
  | { readonly kind: 'platform'; readonly email: string }
  /**
   * A person, by Identity-Aware Proxy or OIDC, or a program that a tenant lists as `serviceAccount:`; what they may do a
   * tenant's `members` say. `domain`: the Workspace that Google says the account belongs to. `groups`: where a directory
   * is asked. `admin`: of every tenant, by the settings of the platform.
   */
  | {
      readonly kind: 'person';
      readonly email: string;
      readonly domain?: string;
      readonly groups?: readonly string[];
      readonly admin?: true;
    }
  /** Anybody on a laptop, from the loopback: admin of every tenant. */
  | { readonly kind: 'laptop'; readonly email: string };

/** Why a caller is nobody: one of a fixed set of sentences, so that no part of a token gets into a record. */
export class Unauthenticated extends Error {
  override readonly name = 'Unauthenticated';
}

/** What a request carries about its caller. */
export interface Credentials {
  readonly authorization: string | null;
  /** `X-Serverless-Authorization`: Cloud Run checks this one instead where both are there. */
  readonly serverlessAuthorization: string | null;
  /** `X-Goog-IAP-JWT-Assertion` */
  readonly iapAssertion: string | null;
  readonly host: string | null;
  /** Address of the peer of the connection. */
  readonly peer: string;
}

export interface Authenticator {
  /**
   * @throws Unauthenticated, whose message is for the audit record and never for the caller; KEYS_UNAVAILABLE where nobody
   * can be told from anybody at the moment
   */
  authenticate(credentials: Credentials): Promise<Caller>;
}
