import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../setup/describe-with.ts';
import { DATASET, JOB, SCHEDULE } from './provision-scene.ts';
import { RootProject } from './root-project.ts';

const MINUTES = 60_000;
const SECRET = 'gcp:secretmanager/secret:Secret';
const PLATFORM = ['-s', 'platform.dev'];
const ACME = ['-s', 'acme.dev'];
const POLICIES = ['--policy-pack', 'policies', '--policy-pack-config', 'policies/presets/prod.json'];

describeWith(['engine'], 'pulumi at the root, as a person types it', () => {
  let project: RootProject;
  beforeAll(async () => {
    project = await RootProject.open();
  });
  afterAll(() => project?.[Symbol.dispose]());

  const fails = async (...args: readonly string[]) => {
    const { code, text } = await project.pulumi(...args);
    expect(code, text).not.toBe(0);
    return text;
  };
  const succeeds = async (...args: readonly string[]) => {
    const { code, text } = await project.pulumi(...args);
    expect(code, text).toBe(0);
    return text;
  };
  const ids = (type: string) => project.cloud.resources(type).map(({ id }) => id);
  /** Those of the tenant; the platform has one of its own. */
  const schedules = () => ids(SCHEDULE).filter((id) => id.includes('acme_'));

  test('a stack is made first', { timeout: 2 * MINUTES }, async () => {
    expect(await fails('up', ...ACME, '--yes')).toContain(`no stack named 'acme.dev' found`);
    await succeeds('stack', 'init', 'platform.dev');
    await succeeds('stack', 'init', 'acme.dev');
  });

  test('a tenant needs its platform', { timeout: 2 * MINUTES }, async () => {
    expect(await fails('preview', ...ACME)).toContain('platform.dev');
    expect(project.cloud.resources()).toEqual([]);
  });

  test('the policies hold a stack back', { timeout: 2 * MINUTES }, async () => {
    using _ = project.edit('Pulumi.platform.dev.yaml', (text) =>
      text.replace(/(webhookImage: \S+)@sha256:0+/, '$1:latest'),
    );
    const text = await fails('up', ...PLATFORM, '--yes', ...POLICIES);
    expect(text).toMatch(/❌ tributary@v\S+ \(local: policies\)/);
    expect(text).toMatch(/\[mandatory\]\s+image-pinned/);
    expect(project.cloud.resources()).toEqual([]);
  });

  test('platform and tenant come up under them, and then there is nothing to do', {
    timeout: 4 * MINUTES,
  }, async () => {
    for (const stack of [PLATFORM, ACME]) {
      expect(await succeeds('up', ...stack, '--yes', ...POLICIES)).toMatch(/✅ tributary@v\S+ \(local: policies\)/);
      await succeeds('preview', ...stack, '--expect-no-changes', ...POLICIES);
    }
    expect(schedules()).toHaveLength(3);
    expect(ids(JOB)).toEqual([expect.stringContaining('tributary-acme-run')]);
  });

  test('to `tributary` it is the same stack', { timeout: 2 * MINUTES }, async () => {
    const { code, stdout, text } = await project.tributary('preview', 'acme', '--no-policies', '--json');
    expect(code, text).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ stack: 'acme.dev', operations: [] });
  });

  test('an error of a tenant file is told with its place and its fix, without a stack', {
    timeout: 2 * MINUTES,
  }, async () => {
    using _ = project.edit('tenants/acme.yaml', (text) => text.replace(/^tenant: acme$/m, 'tenant: bolt'));
    const text = await fails('preview', ...ACME);
    expect(text).toMatch(/error: \S+tenants\/acme\.yaml:\d+:9 {2}tenant {2}the tenant is bolt, its file acme\.yaml/);
    expect(text).toContain('fix: write tenant: acme');
    expect(text).not.toMatch(/^\s+at /m);
    expect(text).not.toContain('non-zero exit code');
  });

  test('a Node that runs no TypeScript is told what to do', { timeout: 2 * MINUTES }, async () => {
    const without = 'typescript: false\n    nodeargs: --no-experimental-strip-types';
    using _ = project.edit('Pulumi.yaml', (text) => text.replace('typescript: false', without));
    expect(await fails('preview', ...ACME)).toMatch(
      /error: Tributary needs Node 22\.18 or newer; .*\n\s+fix: npm install/,
    );
  });

  test('destroyed, its data stays, and comes back into service with it', { timeout: 6 * MINUTES }, async () => {
    const data = [...ids(DATASET), ...ids(SECRET)];
    expect(await fails('destroy', ...ACME, '--yes')).toContain('cannot be deleted');
    expect(schedules()).not.toEqual([]);
    expect(await succeeds('destroy', ...ACME, '--yes', '--exclude-protected')).toContain('protected resources');
    expect([schedules(), ids(JOB)]).toEqual([[], []]);
    const left = [...ids(DATASET), ...ids(SECRET)];
    expect(left).toContain('projects/acme-data-prod/datasets/acme_raw');
    expect(data).toEqual(expect.arrayContaining(left));
    await succeeds('up', ...ACME, '--yes');
    expect([...ids(DATASET), ...ids(SECRET)].sort()).toEqual(data.sort());
    expect(schedules()).toHaveLength(3);
  });
});

describeWith(['engine'], 'pulumi and tributary on a laptop', () => {
  test('what `tributary` made, `pulumi` finds unchanged', { timeout: 4 * MINUTES }, async () => {
    using project = await RootProject.open();
    const { pulumi, tributary } = project.laptop();
    const up = await tributary('up', 'platform', '--yes', '--no-policies');
    expect(up.code, up.text).toBe(0);
    const preview = await pulumi('preview', ...PLATFORM, '--expect-no-changes');
    expect(preview.code, preview.text).toBe(0);
  });
});
