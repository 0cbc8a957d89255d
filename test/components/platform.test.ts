import { describe, expect, it } from 'vitest';
import { keyFor } from '../../components/encryption.ts';
import { SIZES } from '../../components/sizing.ts';
import { ContractError, OUTPUT_NAMES, readPlatformOutputs } from '../../stacks/contract.ts';
import { platformProgram } from '../../stacks/platform.ts';
import { parseStackName } from '../../stacks/stack-name.ts';
import { mayExceed } from '../../tenants/distribution.ts';
import { RUN_STORE_INDEXES } from '../../tenants/run-store-layout.ts';
import { type Registered, register } from './harness.ts';
import { everyKind, platform as outputs, registerTenant, settings } from './scene.ts';

const resources = await register(() => platformProgram(settings));
const of = (type: string) => resources.filter((resource) => resource.type === type);

describe('the platform', () => {
  it('is one tree, with nothing in the state of its component', () => {
    const roots = resources.filter(({ parent }) => parent === '');
    expect(roots.map(({ type, name, inputs }) => [type, name, inputs])).toEqual([
      ['tributary:index:Platform', 'platform', {}],
    ]);
    for (const { name, parent } of resources.filter((resource) => resource.parent !== '')) {
      expect(parent).toBe(roots[0]?.urn);
      expect(name).toMatch(/^platform-/);
    }
  });

  it('lets in only callers from inside, for one literal audience', () => {
    const [webhook] = of('gcp:cloudrunv2/service:Service') as [Registered];
    expect(webhook.inputs).toMatchObject({
      project: 'tributary-dev',
      ingress: 'INGRESS_TRAFFIC_INTERNAL_ONLY',
      invokerIamDisabled: false,
      customAudiences: ['https://tributary.tributary-dev.internal'],
      scaling: { maxInstanceCount: 5 },
      template: { serviceAccount: 'tributary-webhook@tributary-dev.iam.gserviceaccount.com' },
    });
    // The two settings belong together: with the check off, nobody would look at a signature.
    const [container] = (webhook.inputs.template as { containers: { envs: object[] }[] }).containers;
    expect(container?.envs).toContainEqual({ name: 'TRIBUTARY_OIDC_SIGNATURE', value: 'checked-by-cloud-run' });
  });

  it('accepts exactly what every schedule asks for', async () => {
    const [webhook] = of('gcp:cloudrunv2/service:Service') as [Registered];
    const schedules = (await registerTenant(everyKind('acme'))).filter(({ type }) => type.includes('cloudscheduler'));
    expect(schedules.length).toBe(2);
    for (const { inputs } of schedules) {
      const { oidcToken } = inputs.httpTarget as { oidcToken: { audience: string } };
      expect([oidcToken.audience]).toEqual(webhook.inputs.customAudiences);
    }
  });

  it('has itself swept every minute, under an account that may do nothing else', () => {
    const [sweep, ...others] = of('gcp:cloudscheduler/job:Job') as [Registered];
    expect(others).toEqual([]);
    expect(sweep.inputs).toMatchObject({
      name: 'tributary-sweep',
      schedule: '* * * * *',
      httpTarget: {
        uri: expect.stringMatching(/\/v1\/sweep$/),
        httpMethod: 'POST',
        oidcToken: {
          serviceAccountEmail: 'tributary-sweep@tributary-dev.iam.gserviceaccount.com',
          audience: 'https://tributary.tributary-dev.internal',
        },
      },
    });
  });

  it('keeps what cannot be made again', () => {
    const kept = resources.filter(({ protect }) => protect).map(({ name }) => name);
    expect(kept.sort()).toEqual(['platform-registry', 'platform-run-store', 'platform-state', 'platform-tenants']);
    const [state] = of('gcp:storage/bucket:Bucket') as [Registered];
    expect(state.inputs).toMatchObject({
      versioning: { enabled: true },
      softDeletePolicy: { retentionDurationSeconds: 2_592_000 },
      publicAccessPrevention: 'enforced',
      deletionPolicy: 'PREVENT',
    });
    const [runStore] = of('gcp:firestore/database:Database') as [Registered];
    expect(runStore.inputs).toMatchObject({ deleteProtectionState: 'DELETE_PROTECTION_ENABLED' });
  });

  it('gives the run store an index for what it lists, and lets its documents go in time', () => {
    const indexes = of('gcp:firestore/index:Index').map(({ inputs }) => inputs);
    expect(indexes).toHaveLength(RUN_STORE_INDEXES.length);
    expect(indexes).toContainEqual({
      project: 'tributary-dev',
      database: 'tributary',
      collection: 'runs',
      queryScope: 'COLLECTION',
      fields: [
        { fieldPath: 'tenant', order: 'ASCENDING' },
        { fieldPath: 'source', order: 'ASCENDING' },
        { fieldPath: 'createdAt', order: 'DESCENDING' },
      ],
    });
    const expiring = of('gcp:firestore/field:Field').map(({ inputs }) => inputs);
    expect(expiring.map(({ collection }) => collection).sort()).toEqual(['events', 'runs', 'sequences', 'ticks']);
    for (const inputs of expiring) {
      expect(inputs).toMatchObject({ database: 'tributary', field: 'expireAt', ttlConfig: {}, indexConfig: {} });
    }
  });

  it('never turns an API off', () => {
    const apis = of('gcp:projects/service:Service');
    expect(apis.map(({ inputs }) => inputs.service)).toContain('run.googleapis.com');
    for (const { inputs, retainOnDelete } of apis) {
      expect(inputs).toMatchObject({ disableOnDestroy: false, disableDependentServices: false });
      expect(retainOnDelete).toBe(true);
    }
  });

  it('lets the webhook into the run store and the files of tenants, and into nothing else', () => {
    const grants = resources.filter(({ type }) => /Member$/.test(type)).map(({ inputs }) => inputs);
    const sweeps = grants.pop();
    expect(sweeps).toMatchObject({
      role: 'roles/run.invoker',
      member: 'serviceAccount:tributary-sweep@tributary-dev.iam.gserviceaccount.com',
      name: 'tributary-webhook',
    });
    expect(grants).toEqual([
      {
        project: 'tributary-dev',
        role: 'roles/datastore.user',
        member: 'serviceAccount:tributary-webhook@tributary-dev.iam.gserviceaccount.com',
        condition: {
          title: 'run store',
          expression: 'resource.name == "projects/tributary-dev/databases/tributary"',
        },
      },
      {
        bucket: 'tributary-dev-tributary-tenants',
        role: 'roles/storage.objectUser',
        member: 'serviceAccount:tributary-webhook@tributary-dev.iam.gserviceaccount.com',
      },
    ]);
  });

  it('has one alert policy for all tenants, on failed runs and late sources', () => {
    const policies = of('gcp:monitoring/alertPolicy:AlertPolicy').map(({ inputs }) => inputs);
    expect(policies).toEqual([
      expect.objectContaining({
        notificationChannels: [expect.any(String)],
        conditions: [
          expect.objectContaining({ displayName: 'A run failed', conditionThreshold: expect.anything() }),
          expect.objectContaining({ displayName: 'A source is late', conditionThreshold: expect.anything() }),
        ],
      }),
    ]);
  });

  it('makes keys where the data lies, and uses each only there', async () => {
    const agents = ['serviceAccount:bq-1@bigquery-encryption.iam.gserviceaccount.com'];
    const encrypted = await register(() =>
      platformProgram({ ...settings, encryption: { agents, datasetLocation: 'EU' } }),
    );
    const rings = encrypted.filter(({ type }) => type === 'gcp:kms/keyRing:KeyRing');
    expect(rings.map(({ inputs }) => inputs.location)).toEqual(['europe-west1', 'europe']);
    const keys = { kmsKey: 'projects/p/locations/europe-west1/k', datasetKey: 'projects/p/locations/europe/k' };
    expect(keyFor('EU', keys)).toBe(keys.datasetKey);
    expect(keyFor('europe-west1', keys)).toBe(keys.kmsKey);
    expect(keyFor('US', keys)).toBeUndefined();
  });
});

