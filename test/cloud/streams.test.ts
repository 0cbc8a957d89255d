/** What the simulated cloud refuses of streams, so that an order of things that is wrong cannot pass on it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { good, project } from './examples.ts';
import { projectNumber } from './kinds/data.ts';
import { Provider } from './provider.ts';
import { Store } from './store.ts';
import type { Properties } from './values.ts';

const location = 'europe-west1';
const agent = (service: string) =>
  `serviceAccount:service-${projectNumber(project)}@gcp-sa-${service}.iam.gserviceaccount.com`;
const SECRET = `projects/${project}/secrets/tributary-acme_shop-password`;

const profile = {
  project,
  location,
  connectionProfileId: 'shop',
  displayName: 'shop',
  postgresqlProfile: {
    ...{ hostname: 'db', username: 'datastream', database: 'shop' },
    secretManagerStoredPassword: `${SECRET}/versions/1`,
  },
};
const columns = (...names: string[]) => JSON.stringify(names.map((name) => ({ name, type: 'STRING' })));
const METADATA = ['subscription_name', 'message_id', 'publish_time', 'attributes'];
const table = { ...good['gcp:bigquery/table:Table'], tableId: 'clicks', schema: columns('n', ...METADATA) };
const subscription = {
  project,
  name: 'clicks',
  topic: `projects/${project}/topics/tributary-acme-landed`,
  bigqueryConfig: { table: `${project}.acme_raw.clicks`, useTableSchema: true, writeMetadata: true },
};

let store: Store;
let provider: Provider;
beforeEach(() => {
  store = new Store(mkdtempSync(join(tmpdir(), 'tributary-streams-')));
  provider = new Provider('gcp', store);
});
afterEach(() => rmSync(store.folder, { recursive: true, force: true }));

const create = (type: string, inputs: Properties) => provider.create(type, inputs, false);

describe('a profile of Datastream', () => {
  const type = 'gcp:datastream/connectionProfile:ConnectionProfile';

  test('wants the version of the secret, and its agent’s right to read it', async () => {
    await create('gcp:secretmanager/secret:Secret', good['gcp:secretmanager/secret:Secret']);
    await expect(create(type, profile)).rejects.toThrow(/versions\/1/);
    await create('gcp:secretmanager/secretVersion:SecretVersion', { secret: SECRET });
    await expect(create(type, profile)).rejects.toThrow(
      /gcp-sa-datastream.*does not have secretmanager.versions.access/,
    );
    await create('gcp:secretmanager/secretIamMember:SecretIamMember', {
      ...good['gcp:secretmanager/secretIamMember:SecretIamMember'],
      member: agent('datastream'),
    });
    await expect(create(type, profile)).resolves.toMatchObject({
      id: expect.stringMatching(/connectionProfiles\/shop$/),
    });
  });

  test('has one password, by reference or by value', () => {
    const both = { ...profile, postgresqlProfile: { ...profile.postgresqlProfile, password: 'x' } };
    expect(provider.check(type, both).map(({ reason }) => reason)).toEqual([
      'expected exactly one of password, secretManagerStoredPassword, got password and secretManagerStoredPassword',
    ]);
  });
});

describe('a subscription that writes into BigQuery', () => {
  const type = 'gcp:pubsub/subscription:Subscription';
  const may = (role: string) =>
    create('gcp:bigquery/iamMember:IamMember', {
      project,
      datasetId: 'acme_raw',
      tableId: 'clicks',
      role,
      member: agent('pubsub'),
    });

  beforeEach(async () => {
    await create('gcp:pubsub/topic:Topic', good['gcp:pubsub/topic:Topic']);
    await create('gcp:bigquery/dataset:Dataset', good['gcp:bigquery/dataset:Dataset']);
  });

  test('wants the table and both roles of its agent', async () => {
    await expect(create(type, subscription)).rejects.toThrow(/tables\/clicks/);
    await create('gcp:bigquery/table:Table', table);
    await expect(create(type, subscription)).rejects.toThrow(/gcp-sa-pubsub.* needs roles\/bigquery.dataEditor/);
    await may('roles/bigquery.dataEditor');
    await expect(create(type, subscription)).rejects.toThrow(/needs roles\/bigquery.metadataViewer/);
    await may('roles/bigquery.metadataViewer');
    await expect(create(type, subscription)).resolves.toBeDefined();
  });

  test('wants the columns that it writes', async () => {
    await create('gcp:bigquery/table:Table', { ...table, schema: columns('n') });
    for (const role of ['roles/bigquery.dataEditor', 'roles/bigquery.metadataViewer']) await may(role);
    await expect(create(type, subscription)).rejects.toThrow(/no column subscription_name/);
    const whole = { ...subscription, bigqueryConfig: { table: subscription.bigqueryConfig.table } };
    await expect(create(type, whole)).rejects.toThrow(/no column data/);
  });
});
