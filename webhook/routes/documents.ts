/** Changes of tenant files, each checked as a whole before it is written. */
import type { TenantDocument, TenantStore } from '../../runner/core/contracts/tenant-store.ts';
import { TributaryError } from '../../runner/core/errors.ts';
import { editTenantText, readAt } from '../../tenants/edit.ts';
import { parseTenant, type TenantIssue } from '../../tenants/load.ts';
import { type FieldError, RequestProblem } from '../problem.ts';
import { pointer } from './router.ts';
import { type Condition, etagOf, hold } from './versions.ts';

/** Of a part: others may change the rest of the file at the same moment. */
const ATTEMPTS = 5;

/** @throws TENANT_INVALID with everything that is wrong */
export function checked(tenant: string, yaml: string): string {
  const { errors } = parseTenant(yaml, `${tenant}.yaml`);
  if (errors.length === 0) return yaml;
  const error = new TributaryError('TENANT_INVALID', { file: `${tenant}.yaml`, count: errors.length });
  throw new RequestProblem(error, { fields: errors.map(fieldOf) });
}

/** `sources.orders.quality[0].column` → `/sources/orders/quality/0/column` */
export function fieldOf({ path, message, fix, line, column }: TenantIssue): FieldError {
  const steps = [...path.matchAll(/"(?:[^"\\]|\\.)*"|[\w-]+/g)].map(([step]) =>
    step.startsWith('"') ? (JSON.parse(step) as string) : step,
  );
  return { pointer: pointer(steps), detail: message, fix, line, column };
}

export type Section = 'connections' | 'sources';

export function entriesOf({ yaml }: TenantDocument, section: Section): Readonly<Record<string, unknown>> {
  const found = readAt(yaml, [section]);
  return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : {};
}

/**
 * Writes one entry of a section, or removes it (`undefined`).
 *
 * @returns whether it was there before. @throws TENANT_CHANGED, TENANT_INVALID, TENANT_NOT_FOUND
 */
export async function changeEntry(
  store: TenantStore,
  tenant: string,
  at: { readonly section: Section; readonly name: string },
  condition: Condition,
  value: unknown,
): Promise<boolean> {
  const { section, name } = at;
  for (let attempt = 1; ; attempt++) {
    const document = await store.read(tenant);
    if (document === null) throw new TributaryError('TENANT_NOT_FOUND', { tenants: 'The platform', tenant });
    const entries = entriesOf(document, section);
    const before = Object.hasOwn(entries, name) ? entries[name] : undefined;
    if (value === undefined && before === undefined) throw entryNotFound(tenant, section, name, entries);
    hold(condition, before === undefined ? null : etagOf(before), tenant);
    const yaml = checked(tenant, editTenantText(document.yaml, [section, name], value));
    try {
      if (yaml !== document.yaml) await store.write(tenant, yaml, document.etag);
      return before !== undefined;
    } catch (error) {
      const raced = TributaryError.is(error) && error.problem.code === 'TENANT_CHANGED';
      if (!raced || attempt === ATTEMPTS) throw error;
    }
  }
}

export function entryNotFound(tenant: string, section: Section, name: string, entries: object): TributaryError {
  const what = section === 'sources' ? 'source' : 'connection';
  const known = Object.keys(entries).join(', ');
  return new TributaryError('SOURCE_NOT_FOUND', { what, tenant, source: name, known });
}
