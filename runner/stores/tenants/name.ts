/** What may be the name of a tenant's file; anything else is no path that is followed. */
export function isFileName(tenant: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(tenant);
}
