import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ONE_READER } from '../../tenants/checks/kinds.ts';
import { parseTenant } from '../../tenants/load.ts';
import { aboutOf, connectors, KINDS, readsFiles, renderConnector } from './connectors-page.ts';
import { root } from './tree.ts';

test('a connector that can be opened has a page', () => {
  const opened = KINDS.filter((kind) => existsSync(join(root, 'runner', 'sources', kind, 'index.ts')));
  expect(connectors).toEqual(opened);
});

describe.each(connectors)('%s', (kind) => {
  test('its example is a tenant without errors, and of its kind', async () => {
    const { example } = await aboutOf(kind);
    const { tenant, errors } = parseTenant(`tenant: acme\n${example}`, 'tenants/acme.yaml');
    expect(errors).toEqual([]);
    expect(Object.values(tenant?.connections ?? {}).map((connection) => connection.kind)).toContain(kind);
    expect(Object.keys(tenant?.sources ?? {})).not.toEqual([]);
  });

  test('its page is whole', async () => {
    const about = await aboutOf(kind);
    expect(about.kind).toBe(kind);
    expect(Object.hasOwn(ONE_READER, kind)).toBe(!about.capabilities.parallelReaders);
    expect(about.grants.length).toBeGreaterThan(0);
    expect(about.limits.length).toBeGreaterThan(0);
    if (!readsFiles(kind)) expect(about.types?.length).toBeGreaterThan(0);
    expect(await renderConnector(kind)).not.toContain('undefined');
  });
});
