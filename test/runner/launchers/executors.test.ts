import { describe, expect, test } from 'vitest';
import type { ExecutorTenant } from '../../../runner/launchers/executors.ts';
import { executorSettings, openExecutor, provisioned } from '../../../runner/launchers/executors.ts';

const OF: ExecutorTenant = { labels: { tenant: 'acme' } };
const PLACE = { TRIBUTARY_PROJECT: 'acme-data', TRIBUTARY_REGION: 'europe-west1' };
const DATAFLOW = {
  ...PLACE,
  TRIBUTARY_STAGING_BUCKET: 'acme-staging',
  TRIBUTARY_DATAFLOW_TEMPLATE: 'gs://acme-staging/_templates/dataflow-0123.json',
  TRIBUTARY_DATAFLOW_ACCOUNT: 'trb-acme-dataflow@acme-data.iam.gserviceaccount.com',
};

describe('executors', () => {
  test('settings of the environment', () => {
    expect(executorSettings('tasks', PLACE, OF)).toEqual({
      kind: 'tasks',
      project: 'acme-data',
      region: 'europe-west1',
    });
    const env = {
      ...DATAFLOW,
      ...{
        TRIBUTARY_DATAFLOW_SUBNETWORK: 'sub',
        TRIBUTARY_DATAFLOW_MACHINE: 'n2-highmem-4',
        TRIBUTARY_SPLITS_SECONDS: '60',
      },
    };
    expect(executorSettings('dataflow', env, { ...OF, maxUsd: 5 })).toEqual({
      ...{ kind: 'dataflow', project: 'acme-data', region: 'europe-west1', labels: { tenant: 'acme' } },
      ...{ template: DATAFLOW.TRIBUTARY_DATAFLOW_TEMPLATE, account: DATAFLOW.TRIBUTARY_DATAFLOW_ACCOUNT },
      ...{ bucket: 'acme-staging', subnetwork: 'sub', machine: 'n2-highmem-4', maxSeconds: 60, maxUsd: 5 },
    });
  });

  test('how long a platform may be away is what every wait of the runner keeps to', () => {
    const settings = executorSettings('tasks', { ...PLACE, TRIBUTARY_RETRY_SECONDS: '7' }, OF);
    expect(settings.budget).toMatchObject({ seconds: 7, attempts: 12 });
  });

  test.each([
    ['tasks', { TRIBUTARY_PROJECT: 'p' }, 'TRIBUTARY_REGION'],
    ['dataflow', { ...DATAFLOW, TRIBUTARY_DATAFLOW_ACCOUNT: '' }, 'TRIBUTARY_DATAFLOW_ACCOUNT'],
    ['dataflow', { ...DATAFLOW, TRIBUTARY_STAGING_BUCKET: undefined }, 'TRIBUTARY_STAGING_BUCKET'],
    ['tasks', { ...PLACE, TRIBUTARY_SPLITS_SECONDS: 'soon' }, 'TRIBUTARY_SPLITS_SECONDS'],
    ['tasks', { ...PLACE, TRIBUTARY_SPLITS_SECONDS: '0' }, 'TRIBUTARY_SPLITS_SECONDS'],
  ] as const)('%s without what it needs: %j', (kind, env, said) => {
    expect(() => executorSettings(kind, env, OF)).toThrow(said);
  });

  test('what a process may launch is what its job was told', () => {
    expect(provisioned({})).toEqual([]);
    expect(provisioned({ ...DATAFLOW, TRIBUTARY_JOB: 'tributary-acme-run' })).toEqual(['tasks', 'dataflow']);
    expect(provisioned({ TRIBUTARY_DATAFLOW_TEMPLATE: 'gs://b/t.json' })).toEqual([]);
  });

  test.each(['tasks', 'dataflow'] as const)('the registry opens %s', async (kind) => {
    await using executor = await openExecutor(
      executorSettings(kind, { ...DATAFLOW, CLOUD_RUN_EMULATOR_HOST: '127.0.0.1:1' }, OF),
    );
    expect(executor.kind).toBe(kind);
  });
});
