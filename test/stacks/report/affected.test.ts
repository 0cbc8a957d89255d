import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { canarySet } from '../../../stacks/report/affected.ts';
import { parseTenant } from '../../../tenants/load.ts';
import { root } from '../../house/tree.ts';

const tenant = (name: string, kind = 'gcs', extra = '') =>
  `tenant: ${name}\nconnections:\n  landing: {kind: ${kind}, ${kind === 'gcs' ? 'bucket: b-landing' : 'project: p-project'}}\n${extra}`;

/** A repository whose `main` has tenants, and a branch on which `change` happened. */
function affectedBy(change: (put: (file: string, text: string | null) => void) => void) {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-affected-'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t.example', ...args], { cwd: folder, stdio: 'pipe' });
  const put = (file: string, text: string | null) => {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    if (text === null) rmSync(join(folder, file));
    else writeFileSync(join(folder, file), text);
  };
  try {
    git('init', '--quiet', '--initial-branch=main');
    for (const name of ['aa', 'bb', 'cc', 'dd', 'ee', 'ff', 'gg']) put(`tenants/${name}.yaml`, tenant(name));
    put('tenants/zz.yaml', tenant('zz', 'bigquery'));
    put('README.md', 'x');
    git('add', '.');
    git('commit', '--quiet', '-m', 'base');
    git('checkout', '--quiet', '-b', 'branch');
    change(put);
    git('add', '.');
    git('commit', '--quiet', '--allow-empty', '-m', 'change');
    git('checkout', '--quiet', 'main');
    put('tenants/hh.yaml', tenant('hh'));
    put('tenants/aa.yaml', tenant('aa', 'gcs', 'displayName: Elsewhere\n'));
    git('add', '.');
    git('commit', '--quiet', '-m', 'main goes on');
    const outputs = join(folder, 'outputs');
    const main = join(root, 'stacks/report/main.ts');
    const args = [main, 'affected', '--base', 'main', '--head', 'branch', '--outputs', outputs];
    const printed = execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    return { ...JSON.parse(printed), outputs: readFileSync(outputs, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a tenant whose specification changed, since the branch was made', () => {
  const found = affectedBy((put) => {
    put('tenants/bb.yaml', tenant('bb', 'gcs', 'displayName: B\n'));
    put('tenants/cc.yaml', `# only a comment\n${tenant('cc')}`);
    put('tenants/ii.yaml', tenant('ii'));
    put('tenants/dd.yaml', 'tenant: [broken');
    put('tenants/ee.yaml', null);
    put('README.md', 'y');
  });
  expect(found).toMatchObject({ stacks: ['bb', 'dd', 'ii'], removed: ['ee'] });
  expect(found.outputs).toBe('stacks=["bb","dd","ii"]\nwhy=3 with a changed specification; no longer there: ee\n');
});

test('a component: the platform and canaries, which together have every kind of source', () => {
  const found = affectedBy((put) => put('components/tenant.ts', 'x'));
  expect(found.stacks).toEqual(['platform', 'aa', 'bb', 'cc', 'dd', 'zz']);
  expect(found.why).toBe('5 as canaries, because components/tenant.ts changed');
});

test('nothing: documents, tests, the report itself', () => {
  const found = affectedBy((put) => {
    for (const file of ['docs/a.md', 'test/a.ts', 'runner/a.ts', 'stacks/report/a.ts']) put(file, 'x');
  });
  expect(found).toMatchObject({ stacks: [], removed: [], why: 'no stack is affected' });
});

test('the canaries do not depend on the order of files', () => {
  const all = ['aa', 'bb', 'cc', 'dd', 'ee', 'ff'].map(
    (name) => [name, parseTenant(tenant(name), name).tenant] as const,
  );
  expect(canarySet(new Map(all))).toEqual(canarySet(new Map(all.toReversed())));
});
