import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../setup/describe-with.ts';
import { root } from '../setup/ways.ts';
import { DATASET, type Desk, JOB, openDesk, SCHEDULE } from './provision-scene.ts';

describeWith(['engine'], 'preview and up', () => {
  let desk: Desk;
  beforeAll(async () => {
    desk = await openDesk();
  }, 120_000);
  afterAll(() => desk?.[Symbol.dispose]());

  test('what is approved is applied, and nothing else', { timeout: 120_000 }, async () => {
    desk.tenant('acme');
    const before = await desk.json('preview', 'acme');
    expect(before).toMatchObject({ code: 0, tenant: 'acme', stack: 'acme.dev', policies: [] });
    expect(before.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(before.operations.length).toBeGreaterThan(15);
    expect(new Set(before.operations.map(({ op }: { op: string }) => op))).toEqual(new Set(['create']));
    expect(desk.ids(DATASET, 'acme')).toEqual([]);
    expect((await desk.json('preview', 'acme')).digest).toBe(before.digest);

    desk.tenant('acme', 2);
    const refused = await desk.json('up', 'acme', '--approve', before.digest);
    expect(refused).toMatchObject({ code: 4, problem: { code: 'STACK_UNAPPROVED' } });
    expect(refused.difference.length).toBeGreaterThan(0);
    for (const line of refused.difference) expect(line).toMatch(/^\+ create .*acme-orders1/);
    expect(desk.ids(DATASET, 'acme')).toEqual([]);

    desk.tenant('acme', 1);
    const done = await desk.json('up', 'acme', '--approve', before.digest);
    expect(done).toMatchObject({ code: 0, operation: 'up', stack: 'acme.dev' });
    expect(done.done.create).toBe(
      before.operations.filter(({ type }: { type: string }) => !type.startsWith('tributary:')).length,
    );
    expect(desk.ids(SCHEDULE, 'acme')).toHaveLength(1);

    const after = await desk.json('preview', 'acme');
    expect(after).toMatchObject({ code: 0, operations: [] });
  });

  test('without a terminal nobody approves, and the message says how', { timeout: 60_000 }, async () => {
    desk.tenant('acme', 2);
    const { code, stdout, stderr } = await desk.run('up', 'acme');
    expect(code).toBe(4);
    expect(stderr).toContain('Nobody approved');
    expect(stderr).toContain('approve the digest');
    expect(stdout).toMatch(/\+ +cloudscheduler Job +acme-orders1/);
    expect(desk.ids(SCHEDULE, 'acme')).toHaveLength(1);
    expect((await desk.run('up', 'acme', '--yes')).code).toBe(0);
    expect(desk.ids(SCHEDULE, 'acme')).toHaveLength(2);
  });

  test('--changed touches what has changed since its last up', { timeout: 180_000 }, async () => {
    desk.tenant('acme', 2);
    desk.tenant('globex');
    const first = await desk.json('up', '--changed', '--yes');
    expect(first).toMatchObject({ code: 0, unchanged: ['acme.dev'], notBegun: [] });
    expect(first.stacks.map(({ stack }: { stack: string }) => stack)).toEqual(['globex.dev']);
    expect(await desk.json('up', '--changed', '--yes')).toMatchObject({
      stacks: [],
      unchanged: ['acme.dev', 'globex.dev'],
    });
    desk.tenant('globex', 1, ['displayName: Globex']);
    const second = await desk.json('preview', '--changed');
    expect(second).toMatchObject({ code: 0, unchanged: ['acme.dev'] });
    expect(second.stacks).toMatchObject([{ stack: 'globex.dev' }]);
    desk.forget('globex');
  });

  test('one digest approves many; the first surprise stops the rest', { timeout: 240_000 }, async () => {
    for (const name of ['aa', 'bb', 'cc', 'dd']) desk.tenant(name);
    desk.forget('acme');
    const previews = await desk.json('preview', '--all', '--parallel', '2');
    expect(previews).toMatchObject({ code: 0, notBegun: [] });
    expect(previews.stacks).toHaveLength(4);
    desk.cloud.faults({ operation: 'create', type: JOB, id: 'tributary-bb', how: 'internal' });
    const stopped = await desk.json('up', '--all', '--approve', previews.digest);
    desk.cloud.faults();
    expect(stopped).toMatchObject({ code: 2, notBegun: ['cc.dev', 'dd.dev'] });
    expect(stopped.stacks).toMatchObject([
      { stack: 'aa.dev', done: { create: expect.any(Number) } },
      { stack: 'bb.dev', problem: { code: 'STACK_FAILED', detail: expect.stringContaining('Internal error') } },
    ]);
    expect(desk.ids(DATASET, 'cc_')).toEqual([]);
    expect((await desk.run('up', '--all', '--yes')).code).toBe(0);
    expect(desk.ids(JOB, 'tributary-')).toHaveLength(6);
  });

  test('a policy that is not met stops preview and up before anything is made', { timeout: 120_000 }, async () => {
    desk.tenant('abroad', 1, ['location: US', 'region: us-central1']);
    for (const command of [['preview'], ['up', '--yes']]) {
      const pack = ['--policy-pack', join(root, 'test/fixtures/policy-pack')];
      const { code, stdout } = await desk.start(...command, 'abroad', '--json', ...pack).ended;
      expect(code).toBe(4);
      const { problem, ...rest } = JSON.parse(stdout);
      expect(problem).toMatchObject({ code: 'STACK_POLICY', detail: expect.stringContaining('dataset-in-eu') });
      expect((rest.preview ?? rest).policies).toContainEqual(
        expect.objectContaining({
          policy: 'dataset-in-eu',
          level: 'mandatory',
          urn: expect.stringContaining('abroad'),
        }),
      );
    }
    expect(desk.ids(DATASET, 'abroad')).toEqual([]);
    desk.forget('abroad');
  });

  test('a tenant without its platform, a stack without a name', { timeout: 60_000 }, async () => {
    desk.tenant('lonely');
    const lonely = await desk.json('preview', 'lonely', '--env', 'staging');
    expect(lonely).toMatchObject({ code: 1, problem: { code: 'STACK_PLATFORM_MISSING' } });
    expect((await desk.run('up')).stderr).toContain('No stack is named');
    expect((await desk.run('up', 'lonely', '--all')).code).toBe(1);
    desk.forget('lonely');
  });
});
