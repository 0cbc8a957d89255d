/** Where the files of tenants are while the platform runs: a folder on a laptop, a bucket in the cloud. Types only. */

/** A tenant's file as it is written. */
export interface TenantDocument {
  readonly tenant: string;
  readonly yaml: string;
  /** Changes with every write; opaque. */
  readonly etag: string;
  /** ISO 8601, UTC. */
  readonly updatedAt: string;
}

export interface TenantStore extends AsyncDisposable {
  /** Names, sorted. */
  list(): Promise<readonly string[]>;
  read(tenant: string): Promise<TenantDocument | null>;
  /**
   * Optimistic: of two who read the same version, the second is refused. What comes again with the text that is there (its
   * answer was lost) is answered with it.
   *
   * @param etag of the version it replaces; `null`: only where there is none.
   * @throws TENANT_CHANGED
   */
  write(tenant: string, yaml: string, etag: string | null): Promise<TenantDocument>;
  /** What is gone already is no error. @throws TENANT_CHANGED */
  remove(tenant: string, etag: string): Promise<void>;
}
