import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ExampleType, good, project, runner, spoiled } from './examples.ts';
import { Provider } from './provider.ts';
import { isProviderName } from './schema.ts';
import { Store } from './store.ts';
import { type Properties, UNKNOWN } from './values.ts';

let store: Store;
beforeEach(() => {
  store = new Store(mkdtempSync(join(tmpdir(), 'tributary-refusals-')));
});
afterEach(() => rmSync(store.folder, { recursive: true, force: true }));

function provider(type: string): Provider {
  const [name] = type.split(':');
  if (!isProviderName(name)) throw new Error(type);
  return new Provider(name, store);
}

const failures = (type: string, inputs: Properties) =>
  provider(type)
    .check(type, inputs)
    .map(({ path, reason }) => `${path}: ${reason}`);

const create = (type: ExampleType, inputs: Properties = good[type]) => provider(type).create(type, inputs, false);

describe('before anything is asked of the cloud', () => {
  test.each(Object.keys(good) as ExampleType[])('%s passes as it is, and with every value unknown', (type) => {
    expect(failures(type, good[type])).toEqual([]);
    const unknown = Object.fromEntries(Object.keys(good[type]).map((key) => [key, UNKNOWN]));
    expect(failures(type, unknown)).toEqual([]);
  });

  const account = 'gcp:serviceaccount/account:Account';
  const dataset = 'gcp:bigquery/dataset:Dataset';
  const grant = 'gcp:bigquery/datasetIamMember:DatasetIamMember';
  const secret = 'gcp:secretmanager/secret:Secret';
  const bucket = 'gcp:storage/bucket:Bucket';
  const service = 'gcp:cloudrunv2/service:Service';
  const job = 'gcp:cloudrunv2/job:Job';
  const scheduler = 'gcp:cloudscheduler/job:Job';
  const policy = 'gcp:monitoring/alertPolicy:AlertPolicy';

  const refusals: readonly (readonly [ExampleType, string, unknown, string])[] = [
    // The provider's schema.
    [dataset, 'lables', {}, 'lables: An argument named "lables" is not expected here. Did you mean "labels"?'],
    [dataset, 'datasetId', undefined, 'datasetId: Missing required property'],
    [dataset, 'defaultTableExpirationMs', '1', 'defaultTableExpirationMs: expected an integer, got "1"'],
    [dataset, 'labels', 'tenant', 'labels: expected an object, got "tenant"'],
    [dataset, 'labels', { tenant: 1 }, 'labels.tenant: expected a string, got 1'],
    [job, 'template.template.containers', {}, 'template.template.containers: expected a list, got an object'],
    [
      job,
      'template.template.containers.0.imge',
      'x',
      'template.template.containers[0].imge: An argument named "imge" is not expected here. Did you mean "image"?',
    ],
    [
      job,
      'template.template.containers.0.image',
      undefined,
      'template.template.containers[0].image: Missing required property',
    ],
    [
      service,
      'template.containers.0.ports',
      [{ containerPort: 8080 }],
      'template.containers[0].ports: expected an object, got a list',
    ],
    [scheduler, 'httpTarget.uri', undefined, 'httpTarget.uri: Missing required property'],
    // Everything has a project and a name.
    [dataset, 'project', undefined, 'project: Missing required property: nothing is named or placed by itself here'],
    [bucket, 'name', undefined, 'name: Missing required property: nothing is named or placed by itself here'],
    [dataset, 'project', 'Acme 🚀', 'project: "Acme 🚀" must be a project id'],
    // Names.
    [account, 'accountId', 'short', 'accountId: "short" must be 6 to 30'],
    [account, 'accountId', `a${'b'.repeat(30)}`, 'must be 6 to 30'],
    [account, 'accountId', 'Trb-acme', 'must be 6 to 30'],
    [dataset, 'datasetId', 'acme-raw', 'datasetId: "acme-raw" must be 1 to 1024 letters, digits or _'],
    [secret, 'secretId', 'acme/shop', 'secretId: "acme/shop" must be 1 to 255'],
    [bucket, 'name', 'Acme', 'name: "Acme" must be 3 to 63'],
    [bucket, 'name', 'my-google-data', 'name: "my-google-data" must be 3 to 63'],
    [job, 'name', `a${'b'.repeat(49)}`, 'must be 1 to 49 lower-case letters'],
    [scheduler, 'name', 'acme 🛒', 'name: "acme 🛒" must be 1 to 500'],
    ['gcp:pubsub/topic:Topic', 'name', 'google-landed', 'must be 3 to 255'],
    [dataset, 'labels', { Tenant: 'acme' }, 'label key "Tenant" must be 1 to 63'],
    [dataset, 'labels', { tenant: 'Acme Shop' }, 'label value "Acme Shop" must be at most 63'],
    // Places, enumerations, durations.
    [dataset, 'location', 'Europe', 'location: "Europe" is no region, nor us, eu'],
    [job, 'location', 'EU', 'location: "EU" is no region'],
    [dataset, 'maxTimeTravelHours', '12', 'maxTimeTravelHours: expected one of 48, 72'],
    [
      dataset,
      'deletionPolicy',
      'KEEP',
      'deletionPolicy: expected one of DELETE, PREVENT, ABANDON, DISABLE, got "KEEP"',
    ],
    [secret, 'replication', {}, 'replication: expected exactly one of auto, userManaged, got none'],
    [secret, 'versionDestroyTtl', '1d', 'versionDestroyTtl: "1d" is no duration, as in "60s"'],
    [secret, 'rotation', { rotationPeriod: '3600s' }, 'rotation: needs topics as well'],
    [service, 'ingress', 'INTERNAL', 'ingress: expected one of INGRESS_TRAFFIC_ALL'],
    [service, 'template.timeout', '2h', 'template.timeout: "2h" is no duration'],
    [job, 'template.template.maxRetries', 11, 'template.template.maxRetries: expected 0 to 10, got 11'],
    [job, 'template.parallelism', 2, 'template.parallelism: must not be more than taskCount'],
    [
      job,
      'template.template.containers.0.resources',
      { limits: { cpu: '1', memory: '8Gi' } },
      '8Gi needs at least 2 CPU, got 1',
    ],
    [
      job,
      'template.template.containers.0.envs',
      [
        { name: 'A', value: '1' },
        { name: 'A', value: '2' },
      ],
      'envs: A is there twice',
    ],
    [
      job,
      'template.template.containers.0.envs',
      [{ name: 'A' }],
      'envs[0]: expected exactly one of value, valueSource, got none',
    ],
    // Schedules.
    [
      scheduler,
      'httpTarget',
      undefined,
      'expected exactly one of httpTarget, pubsubTarget, appEngineHttpTarget, got none',
    ],
    [scheduler, 'schedule', '*/15 * * *', 'schedule: "*/15 * * *" is no unix-cron schedule of five fields'],
    [scheduler, 'schedule', '0 0 31 2 *', 'is no unix-cron schedule'],
    [scheduler, 'schedule', undefined, 'schedule: a job must have a schedule'],
    [scheduler, 'timeZone', 'Europe/Lodz', 'timeZone: "Europe/Lodz" is no time zone of the tz database'],
    [scheduler, 'attemptDeadline', '5s', 'attemptDeadline: expected 15s to 1800s, got 5s'],
    [scheduler, 'retryConfig', { retryCount: 6 }, 'retryConfig.retryCount: expected 0 to 5, got 6'],
    [scheduler, 'httpTarget.body', '{}', 'httpTarget.body: must be base64'],
    [
      scheduler,
      'httpTarget.uri',
      'tributary.example',
      'httpTarget.uri: "tributary.example" must be an http or https address',
    ],
    // Access.
    [grant, 'member', 'trb-acme-runner', 'member: "trb-acme-runner" must be allUsers, allAuthenticatedUsers or as in'],
    [grant, 'member', 'serviceAccount:trb-acme-runner', 'must be allUsers'],
    [grant, 'role', 'bigquery.dataEditor', 'role: "bigquery.dataEditor" must be as in "roles/bigquery.dataEditor"'],
    // Alerts.
    [policy, 'combiner', 'ANY', 'combiner: expected one of AND, OR'],
    [policy, 'conditions.0.conditionThreshold', undefined, 'conditions[0]: expected exactly one of conditionAbsent'],
    [
      policy,
      'alertStrategy',
      { notificationRateLimit: { period: '300s' } },
      'is only for policies with conditionMatchedLog',
    ],
    // Other clouds.
    ['aws:iam/role:Role', 'assumeRolePolicy', '{', 'assumeRolePolicy: no JSON'],
    ['aws:iam/role:Role', 'assumeRolePolicy', '{}', 'MalformedPolicyDocument'],
    ['aws:iam/role:Role', 'maxSessionDuration', 600, 'maxSessionDuration: expected 3600 to 43200, got 600'],
    ['aws:iam/role:Role', 'trust', 'x', 'An argument named "trust" is not expected here'],
    ['azure-native:managedidentity:UserAssignedIdentity', 'resourceName', 'a', 'must be 3 to 128'],
  ];

  test.each(refusals)('%s: %s = %j', (type, path, value, expected) => {
    expect(failures(type, spoiled(type, path, value)).join('\n')).toContain(expected);
  });

  test('a type that nobody knows', () => {
    expect(failures('gcp:bigquery/dataset:DataSet', {})).toEqual([
      expect.stringContaining('is no type that this simulated cloud knows'),
    ]);
  });
});

