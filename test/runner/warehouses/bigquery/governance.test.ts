import { expect, test } from 'vitest';
import { createPolicy, differences, patchOf } from '../../../../runner/warehouses/bigquery/governance.ts';

const tag = { policyTags: { names: ['projects/p/locations/eu/taxonomies/1/policyTags/2'] } };
const policies = [{ id: 'sales', filter: "region = 'EU'", grantees: ['group:eu@acme.com'] }];

test('a new table gets back what people said of the old one', () => {
  const before = {
    description: 'Orders',
    labels: { team: 'sales', env: 'old' },
    expirationTime: '1800000000000',
    schema: { fields: [{ name: 'id' }, { name: 'mail', ...tag }, { name: 'gone', ...tag }] },
  };
  const now = { labels: { env: 'new' }, schema: { fields: [{ name: 'id' }, { name: 'mail' }] } };
  expect(patchOf(before, now)).toEqual({
    schema: { fields: [{ name: 'id' }, { name: 'mail', ...tag }] },
    labels: { env: 'new', team: 'sales' },
    description: 'Orders',
    expirationTime: '1800000000000',
  });
  expect(patchOf(before, { ...before, labels: { ...before.labels, more: 'x' } })).toBeNull();
  const kept = { ...before, schema: { fields: [{ name: 'id' }, { name: 'mail', ...tag }] } };
  const lost = differences({ table: before, policies }, { table: kept, policies: [] });
  expect(lost).toEqual([`policy tag ${tag.policyTags.names[0]} of column gone`, 'row access policy sales']);
  expect(differences({ table: kept, policies }, { table: kept, policies })).toEqual([]);
});

test('a policy of rows is written so that nothing gets out of its quotes', () => {
  const [policy] = policies;
  if (policy === undefined) throw new Error('there is one');
  expect(createPolicy('p.d.t', { ...policy, id: 'a`b', grantees: ["user:o'neil@acme.com"] })).toBe(
    "CREATE OR REPLACE ROW ACCESS POLICY `a\\`b` ON `p.d.t` GRANT TO ('user:o\\'neil@acme.com') FILTER USING (region = 'EU')",
  );
});
