import { parseTenant, type TenantIssue } from '../../tenants/load.ts';

/** A valid file whose one source can be changed line by line. */
export function tenantText(
  parts: { top?: string; connections?: string; source?: string; load?: string; more?: string } = {},
): string {
  const { top = '', connections = '', source = '', more = '' } = parts;
  const { load = '{strategy: transactional, mode: merge, key: [id], cursor: updated_at}' } = parts;
  return `tenant: acme
${top}
connections:
  shop: {kind: postgres, host: db, database: shop, user: reader, secret: shop-password}
  so: {kind: bigquery, project: bigquery-public-data}
  landing: {kind: gcs, bucket: acme-landing}
  app: {kind: firestore, project: acme-app}
${connections}
sources:
  orders:
    connection: shop
    table: public.orders
    load: ${load}
${source}
${more}
`;
}

export function issuesOf(text: string): readonly TenantIssue[] {
  return parseTenant(text, 'tenants/acme.yaml').errors;
}

/** One line an issue, without its place. */
export function said(text: string): string[] {
  return issuesOf(text).map(({ path, message, fix }) => `${path}: ${message} | ${fix}`);
}
