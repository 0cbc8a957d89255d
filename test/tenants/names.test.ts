import { expect, it } from 'vitest';
import { parseTenant } from '../../tenants/load.ts';
import { tenantText } from './file.ts';

const named = (tenant: string) =>
  parseTenant(tenantText().replace('tenant: acme', `tenant: ${tenant}`), `tenants/${tenant}.yaml`).errors;

it('no tenant is called as the stack of the platform is', () => {
  expect(named('platform')).toEqual([
    {
      file: 'tenants/platform.yaml',
      line: 1,
      column: 9,
      path: 'tenant',
      message: 'platform is the name of what all tenants share',
      fix: 'write another name, for example tenant: platform-data, and rename the file to platform-data.yaml',
    },
  ]);
});

it.each(['platforms', 'platform-data', 'my-platform'])('%s is free', (tenant) => {
  expect(named(tenant)).toEqual([]);
});
