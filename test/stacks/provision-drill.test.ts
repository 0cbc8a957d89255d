/** Everything that can go wrong midway: a second `up` converges, nothing is lost, and the message says what happened. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Provisioning, provision } from '../../stacks/provision/provisioner.ts';
import { fixedLimits } from '../../stacks/provision/quota.ts';
import { readTenant } from '../../tenants/load.ts';
import { describeWith } from '../setup/describe-with.ts';
import { DATASET, type Desk, JOB, openDesk, SCHEDULE } from './provision-scene.ts';

describeWith(['engine'], 'fault drill', () => {
  let desk: Desk;
  beforeAll(async () => {
    desk = await openDesk();
  }, 120_000);
  afterAll(() => desk?.[Symbol.dispose]());

  /** All of the tenant is there, once, and a preview has nothing to add. */
  async function converges(tenant: string): Promise<void> {
    desk.cloud.faults();
    const done = await desk.json('up', tenant, '--yes');
    expect(done).toMatchObject({ code: 0 });
    expect(await desk.json('preview', tenant)).toMatchObject({ code: 0, operations: [] });
    expect(desk.ids(JOB, `tributary-${tenant}-run`)).toHaveLength(1);
    expect(desk.ids(SCHEDULE, `${tenant}_orders0`)).toHaveLength(1);
    expect(desk.locks(`${tenant}.dev`)).toEqual([]);
  }

  test.each([
    ['internal', 'STACK_FAILED', 'Internal error encountered'],
    ['quota', 'STACK_QUOTA', 'Quota exceeded'],
    ['api-disabled', 'STACK_API_DISABLED', 'googleapis.com'],
  ] as const)('%s midway is %s', { timeout: 120_000 }, async (how, code, said) => {
    const tenant = how;
    desk.tenant(tenant);
    desk.cloud.faults({ operation: 'create', type: JOB, how });
    const failed = await desk.json('up', tenant, '--yes');
    expect(failed).toMatchObject({ code: 2, problem: { code } });
    expect(failed.problem.detail).toContain(said);
    expect(failed.problem.detail).toMatch(/\d+ resource\(s\) were changed before it; that is recorded and not lost/);
    expect(desk.ids(DATASET, tenant.replace('-', '_')).length).toBeGreaterThan(0);
    await converges(tenant);
  });

  test('a grant that arrives late is waited for', { timeout: 120_000 }, async () => {
    desk.tenant('late');
    desk.cloud.faults({ operation: 'create', type: JOB, times: 2, how: 'iam-lag' });
    const events: string[] = [];
    const { outcomes } = await inProcess('late', (event) => events.push(event.type), [0.1, 0.1]);
    expect(outcomes).toMatchObject([{ done: { create: expect.any(Number) } }]);
    expect(outcomes[0]?.failure).toBeUndefined();
    expect(events.filter((type) => type === 'retry')).toHaveLength(2);
    await converges('late');
  });

  test('one that never arrives ends the waiting', { timeout: 120_000 }, async () => {
    desk.tenant('never');
    desk.cloud.faults({ operation: 'create', type: JOB, times: 99, how: 'iam-lag' });
    const { outcomes } = await inProcess('never', () => {}, [0.1]);
    expect(outcomes[0]?.failure).toMatchObject({ code: 'STACK_IAM_LAG', facts: { attempts: 2 } });
    await converges('never');
  });

  test('kill -9 of the command line: its engine stops in an orderly way', { timeout: 120_000 }, async () => {
    desk.tenant('killed');
    desk.cloud.faults({ operation: 'create', type: DATASET, delay: 1500 });
    const { child, ended } = desk.start('up', 'killed', '--yes', '--no-policies', '--json');
    await expect.poll(() => desk.locks('killed.dev').length, { timeout: 30_000 }).toBe(1);
    await sleep(500);
    child.kill('SIGKILL');
    await ended;
    await expect.poll(() => desk.locks('killed.dev').length, { timeout: 30_000 }).toBe(0);
    await converges('killed');
  });

  test('kill -9 of the engine leaves a lock that says whose it was', { timeout: 120_000 }, async () => {
    desk.tenant('stale');
    desk.cloud.faults({ operation: 'create', type: JOB, how: 'hang' });
    const { ended } = desk.start('up', 'stale', '--yes', '--no-policies', '--json');
    await expect.poll(() => desk.locks('stale.dev').length, { timeout: 30_000 }).toBe(1);
    await expect.poll(() => desk.ids(DATASET, 'stale').length, { timeout: 30_000 }).toBeGreaterThan(0);
    const [lock] = desk.locks('stale.dev');
    process.kill(lock?.pid ?? -1, 'SIGKILL');
    expect((await ended).code).toBe(2);

    const refused = await desk.json('up', 'stale', '--yes');
    expect(refused).toMatchObject({ code: 4, problem: { code: 'STACK_LOCKED' } });
    expect(refused.problem.detail).toContain(`(process ${lock?.pid})`);
    expect(refused.problem.detail).toContain('That process is gone.');
    expect(refused.problem.fix).toContain('--release-stale-lock');
    desk.cloud.faults();
    expect(await desk.json('up', 'stale', '--yes', '--release-stale-lock')).toMatchObject({ code: 0 });
    await converges('stale');
  });

  test('what the cloud made while the engine was killed is taken in', { timeout: 120_000 }, async () => {
    desk.tenant('orphan');
    desk.cloud.faults(
      { operation: 'create', type: DATASET, id: 'orphan_raw', how: 'hang', when: 'after' },
      { operation: 'create', type: JOB, how: 'hang' },
    );
    const { ended } = desk.start('up', 'orphan', '--yes', '--no-policies', '--json');
    await expect.poll(() => desk.ids(DATASET, 'orphan_raw').length, { timeout: 30_000 }).toBe(1);
    const made = desk.cloud.resources(DATASET).find(({ id }) => id.includes('orphan_raw'));
    process.kill(desk.locks('orphan.dev')[0]?.pid ?? -1, 'SIGKILL');
    expect((await ended).code).toBe(2);
    desk.cloud.faults();
    expect(await desk.json('up', 'orphan', '--yes', '--release-stale-lock')).toMatchObject({ code: 0 });
    expect(desk.cloud.resources(DATASET).find(({ id }) => id.includes('orphan_raw'))).toEqual(made);
    await converges('orphan');
  });

  test('a lock of another machine is never released', { timeout: 120_000 }, async () => {
    desk.tenant('held');
    expect((await desk.run('up', 'held', '--yes')).code).toBe(0);
    desk.tenant('held', 2);
    {
      using _ = desk.lockElsewhere('held.dev');
      const refused = await desk.json('up', 'held', '--yes', '--release-stale-lock');
      expect(refused).toMatchObject({ code: 4, problem: { code: 'STACK_LOCKED' } });
      expect(refused.problem.detail).toMatch(
        /ann@elsewhere \(process 77\) has held the lock of held\.dev since 2026-11-23T/,
      );
      expect(desk.locks('held.dev')).toHaveLength(1);
    }
    await converges('held');
  });

  test('a quota that all tenants together would exceed is seen before anything is made', {
    timeout: 60_000,
  }, async () => {
    desk.tenant('many');
    const { failure, outcomes } = await inProcess('many', () => {}, [], { serviceAccounts: 2 });
    expect(failure).toMatchObject({ code: 'STACK_QUOTA', facts: { reason: expect.stringContaining('limit is 2') } });
    expect(outcomes).toEqual([]);
    expect(desk.ids(DATASET, 'many')).toEqual([]);
  });

  async function inProcess(
    tenant: string,
    onEvent: Provisioning['onEvent'],
    patience: readonly number[],
    limits = { serviceAccounts: 1000 },
  ) {
    const before = { ...process.env };
    Object.assign(process.env, desk.cloud.environment);
    try {
      const tenantFolder = `${desk.folder}/tenants`;
      const spec = readTenant(`${tenantFolder}/${tenant}.yaml`).tenant;
      if (spec === null) throw new Error(`${tenant} is not valid`);
      return await provision({
        operation: 'up',
        tenants: [spec],
        everyone: [spec],
        environment: 'dev',
        base: desk.folder,
        tenantFolder,
        parallel: 1,
        policies: [],
        approval: { by: 'nobody' },
        changed: false,
        adopt: false,
        releaseStaleLock: false,
        patience,
        quotas: fixedLimits(limits),
        activeRuns: async () => [],
        onEvent,
        signal: new AbortController().signal,
      });
    } finally {
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
      Object.assign(process.env, before);
    }
  }
});
