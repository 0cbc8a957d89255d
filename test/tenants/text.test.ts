import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseTenant, readTenant } from '../../tenants/load.ts';
import type { TenantSpec } from '../../tenants/schema/index.ts';
import { tenantText } from '../../tenants/text.ts';

const root = join(import.meta.dirname, '..', '..');
const folders = ['tenants', 'test/fixtures/state/0.1.0/tenants'].map((folder) => join(root, folder));
const files = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(folder, name)),
);

function specOf(text: string): TenantSpec {
  const { tenant, errors } = parseTenant(text, 'acme.yaml');
  expect(errors).toEqual([]);
  return tenant as TenantSpec;
}

describe('the shortest file of a tenant', () => {
  test.each(files)('%s: says the same', (file) => {
    const { tenant } = readTenant(file);
    const text = tenantText(tenant as TenantSpec);
    expect(parseTenant(text, file)).toEqual({ tenant, errors: [] });
    expect(tenantText(parseTenant(text, file).tenant as TenantSpec)).toBe(text);
  });

  test('keeps what is no default, and leaves out what is', () => {
    const written = `
tenant: acme
location: EU
protection: { data: true, compute: true }
connections:
  shop: { kind: postgres, host: db, port: 5432, database: shop, user: reader, tls: require, secret: s }
sources:
  orders:
    connection: shop
    table: public.orders
    columns: { mask: { email: hmac-sha256 } }
    load: { strategy: transactional, mode: merge, key: [id], cursor: at, deletes: soft, maxDeleteRatio: 0.2, lag: 5s }
    schedule: { cron: "0 * * * *", timeZone: UTC, paused: true, overlap: queue }
    after: { publish: true }
    quality: [{ column: id, test: unique }, { test: row_count, min: 1 }]
`;
    const text = tenantText(specOf(written));
    expect(specOf(text)).toEqual(specOf(written));
    expect(parse(text)).toEqual({
      tenant: 'acme',
      protection: { compute: true },
      connections: {
        shop: { kind: 'postgres', host: 'db', database: 'shop', user: 'reader', tls: 'require', secret: 's' },
      },
      sources: {
        orders: {
          connection: 'shop',
          table: 'public.orders',
          columns: { mask: { email: 'hmac-sha256' } },
          load: { strategy: 'transactional', mode: 'merge', key: ['id'], cursor: 'at', deletes: 'soft', lag: '5s' },
          schedule: { cron: '0 * * * *', paused: true, overlap: 'queue' },
          after: { publish: true },
          quality: [
            { column: 'id', test: 'unique' },
            { test: 'row_count', min: 1 },
          ],
        },
      },
    });
  });
});
