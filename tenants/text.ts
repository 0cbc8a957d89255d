/** A tenant as the shortest file that says it. */
import { isDeepStrictEqual } from 'node:util';
import { writeTenantText } from './edit.ts';
import type { Path } from './issues.ts';
import { type TenantSpec, tenantSchema } from './schema/tenant.ts';
import { keysAt, schemaAt } from './schema-walk.ts';

/**
 * Leaves out what is there by default: some defaults would be refused where somebody wrote them, for they mean nothing
 * beside what else the file says.
 *
 * @example parseTenant(tenantText(spec), 'acme.yaml').tenant // equal to spec
 */
export function tenantText(spec: TenantSpec): string {
  return writeTenantText(said(spec, [], spec));
}

function said(value: unknown, path: Path, spec: TenantSpec): unknown {
  if (Array.isArray(value)) return value.map((one, at) => said(one, [...path, at], spec));
  if (typeof value !== 'object' || value === null) return value;
  const fields = new Set(keysAt(tenantSchema, path, spec));
  const kept = Object.entries(value).filter(
    ([key, inner]) => inner !== undefined && !(fields.has(key) && isDefault(inner, [...path, key], spec)),
  );
  return Object.fromEntries(kept.map(([key, inner]) => [key, said(inner, [...path, key], spec)]));
}

function isDefault(value: unknown, path: Path, spec: TenantSpec): boolean {
  const without = schemaAt(tenantSchema, path, spec)?.safeParse(undefined, { jitless: true });
  return without?.success === true && isDeepStrictEqual(without.data, value);
}