describe('against what exists', () => {
  test('what is named must be there: each fails first, and passes once it is', async () => {
    const accountType = 'gcp:serviceaccount/account:Account';
    await expect(create('gcp:bigquery/datasetIamMember:DatasetIamMember')).rejects.toThrow(
      '404: Requested entity was not found: projects/acme-data/datasets/acme_raw',
    );
    await create('gcp:bigquery/dataset:Dataset');
    const noAccount = `400: Service account ${runner} does not exist.`;
    await expect(create('gcp:bigquery/datasetIamMember:DatasetIamMember')).rejects.toThrow(noAccount);
    await expect(create('gcp:cloudrunv2/job:Job')).rejects.toThrow(noAccount);
    await expect(create('gcp:cloudrunv2/service:Service')).rejects.toThrow(noAccount);
    await expect(create('gcp:cloudscheduler/job:Job')).rejects.toThrow(noAccount);
    await expect(create('gcp:secretmanager/secretIamMember:SecretIamMember')).rejects.toThrow('404');
    await create(accountType);
    await create('gcp:secretmanager/secret:Secret');
    await create('gcp:secretmanager/secretIamMember:SecretIamMember');
    await create('gcp:bigquery/datasetIamMember:DatasetIamMember');
    await create('gcp:cloudrunv2/job:Job');
    await create('gcp:cloudrunv2/service:Service');
    await create('gcp:cloudscheduler/job:Job');
    await create('gcp:bigquery/table:Table');
    expect(store.list()).toHaveLength(9);
  });

  test('a name is taken once, an account is global, a grant may be made twice', async () => {
    await create('gcp:serviceaccount/account:Account');
    await expect(create('gcp:serviceaccount/account:Account')).rejects.toThrow(/Error 409: .*alreadyExists/);
    await create('gcp:storage/bucket:Bucket');
    const elsewhere = spoiled('gcp:storage/bucket:Bucket', 'project', 'other-project');
    await expect(create('gcp:storage/bucket:Bucket', elsewhere)).rejects.toThrow('409');
    await create('gcp:bigquery/dataset:Dataset');
    await create('gcp:bigquery/datasetIamMember:DatasetIamMember');
    await create('gcp:bigquery/datasetIamMember:DatasetIamMember');
  });

  test.each([
    ['roles/bigquery.dataEditr', "Role roles/bigquery.dataEditr does not exist in the resource's hierarchy."],
    ['roles/storage.objectUser', 'Role roles/storage.objectUser is not supported for this resource.'],
    ['projects/acme-data/roles/loader', 'Requested entity was not found: projects/acme-data/roles/loader'],
  ])('role %s on a dataset', async (role, expected) => {
    await create('gcp:serviceaccount/account:Account');
    await create('gcp:bigquery/dataset:Dataset');
    const grant = spoiled('gcp:bigquery/datasetIamMember:DatasetIamMember', 'role', role);
    await expect(create('gcp:bigquery/datasetIamMember:DatasetIamMember', grant)).rejects.toThrow(expected);
  });

  test('Google takes allUsers, groups and its own agents: refusing them is for policies', async () => {
    await create('gcp:bigquery/dataset:Dataset');
    const agent = 'serviceAccount:service-123@gcp-sa-pubsub.iam.gserviceaccount.com';
    for (const member of ['allUsers', 'group:data@acme.example', agent]) {
      const inputs = spoiled('gcp:bigquery/datasetIamMember:DatasetIamMember', 'member', member);
      await expect(create('gcp:bigquery/datasetIamMember:DatasetIamMember', inputs)).resolves.toBeDefined();
    }
  });

  test('a schedule calls a service that exists, with an audience that is its own, as an account of its project', async () => {
    const scheduler = 'gcp:cloudscheduler/job:Job';
    await create('gcp:serviceaccount/account:Account');
    const { outputs } = await create('gcp:cloudrunv2/service:Service');
    const uri = `${outputs.uri}/trigger`;
    const target = (good[scheduler] as Properties).httpTarget as Properties;
    const calling = (change: Properties) =>
      create(scheduler, { ...good[scheduler], httpTarget: { ...target, uri, ...change } });
    await expect(calling({ uri: 'https://nobody-123.europe-west1.run.app' })).rejects.toThrow('404');
    const oidcToken = { serviceAccountEmail: runner, audience: uri };
    await expect(calling({ oidcToken })).rejects.toThrow(/audience .*\/trigger is none of/);
    await calling({});
    const other = { project: 'other-project', accountId: 'scheduler' };
    await create('gcp:serviceaccount/account:Account', other);
    const email = 'scheduler@other-project.iam.gserviceaccount.com';
    await expect(calling({ oidcToken: { ...oidcToken, serviceAccountEmail: email } })).rejects.toThrow(
      `must be a service account of the job's project ${project}`,
    );
  });

  test('a container reads a secret that has such a version', async () => {
    const job = 'gcp:cloudrunv2/job:Job';
    await create('gcp:serviceaccount/account:Account');
    const { id } = await create('gcp:secretmanager/secret:Secret');
    const secretKeyRef = { secret: 'tributary-acme_shop-password', version: 'latest' };
    const inputs = spoiled(job, 'template.template.containers.0.envs', [
      { name: 'PASSWORD', valueSource: { secretKeyRef } },
    ]);
    await expect(create(job, inputs)).rejects.toThrow(
      '404: Requested entity was not found: projects/acme-data/secrets/tributary-acme_shop-password/versions/latest',
    );
    await provider(job).create('gcp:secretmanager/secretVersion:SecretVersion', { secret: id, secretData: 'x' }, false);
    await create(job, inputs);
  });

  test('a key must be where the data is', async () => {
    const keys = provider('gcp:kms');
    const ring = (location: string) =>
      keys.create('gcp:kms/keyRing:KeyRing', { project, location, name: 'tributary' }, false);
    const key = async (location: string) =>
      (await keys.create('gcp:kms/cryptoKey:CryptoKey', { keyRing: (await ring(location)).id, name: 'data' }, false))
        .id;
    const encrypted = (kmsKeyName: string) =>
      spoiled('gcp:bigquery/dataset:Dataset', 'defaultEncryptionConfiguration', { kmsKeyName });
    await expect(create('gcp:bigquery/dataset:Dataset', encrypted(await key('us')))).rejects.toThrow(
      'is in us, the resource in eu',
    );
    await create('gcp:bigquery/dataset:Dataset', encrypted(await key('europe')));
  });

  test('deletes are refused by guards and contents, and let go by policy', async () => {
    const dataset = 'gcp:bigquery/dataset:Dataset';
    const table = 'gcp:bigquery/table:Table';
    const remove = (type: ExampleType, id: string, state: Properties) => provider(type).delete(type, id, state);
    const { id } = await create(dataset);
    const inside = await create(table);
    await expect(remove(dataset, id, { deletionPolicy: 'PREVENT' })).rejects.toThrow(
      'while its deletion_policy is PREVENT',
    );
    await expect(remove(dataset, id, {})).rejects.toThrow('still in use');
    await expect(remove(table, inside.id, {})).rejects.toThrow('without setting deletion_protection=false');
    await remove(table, inside.id, { deletionProtection: false });
    await remove(dataset, id, { deletionPolicy: 'ABANDON' });
    expect(store.read(dataset, id)).not.toBeNull();
    await remove(dataset, id, {});
    expect(store.list()).toEqual([]);
    await create('gcp:serviceaccount/account:Account');
    const job = await create('gcp:cloudrunv2/job:Job');
    await expect(remove('gcp:cloudrunv2/job:Job', job.id, {})).rejects.toThrow('deletion_protection=false');
    await expect(remove('gcp:cloudrunv2/job:Job', job.id, { deletionProtection: false })).resolves.toBeUndefined();
  });

  test('an object is written over, and goes with a bucket that may go with what is in it', async () => {
    const bucket = 'gcp:storage/bucket:Bucket';
    const object = 'gcp:storage/bucketObject:BucketObject';
    const { id } = await create(bucket);
    const write = () => provider(object).create(object, { bucket: id, name: 'folder/one.json', content: '{}' }, false);
    expect((await write()).id).toBe((await write()).id);
    await expect(provider(bucket).delete(bucket, id, {})).rejects.toThrow('still in use');
    await provider(bucket).delete(bucket, id, { forceDestroy: true });
    expect(store.list()).toEqual([]);
  });

  test('an account made anew has another number', async () => {
    const account = 'gcp:serviceaccount/account:Account';
    const first = await create(account);
    expect(first.outputs).toMatchObject({ email: runner, member: `serviceAccount:${runner}` });
    await provider(account).delete(account, first.id, {});
    const second = await create(account);
    expect(second.outputs.uniqueId).toMatch(/^\d{21}$/);
    expect(second.outputs.uniqueId).not.toBe(first.outputs.uniqueId);
  });
});
