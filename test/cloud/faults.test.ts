import { Dataset } from '@pulumi/gcp/bigquery/dataset.js';
import { Account } from '@pulumi/gcp/serviceaccount/account.js';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../setup/describe-with.ts';
import { good, project } from './examples.ts';
import { type Cloud, openCloud } from './harness.ts';

const accountType = 'gcp:serviceaccount/account:Account';
const datasetType = 'gcp:bigquery/dataset:Dataset';

describeWith(['engine'], 'faults on demand', () => {
  let cloud: Cloud;
  let stacks = 0;
  beforeAll(async () => {
    cloud = await openCloud();
  });
  afterEach(() => cloud.faults());
  afterAll(() => cloud.close());

  /** An account and a dataset of their own each time. */
  async function fresh() {
    stacks += 1;
    const id = `fault${stacks}`;
    const stack = await cloud.stack(`${id}.dev`, async () => {
      const account = new Account('runner', { project, accountId: `trb-${id}-runner` });
      new Dataset('raw', { ...good[datasetType], datasetId: id }, { dependsOn: [account] });
    });
    return { stack, own: () => cloud.resources().filter((resource) => resource.id.includes(id)) };
  }

  test.each([
    ['quota', 'Error 429: Quota exceeded'],
    ['api-disabled', 'Error 403: bigquery.googleapis.com has not been used in project 123 before'],
    ['internal', 'Error 500: Internal error encountered'],
  ] as const)('%s midway: what was made stays, and the next up finishes', async (how, message) => {
    const { stack, own } = await fresh();
    cloud.faults({ operation: 'create', type: datasetType, how });
    await expect(stack.up()).rejects.toThrow(message);
    expect(own().map(({ type }) => type)).toEqual([accountType]);
    expect((await stack.up()).steps.map(({ type }) => type)).toEqual([datasetType]);
    expect(own()).toHaveLength(2);
  });

  test('the Nth call, and as many as are asked for, across processes', async () => {
    const { stack } = await fresh();
    cloud.faults({ operation: 'create', nth: 2, times: 2, how: 'iam-lag' });
    await expect(stack.up()).rejects.toThrow('Service account does not exist.');
    await expect(stack.up()).rejects.toThrow('Service account does not exist.');
    expect((await stack.up()).counts).toEqual({ create: 1, same: 2 });
  });

  test('an answer that is lost leaves an orphan, which the next up meets as 409', async () => {
    const { stack, own } = await fresh();
    cloud.faults({ operation: 'create', type: datasetType, how: 'internal', when: 'after' });
    await expect(stack.up()).rejects.toThrow('Error 500');
    expect(own()).toHaveLength(2);
    await expect(stack.up()).rejects.toThrow('Error 409');
  });

  test('a provider that crashes fails the up at once, and the next one finishes', async () => {
    const { stack, own } = await fresh();
    cloud.faults({ operation: 'create', type: datasetType, how: 'crash' });
    await expect(stack.up()).rejects.toThrow(/transport|EOF|unavailable|connection/i);
    await stack.up();
    expect(own()).toHaveLength(2);
  });

  test('deletes fail, reads fail, calls are slow', async () => {
    const { stack, own } = await fresh();
    cloud.faults({ operation: 'create', type: accountType, delay: 400 });
    expect((await stack.up()).took).toBeGreaterThan(400);
    cloud.faults({ operation: 'read', how: 'unavailable' });
    await expect(stack.refresh()).rejects.toThrow('Error 503');
    cloud.faults({ operation: 'delete', type: accountType, how: 'denied' });
    await expect(stack.destroy()).rejects.toThrow('Error 403: The caller does not have permission');
    await stack.destroy();
    expect(own()).toEqual([]);
  });

  test('a call that hangs ends when the engine is told to stop', async () => {
    const { stack } = await fresh();
    cloud.faults({ operation: 'create', type: datasetType, how: 'hang' });
    const stop = new AbortController();
    const running = stack.automation.up({ signal: stop.signal });
    await expect
      .poll(() => cloud.resources(accountType).some(({ id }) => id.includes(`fault${stacks}`)), { timeout: 20_000 })
      .toBe(true);
    stop.abort();
    await expect(running).rejects.toThrow();
  });

  test('four stacks at once', async () => {
    const all = await Promise.all([fresh(), fresh(), fresh(), fresh()]);
    const results = await Promise.all(all.map(({ stack }) => stack.up()));
    expect(results.map(({ counts }) => counts)).toEqual(Array(4).fill({ create: 3 }));
    expect(all.map(({ own }) => own().length)).toEqual([2, 2, 2, 2]);
  });
});
