import { expect, test } from 'vitest';
import { editTenantText, readAt, writeTenantText } from '../../tenants/edit.ts';

const FILE = `# by hand
tenant: acme # the name
sources:
  # first
  orders: { connection: shop, table: a }
  # second
  items:
    connection: shop # the same
    table: b
`;

test('one value changes, everything else stays as it was written', () => {
  expect(editTenantText(FILE, ['sources', 'items', 'table'], 'c')).toBe(FILE.replace('table: b', 'table: c'));
});

test('a map is merged: what is the same is not written again, what is missing goes', () => {
  const edited = editTenantText(FILE, ['sources', 'items'], { connection: 'shop', query: 'SELECT 1' });
  expect(edited).toBe(FILE.replace('table: b', 'query: SELECT 1'));
});

test('removed and added', () => {
  const without = editTenantText(FILE, ['sources', 'orders'], undefined);
  expect(readAt(without, ['sources'])).toEqual({ items: { connection: 'shop', table: 'b' } });
  expect(without).toContain('# by hand');
  const more = editTenantText(FILE, ['connections', 'shop'], { kind: 'postgres' });
  expect(readAt(more, ['connections', 'shop', 'kind'])).toBe('postgres');
});

test('what is read is what was written; nothing is undefined', () => {
  const value = { tenant: 'acme', sources: { a: { n: 1, list: ['x', null], text: 'yes' } } };
  expect(readAt(writeTenantText(value), [])).toEqual(value);
  expect(readAt(editTenantText(FILE, [], value), [])).toEqual(value);
  expect(readAt(FILE, ['sources', 'none'])).toBeUndefined();
});
