import { expect, test } from 'vitest';
import { beyondOf } from '../../../runner/job/beyond.ts';
import { tenantSchema } from '../../../tenants/schema/index.ts';

const tenant = tenantSchema.parse({
  ...{ tenant: 'acme', project: 'acme-data', location: 'EU', costCenter: 'sales' },
  connections: { app: { kind: 'firestore', project: 'acme-app' } },
  sources: {
    users: { connection: 'app', collection: 'users', load: { strategy: 'catalog' }, execution: { maxCostUsd: 5 } },
  },
});
const spec = tenant.sources.users as NonNullable<typeof tenant.sources.users>;
const PLACE = { TRIBUTARY_PROJECT: 'acme-data', TRIBUTARY_REGION: 'europe-west1', TRIBUTARY_ENV: 'prod' };

test('a process that was told of nothing goes nowhere', () => {
  expect(beyondOf({ tenant, spec }, null, {}).executors).toEqual([]);
});

test('what the job was told of is opened, when it is needed', async () => {
  const env = { ...PLACE, TRIBUTARY_JOB: 'tributary-acme-run', CLOUD_RUN_EMULATOR_HOST: '127.0.0.1:1' };
  const beyond = beyondOf({ tenant, spec }, '00-trace-span-01', env);
  expect(beyond).toMatchObject({
    executors: ['tasks'],
    cloud: { project: 'acme-data', location: 'EU' },
    traceparent: '00-trace-span-01',
  });
  await using tasks = await beyond.openExecutor('tasks');
  expect(tasks.kind).toBe('tasks');
  await expect(beyond.openExecutor('dataflow')).rejects.toThrow('TRIBUTARY_DATAFLOW_TEMPLATE');
});
