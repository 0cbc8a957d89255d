import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSqliteStore } from '../../runner/stores/sqlite.ts';
import { describeWith } from '../setup/describe-with.ts';
import { DATASET, type Desk, JOB, OBJECT, openDesk, SCHEDULE } from './provision-scene.ts';

describeWith(['engine'], 'drift and offboarding', () => {
  let desk: Desk;
  beforeAll(async () => {
    desk = await openDesk();
    desk.tenant('acme', 2, ['protection: { data: true, compute: true }']);
    expect((await desk.run('up', 'acme', '--yes')).code).toBe(0);
  }, 180_000);
  afterAll(() => desk?.[Symbol.dispose]());

  const only = (type: string, part: string) => {
    const found = desk.cloud.resources(type).find(({ id }) => id.includes(part));
    if (found === undefined) throw new Error(`no ${type} with ${part}`);
    return found;
  };

  test('what was changed past Pulumi is said by class, the loudest first', { timeout: 120_000 }, async () => {
    expect(await desk.json('refresh', 'acme')).toMatchObject({ code: 0, drift: [] });
    const dataset = only(DATASET, 'acme_raw');
    desk.cloud.drift(dataset, { labels: { ...(dataset.inputs.labels as object), env: 'somebody' } });
    desk.cloud.drift(only(SCHEDULE, 'acme_orders0'), { schedule: '* * * * *' });
    desk.cloud.remove(only(SCHEDULE, 'acme_orders1'));
    const found = await desk.json('refresh', 'acme');
    expect(found.code).toBe(3);
    expect(found.drift.map((one: { class: string }) => one.class)).toEqual(['deleted', 'label', 'other']);
    expect(await desk.json('refresh', 'acme')).toMatchObject({ code: 3 });
    expect(await desk.json('up', 'acme', '--yes')).toMatchObject({ code: 0 });
    expect((await desk.json('refresh', 'acme', '--adopt')).code).toBe(3);
    expect(await desk.json('up', 'acme', '--yes')).toMatchObject({ code: 0 });
    expect(await desk.json('refresh', 'acme')).toMatchObject({ code: 0, drift: [] });
    expect(desk.ids(SCHEDULE, 'acme_')).toHaveLength(2);
  });

  test('out of service: schedules, drain, compute; data stays; twice is once', { timeout: 240_000 }, async () => {
    expect((await desk.run('destroy', 'acme')).code).toBe(1);
    expect(await desk.json('destroy', 'platform', '--yes')).toMatchObject({
      code: 4,
      problem: { code: 'STACK_NEEDED' },
    });

    mkdirSync(join(desk.folder, '.tributary'), { recursive: true });
    const store = await openSqliteStore(join(desk.folder, '.tributary', 'runs.sqlite'));
    const lease = await store.claim({ tenant: 'acme', source: 'orders0', runId: 'r1', ttlMs: 600_000 });
    const busy = await desk.json('destroy', 'acme', '--yes');
    expect(busy).toMatchObject({ code: 4, problem: { code: 'STACK_BUSY', detail: expect.stringContaining('Run r1') } });
    const schedules = desk.cloud.resources(SCHEDULE).filter(({ id }) => id.includes('acme_'));
    expect(schedules.map(({ inputs }) => inputs.paused)).toEqual([true, true]);
    expect(String(only(OBJECT, 'tenants/acme').inputs.content).match(/paused: true/g)).toHaveLength(2);
    expect(desk.ids(JOB, 'acme')).toHaveLength(1);
    await store.finish('r1', 'succeeded', {}, null);
    await store.release(lease);
    await store[Symbol.asyncDispose]();

    const data = desk.ids(DATASET, 'acme');
    const gone = await desk.json('destroy', 'acme', '--yes');
    expect(gone).toMatchObject({ code: 0 });
    expect(gone.kept.map(({ type }: { type: string }) => type)).toContain(DATASET);
    expect(desk.ids(JOB, 'acme')).toEqual([]);
    expect(desk.ids(SCHEDULE, 'acme')).toEqual([]);
    expect(desk.ids(OBJECT, 'acme')).toEqual([]);
    expect(desk.ids(DATASET, 'acme_raw')).toHaveLength(1);
    expect(desk.ids(DATASET, 'acme').every((id) => data.includes(id))).toBe(true);

    const again = await desk.json('destroy', 'acme', '--yes');
    expect(again).toMatchObject({ code: 0 });
    expect(again.kept).toEqual(gone.kept);
    const { stdout } = await desk.run('destroy', 'acme', '--yes');
    expect(stdout).toContain('This stays, with its data:');

    expect(await desk.json('up', 'acme', '--yes')).toMatchObject({ code: 0 });
    expect(desk.ids(JOB, 'acme')).toHaveLength(1);
  });
});
