/** Who calls. Types only. */

export type Role = 'viewer' | 'operator' | 'admin';

/** A caller whose token was verified, bound to what it may touch. */
export type Caller =
  /** Cloud Scheduler under the account of one tenant: it may trigger that tenant's sources. */
  | { readonly kind: 'scheduler'; readonly tenant: string; readonly email: string }
  /** The runner (or the Dataflow watcher) of one tenant: it reads its configuration and reports its runs. */
  | { readonly kind: 'runner'; readonly tenant: string; readonly email: string }
  /** The platform's own schedule, for the sweep. */
  | { readonly kind: 'platform'; readonly email: string }
  /** A person, by Identity-Aware Proxy or OIDC; what they may do a tenant's `members` say. */
  | { readonly kind: 'person'; readonly email: string }
  /** Anybody on a laptop, from the loopback: admin of every tenant. */
  | { readonly kind: 'laptop'; readonly email: string };

/** What a request carries about its caller. */
export interface Credentials {
  readonly authorization: string | null;
  /** `X-Goog-IAP-JWT-Assertion` */
  readonly iapAssertion: string | null;
  readonly host: string | null;
  /** Address of the peer of the connection. */
  readonly peer: string;
}

export interface Authenticator {
  /** @throws Unauthenticated, whose message is for the audit record and never for the caller */
  authenticate(credentials: Credentials): Promise<Caller>;
}
