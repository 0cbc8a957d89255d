/** Tenants as the platform has them now. A version is parsed once. */
import type { TenantDocument, TenantStore } from '../runner/core/contracts/tenant-store.ts';
import { parseTenant, type TenantFile } from '../tenants/load.ts';

export interface OpenTenant {
  readonly document: TenantDocument;
  readonly file: TenantFile;
}

/** Far more than any platform holds; what is over it is parsed again. */
const MOST = 2000;

export function tenantReader(store: TenantStore): (name: string) => Promise<OpenTenant | null> {
  const parsed = new Map<string, OpenTenant>();
  return async (name) => {
    const document = await store.read(name);
    if (document === null) {
      parsed.delete(name);
      return null;
    }
    const known = parsed.get(name);
    if (known !== undefined && known.document.etag === document.etag) return { document, file: known.file };
    const opened = { document, file: parseTenant(document.yaml, `${name}.yaml`) };
    if (parsed.size >= MOST) parsed.clear();
    parsed.set(name, opened);
    return opened;
  };
}
