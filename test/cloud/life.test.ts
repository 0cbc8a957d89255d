import { Role } from '@pulumi/aws/iam/role.js';
import { FederatedIdentityCredential } from '@pulumi/azure-native/managedidentity/federatedIdentityCredential.js';
import { UserAssignedIdentity } from '@pulumi/azure-native/managedidentity/userAssignedIdentity.js';
import { Dataset } from '@pulumi/gcp/bigquery/dataset.js';
import { DatasetIamMember } from '@pulumi/gcp/bigquery/datasetIamMember.js';
import { Job } from '@pulumi/gcp/cloudscheduler/job.js';
import { Secret } from '@pulumi/gcp/secretmanager/secret.js';
import { SecretVersion } from '@pulumi/gcp/secretmanager/secretVersion.js';
import { Account } from '@pulumi/gcp/serviceaccount/account.js';
import { interpolate, jsonStringify, StackReference, secret } from '@pulumi/pulumi';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../setup/describe-with.ts';
import { good, project } from './examples.ts';
import { type Cloud, openCloud, PROJECT } from './harness.ts';
import { lines, StackFailure } from './outcome.ts';
import type { CloudStack } from './stack.ts';

const datasetType = 'gcp:bigquery/dataset:Dataset';

describeWith(['engine'], 'a stack on the simulated cloud', () => {
  let cloud: Cloud;
  beforeAll(async () => {
    cloud = await openCloud();
  });
  afterAll(() => cloud.close());

  const dataset = { ...good[datasetType], datasetId: 'life' };
  const program =
    (change: object, options = {}) =>
    async () => {
      const account = new Account('runner', { project, accountId: 'trb-life-runner' });
      const data = new Dataset('raw', { ...dataset, ...change }, options);
      new DatasetIamMember('edit', {
        project,
        datasetId: data.datasetId,
        role: 'roles/bigquery.dataEditor',
        member: account.member,
      });
      return { email: account.email, uniqueId: account.uniqueId };
    };

  test('preview, up, nothing, one field, replace, drift, destroy', { timeout: 60_000 }, async () => {
    const stack = await cloud.stack('life.dev', program({}));
    const created = [
      '+ gcp:bigquery/dataset:Dataset raw',
      '+ gcp:bigquery/datasetIamMember:DatasetIamMember edit',
      '+ gcp:serviceaccount/account:Account runner',
    ];
    expect([...lines(await stack.preview())].sort()).toEqual(created);
    expect(cloud.resources()).toEqual([]);
    const up = await stack.up();
    expect([...lines(up)].sort()).toEqual(created);
    expect(up.outputs).toEqual({
      email: { value: 'trb-life-runner@acme-data.iam.gserviceaccount.com', secret: false },
      uniqueId: { value: expect.stringMatching(/^\d{21}$/), secret: false },
    });
    expect(cloud.resources()).toHaveLength(3);
    expect(await stack.preview()).toMatchObject({ steps: [], counts: { same: 4 } });

    stack.program = program({ labels: { tenant: 'acme', env: 'dev' } });
    const oneField = ['~ gcp:bigquery/dataset:Dataset raw (labels.env)'];
    expect(lines(await stack.preview())).toEqual(oneField);
    expect(lines(await stack.up())).toEqual(oneField);

    const [there] = cloud.resources(datasetType);
    if (there === undefined) throw new Error('no dataset');
    cloud.drift(there, { labels: { tenant: 'globex', env: 'dev' } });
    expect(lines(await stack.refresh({ previewOnly: true }))).toEqual([
      '~ gcp:bigquery/dataset:Dataset raw (labels.tenant)',
    ]);
    await stack.refresh();
    expect(lines(await stack.preview())).toEqual(['~ gcp:bigquery/dataset:Dataset raw (labels.tenant)']);

    cloud.remove(there);
    expect(lines(await stack.refresh())).toEqual(['- gcp:bigquery/dataset:Dataset raw']);
    expect(lines(await stack.up())).toEqual(['+ gcp:bigquery/dataset:Dataset raw']);

    stack.program = program({ location: 'europe-west1', labels: { tenant: 'acme', env: 'dev' } });
    const replaced = await stack.preview();
    expect(replaced.counts).toMatchObject({ replace: 1 });
    expect(replaced.steps.find(({ op }) => op === 'replace')?.paths).toEqual(['location']);
    // The real provider makes the new dataset first, under the name of the old one.
    await expect(stack.up()).rejects.toThrow(/creating Dataset: googleapi: Error 409: .*datasets\/life/);
    stack.program = program({ location: 'europe-west1' }, { deleteBeforeReplace: true });
    await stack.up();
    expect(cloud.resources(datasetType)[0]?.inputs).toMatchObject({ location: 'europe-west1' });

    expect((await stack.destroy()).counts).toEqual({ delete: 4 });
    expect(cloud.resources()).toEqual([]);
  });

  test('what the cloud refuses stops a preview, with path and reason', async () => {
    const scheduler = 'gcp:cloudscheduler/job:Job';
    const stack = await cloud.stack('refused.dev', async () => {
      new Job('tick', { ...good[scheduler], timeZone: 'Mars/Base' });
    });
    await expect(stack.preview()).rejects.toThrow(/timeZone.*"Mars\/Base" is no time zone of the tz database/s);
  });

  test('protected data stays, and its guards hold without the engine as well', async () => {
    const guarded = program({ datasetId: 'guarded', deletionPolicy: 'PREVENT' }, { protect: true });
    const stack = await cloud.stack('guarded.dev', guarded);
    await stack.up();
    await expect(stack.destroy()).rejects.toThrow(/protected/);
    await stack.destroy({ excludeProtected: true });
    expect(cloud.resources(datasetType).map(({ id }) => id)).toEqual(['projects/acme-data/datasets/guarded']);
    stack.program = program({ datasetId: 'guarded', deletionPolicy: 'PREVENT' }, { protect: false });
    await stack.up();
    await expect(stack.destroy()).rejects.toThrow(/while its deletion_policy is PREVENT/);
    stack.program = program({ datasetId: 'guarded' }, { retainOnDelete: true });
    await stack.up();
    await stack.destroy();
    expect(cloud.resources().map(({ id }) => id)).toEqual(['projects/acme-data/datasets/guarded']);
  });

  test('secrets are never plain text in the state, neither marked by a program nor by the schema', async () => {
    const stack = await cloud.stack('secrets.dev', async () => {
      const replication = { userManaged: { replicas: [{ location: 'europe-west1' }] } };
      const holder = new Secret('holder', {
        project,
        secretId: 'holder',
        replication,
        annotations: { nested: secret('marked-by-program'), plain: 'not-hidden' },
      });
      new SecretVersion('value', { secret: holder.id, secretData: 'marked-by-schema' });
      return { all: holder.annotations };
    });
    const { outputs } = await stack.up();
    expect(outputs.all?.secret).toBe(true);
    for (const _ of ['after up', 'after refresh']) {
      const state = stack.stateText();
      expect(state).toContain('not-hidden');
      expect(state).not.toMatch(/marked-by-/);
      await stack.refresh();
    }
    expect((await stack.preview()).steps).toEqual([]);
  });

  test('stacks see each other in one cloud, and values unknown in a preview reach other clouds', {
    timeout: 60_000,
  }, async () => {
    const first: CloudStack = await cloud.stack('first.dev', async () => {
      const account = new Account('runner', { project, accountId: 'trb-first-runner' });
      return { email: account.email, uniqueId: account.uniqueId };
    });
    const second = await cloud.stack('second.dev', async () => {
      const platform = new StackReference(`organization/${PROJECT}/first.dev`);
      const own = new Account('own', { project, accountId: 'trb-second-own' });
      const Condition = { StringEquals: { 'accounts.google.com:sub': own.uniqueId } };
      const Statement = [{ Effect: 'Allow', Action: 'sts:AssumeRoleWithWebIdentity', Condition }];
      const role = new Role('role', {
        name: 'tributary-second',
        assumeRolePolicy: jsonStringify({ Version: '2012-10-17', Statement }),
      });
      const identity = new UserAssignedIdentity('identity', {
        resourceGroupName: 'data',
        resourceName: 'tributary-second',
      });
      new FederatedIdentityCredential('credential', {
        resourceGroupName: 'data',
        resourceName: identity.name,
        federatedIdentityCredentialResourceName: 'runner',
        issuer: 'https://accounts.google.com',
        subject: own.uniqueId,
        audiences: ['api://AzureADTokenExchange'],
      });
      const data = new Dataset('data', { ...dataset, datasetId: 'second' });
      const member = interpolate`serviceAccount:${platform.requireOutput('email')}`;
      new DatasetIamMember('edit', { project, datasetId: data.datasetId, role: 'roles/bigquery.dataEditor', member });
      return { arn: role.arn };
    });
    await first.up();
    expect((await second.preview()).counts).toEqual({ create: 7 });
    const { outputs } = await second.up();
    expect(outputs.arn?.value).toBe('arn:aws:iam::123456789012:role/tributary-second');
    expect((await second.preview()).steps).toEqual([]);
    const [role] = cloud.resources('aws:iam/role:Role');
    expect(role?.inputs.assumeRolePolicy).toMatch(/"accounts.google.com:sub":"\d{21}"/);
    await first.destroy();
    const other = await cloud.stack('third.dev', async () => {
      const member = 'serviceAccount:trb-first-runner@acme-data.iam.gserviceaccount.com';
      new DatasetIamMember('edit', { project, datasetId: 'second', role: 'roles/bigquery.dataViewer', member });
    });
    const failure = await other.up().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StackFailure);
    expect(String(failure)).toContain(
      'Service account trb-first-runner@acme-data.iam.gserviceaccount.com does not exist.',
    );
  });
});
