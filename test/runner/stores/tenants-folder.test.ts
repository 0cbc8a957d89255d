import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { problemOf } from '../../../runner/core/errors.ts';
import { openFolderTenants } from '../../../runner/stores/tenants/folder.ts';
import { tenantStoreSuite } from '../../contracts/tenant-store.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tributary-tenants-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const place = () => join(mkdtempSync(join(root, 'place-')), 'not', 'yet');

tenantStoreSuite('folder', openFolderTenants, place);

describe('folder: the files', () => {
  let folder: string;
  beforeEach(() => {
    folder = place();
    mkdirSync(folder, { recursive: true });
  });

  test('what a person edits is a new version', async () => {
    await using store = openFolderTenants(folder);
    const { etag } = await store.write('acme', 'one', null);
    writeFileSync(join(folder, 'acme.yaml'), 'by hand');
    expect(await store.write('acme', 'two', etag).catch(problemOf)).toMatchObject({ code: 'TENANT_CHANGED' });
    const found = await store.read('acme');
    expect(found?.yaml).toBe('by hand');
    expect(await store.write('acme', 'two', found?.etag ?? '')).toMatchObject({ yaml: 'two' });
  });

  test('other files are nobody, also what a killed writer left', async () => {
    await using store = openFolderTenants(folder);
    for (const name of ['README.md', '.acme.yaml.1f2e', 'acme.yml', 'tenant.schema.json', 'a b.yaml']) {
      writeFileSync(join(folder, name), 'x');
    }
    expect(await store.list()).toEqual([]);
    await store.write('acme', 'one', null);
    expect(await store.list()).toEqual(['acme']);
    expect(readdirSync(folder).filter((name) => name.startsWith('.acme'))).toEqual(['.acme.yaml.1f2e']);
  });

  test('a link stays a link, permissions stay what they are', async () => {
    const real = join(folder, 'elsewhere.txt');
    writeFileSync(real, 'one');
    chmodSync(real, 0o600);
    symlinkSync(real, join(folder, 'acme.yaml'));
    await using store = openFolderTenants(folder);
    await store.write('acme', 'two', (await store.read('acme'))?.etag ?? '');
    expect(lstatSync(join(folder, 'acme.yaml')).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, 'utf8')).toBe('two');
    expect(statSync(real).mode & 0o777).toBe(0o600);
  });

  test('what cannot be used says so', async () => {
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'acme.yaml'));
    expect(await openFolderTenants(join(folder, 'file')).list().catch(problemOf)).toMatchObject({
      code: 'TENANTS_FAILED',
      detail: expect.stringContaining('no folder'),
    });
    expect(await openFolderTenants(folder).read('acme').catch(problemOf)).toMatchObject({ code: 'TENANTS_FAILED' });
  });
});