describe('the contract', () => {
  const given = { ...outputs };

  it('is kept by the program', async () => {
    let promised: object = {};
    await register(async () => {
      promised = await platformProgram({ ...settings, dataflowImage: 'i', network: 'n', subnetwork: 's' });
    });
    const optional = ['kmsKey', 'datasetKey', 'otlpEndpoint', 'billingAccount', 'aws', 'azure'];
    expect(Object.keys(promised).sort()).toEqual(OUTPUT_NAMES.filter((name) => !optional.includes(name)).toSorted());
  });

  it('is refused in another version, or with a part missing, and says what to do', () => {
    expect(readPlatformOutputs(given, 'platform.dev')).toEqual(given);
    const refused: readonly (readonly [Record<string, unknown>, RegExp])[] = [
      [{}, /has no outputs yet.*pulumi up -s platform\.dev/],
      [{ ...given, schemaVersion: 2 }, /version 2 .*use the release/],
      [{ ...given, schemaVersion: 0 }, /version 0 .*with this release first/],
      [{ ...given, webhookUrl: '' }, /gives no webhookUrl/],
      [{ ...given, notificationChannels: undefined }, /gives no notificationChannels/],
    ];
    for (const [broken, message] of refused) {
      expect(() => readPlatformOutputs(broken, 'platform.dev')).toThrow(message);
      expect(() => readPlatformOutputs(broken, 'platform.dev')).toThrow(ContractError);
    }
  });

  it('names stacks', () => {
    expect(parseStackName('platform.prod')).toEqual({ subject: 'platform', env: 'prod' });
    expect(parseStackName('acme')).toEqual({ subject: 'acme', env: 'dev' });
    expect(() => parseStackName('Acme.dev')).toThrow('small letters');
  });
});

describe('sizes', () => {
  it('change for every tenant, so they change on purpose', () => {
    expect(SIZES).toEqual({
      job: { cpu: '4', memory: '8Gi', maxRetries: 1, timeoutSeconds: 14_400 },
      webhook: {
        ...{ cpu: '1', memory: '512Mi', timeoutSeconds: 60, concurrency: 40, minInstances: 0, maxInstances: 5 },
        nodeOptions: '--max-old-space-size=256 --max-semi-space-size=4',
      },
      schedule: { deadlineSeconds: 60, retries: 3, minBackoffSeconds: 10, maxBackoffSeconds: 60, maxDoublings: 3 },
      sweep: { cron: '* * * * *', deadlineSeconds: 60, retries: 0 },
      staging: { tableDays: 3, objectDays: 7 },
      secret: { versionDestroyDays: 7 },
      state: { softDeleteDays: 30, noncurrentDays: 90, newerVersions: 20 },
      event: { retentionDays: 7 },
      dataset: { timeTravelHours: 168 },
      key: { rotationDays: 90, destroyDays: 30 },
      alert: { windowSeconds: 300, autoCloseDays: 1 },
    });
  });

  it('send to Dataflow only what Dataflow can read', () => {
    expect(mayExceed({ mode: 'auto', kind: 'postgres' })).toBe(true);
    expect(mayExceed({ mode: 'cloud_run', kind: 'postgres' })).toBe(false);
    expect(mayExceed({ mode: 'auto', kind: 'gcs' })).toBe(false);
    expect(mayExceed({ mode: 'auto', kind: 'bigquery' })).toBe(false);
  });
});
