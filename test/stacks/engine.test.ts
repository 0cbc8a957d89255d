import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lines } from '../cloud/outcome.ts';
import { describeWith } from '../setup/describe-with.ts';
import { root } from '../setup/ways.ts';
import { ownNames, resourcesOf, trespasses } from './graph.ts';
import { recordings, Scene } from './scene.ts';

const MINUTES = 60_000;
const files = readdirSync(join(root, 'tenants')).filter((file) => file.endsWith('.yaml'));
const tenants = files.map((file) => file.replace(/\.yaml$/, ''));
/** As much like acme as a tenant can be: the same sources, the same project, and a name that begins with its name. */
const NEIGHBOUR = 'acme-eu';

describeWith(['engine'], 'platform and tenants on the real engine, under the policies of production', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await Scene.open();
  });
  afterAll(() => scene.close());

  test('platform: preview, up, and then nothing to do', { timeout: 3 * MINUTES }, async () => {
    const stack = await scene.platform();
    const preview = await stack.preview();
    expect(preview.policies.filter(({ level }) => level === 'mandatory')).toEqual([]);
    expect((await stack.up()).counts).toEqual(preview.counts);
    expect((await stack.preview()).steps).toEqual([]);
  });

  test.each(tenants)('%s: preview, up, and then nothing to do', { timeout: 3 * MINUTES }, async (tenant) => {
    const stack = await scene.tenant(tenant);
    const preview = await stack.preview();
    expect(preview.policies.filter(({ level }) => level === 'mandatory')).toEqual([]);
    expect((await stack.up()).counts).toEqual(preview.counts);
    expect((await stack.preview()).steps).toEqual([]);
    expect((await stack.refresh({ previewOnly: true })).steps).toEqual([]);
  });

  test('two tenants share nothing, not even neighbours in one project', { timeout: 3 * MINUTES }, async () => {
    scene.write(
      NEIGHBOUR,
      scene
        .read('acme')
        .replaceAll(/\bacme_raw\b/g, 'acme_eu_raw')
        .replace('tenant: acme', `tenant: ${NEIGHBOUR}`),
    );
    await (await scene.tenant(NEIGHBOUR)).up();
    const states = await Promise.all(
      [...tenants, NEIGHBOUR].map(async (tenant) => resourcesOf(await (await scene.tenant(tenant)).export())),
    );
    for (const [i, one] of states.entries()) {
      for (const [j, other] of states.entries()) {
        if (i === j) continue;
        expect(trespasses(one, ownNames(other))).toEqual([]);
        const ids = new Set(other.map(({ type, id }) => `${type} ${id}`));
        expect(one.filter(({ type, id }) => ids.has(`${type} ${id}`))).toEqual([]);
      }
    }
    // The same look finds what is planted.
    const [mine = [], theirs = []] = states;
    const [stolen] = ownNames(theirs);
    const planted = {
      type: 'x',
      urn: 'planted',
      id: 'x',
      inputs: { policy: JSON.stringify({ members: [`x:${stolen}`] }) },
    };
    expect(ownNames(theirs).size).toBeGreaterThan(8);
    expect(trespasses([...mine, planted], ownNames(theirs))).toEqual([{ urn: 'planted', name: stolen }]);
  });

  test.each(tenants)(
    '%s: one field changed is one difference, and is told the webhook',
    { timeout: 3 * MINUTES },
    async (tenant) => {
      scene.write(tenant, scene.read(tenant).replace(/cron: "[^"]*"/, 'cron: "7 7 * * *"'));
      const stack = await scene.tenant(tenant);
      const expected = [
        `~ gcp:storage/bucketObject:BucketObject ${tenant}-document (content)`,
        expect.stringMatching(new RegExp(`^~ gcp:cloudscheduler/job:Job ${tenant}-[a-z]+-schedule \\(schedule\\)$`)),
      ];
      expect(lines(await stack.preview())).toEqual(expected);
      expect(lines(await stack.up())).toEqual(expected);
    },
  );

  test.each(tenants)('%s: destroyed, and its data stays', { timeout: 3 * MINUTES }, async (tenant) => {
    const stack = await scene.tenant(tenant);
    const before = resourcesOf(await stack.export());
    await expect(stack.destroy()).rejects.toThrow(/protected/);
    await stack.destroy({ excludeProtected: true });
    const left = new Set(scene.cloud.resources().map(({ id }) => id));
    const stays = before.filter(({ id }) => left.has(id)).map(({ type }) => type);
    const kept = [
      'gcp:bigquery/dataset:Dataset',
      'gcp:secretmanager/secret:Secret',
      'gcp:serviceaccount/account:Account',
    ];
    expect([...new Set(stays)].sort()).toEqual(kept);
    const secrets = before.filter(({ type }) => type === kept[1]);
    expect(stays.filter((type) => type === kept[1])).toHaveLength(secrets.length);
    expect(stays.filter((type) => type === kept[0]).length).toBeGreaterThanOrEqual(2);
  });
});

const versions = readdirSync(join(root, 'test/fixtures/state'));

describeWith(['engine'], 'states of releases', () => {
  test('there is one of this release', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(versions, 'run: node test/stacks/record-state.ts').toContain(version);
  });

  test.each(versions)('%s previews without a replacement or a loss', { timeout: 3 * MINUTES }, async (version) => {
    const { states, tenants: recorded } = recordings(version);
    const scene = await Scene.open({ policies: false, tenants: recorded });
    try {
      for (const subject of ['platform', ...scene.tenants]) {
        const stack = subject === 'platform' ? await scene.platform() : await scene.tenant(subject);
        await stack.import(JSON.parse(readFileSync(join(states, `${subject}.json`), 'utf8')));
        const { counts, steps } = await stack.preview();
        expect(counts.same, `${subject} was imported`).toBeGreaterThan(10);
        const lost = steps.filter(({ op }) => /replace|delete/.test(op));
        expect(lost.map(({ op, urn, paths }) => ({ op, urn, paths }))).toEqual([]);
      }
    } finally {
      scene.close();
    }
  });
});
