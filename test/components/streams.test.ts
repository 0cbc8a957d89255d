import { beforeAll, describe, expect, it } from 'vitest';
import { Datastream } from '../../components/datastream.ts';
import type { DatastreamArgs } from '../../components/datastream-args.ts';
import { grouped } from '../../components/datastream-plan.ts';
import { PubsubSource } from '../../components/pubsub-source.ts';
import type { PubsubSourceArgs } from '../../components/pubsub-source-args.ts';
import { datastreamArgs, pubsubArgs, streamNeeds } from '../../stacks/stream-args.ts';
import { tenantArgs } from '../../stacks/tenant-args.ts';
import type { TenantInput } from '../../tenants/schema/index.ts';
import { type Registered, register } from './harness.ts';
import { platform, tenant } from './scene.ts';

const SUBNETWORK = 'projects/tributary-dev/regions/europe-west1/subnetworks/data';
const NETWORK = 'projects/tributary-dev/global/networks/data';
const place = {
  ...platform,
  network: NETWORK,
  subnetwork: SUBNETWORK,
  notificationChannels: ['projects/p/notificationChannels/1'],
};
const common = { tenant: 'acme', projectNumber: '123456789012', region: 'europe-west1', platform: place };
const PUBSUB = 'serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com';

const capture = {
  ...common,
  stream: 'shop',
  location: 'EU',
  dataset: 'acme_raw',
  include: ['public.orders', 'public.customers'],
  exclude: ['public.customers.ssn'],
  peeringSubnet: '10.30.0.0/29',
  postgres: {
    ...{ host: '10.20.0.5', port: 5432, user: 'datastream', secret: 'shop-password', database: 'shop' },
    ...{ publication: 'tributary', replicationSlot: 'tributary_acme' },
  },
} satisfies DatastreamArgs;
const mysql = { host: 'db', port: 3306, user: 'datastream', secret: 'legacy-password' };
const clicks = { ...common, stream: 'clicks', dataset: 'acme_raw', table: 'clicks' } satisfies PubsubSourceArgs;

const captured = (args: DatastreamArgs) => register(async () => new Datastream('acme-shop', args));
const landed = (args: PubsubSourceArgs) => register(async () => new PubsubSource('acme-clicks', args));
const named = (resources: readonly Registered[], name: string) => {
  const found = resources.find((resource) => resource.name === name);
  if (found === undefined) throw new Error(`no ${name} among ${resources.map((resource) => resource.name).join(', ')}`);
  return found;
};
const names = (resources: readonly Registered[]) => resources.map(({ name }) => name).sort();

/** What a resource waits for, directly or not. */
function before(resources: readonly Registered[], name: string): string[] {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const seen = new Set<string>();
  const visit = ({ dependsOn }: Registered) => {
    for (const urn of dependsOn) {
      const one = byUrn.get(urn);
      if (one === undefined || seen.has(one.name)) continue;
      seen.add(one.name);
      visit(one);
    }
  };
  visit(named(resources, name));
  return [...seen].sort();
}

describe('Datastream', () => {
  let resources: readonly Registered[];
  beforeAll(async () => {
    resources = await captured(capture);
  });

  it('takes the password as a version of a secret, and waits for the right to read it', () => {
    const { inputs } = named(resources, 'acme-shop-source');
    expect(inputs.postgresqlProfile).toEqual({
      ...{ hostname: '10.20.0.5', port: 5432, username: 'datastream', database: 'shop' },
      secretManagerStoredPassword: 'projects/tributary-dev/secrets/tributary-acme_shop-password/versions/1',
    });
    expect(inputs.createWithoutValidation).toBe(false);
    const grants = resources.filter(({ type }) => type.endsWith('SecretIamMember'));
    expect(grants.map(({ inputs: { member, role, secretId } }) => [member, role, secretId])).toEqual([
      [
        'serviceAccount:service-123456789012@gcp-sa-datastream.iam.gserviceaccount.com',
        'roles/secretmanager.secretAccessor',
        'tributary-acme_shop-password',
      ],
    ]);
    const waited = before(resources, 'acme-shop-source');
    expect(waited).toEqual(expect.arrayContaining(['acme-shop-agent', grants[0]?.name, 'acme-shop-private']));
  });

  it('reads the tables by the publication and the slot, and leaves columns where they are', () => {
    const { inputs } = named(resources, 'acme-shop-stream');
    expect(inputs).toMatchObject({
      desiredState: 'RUNNING',
      backfillAll: {},
      sourceConfig: {
        postgresqlSourceConfig: {
          publication: 'tributary',
          replicationSlot: 'tributary_acme',
          includeObjects: {
            postgresqlSchemas: [{ schema: 'public', postgresqlTables: [{ table: 'orders' }, { table: 'customers' }] }],
          },
          excludeObjects: {
            postgresqlSchemas: [
              { schema: 'public', postgresqlTables: [{ table: 'customers', postgresqlColumns: [{ column: 'ssn' }] }] },
            ],
          },
        },
      },
      destinationConfig: {
        bigqueryDestinationConfig: {
          singleTargetDataset: { datasetId: 'projects/tributary-dev/datasets/acme_raw' },
          merge: {},
          dataFreshness: '900s',
        },
      },
    });
    expect(named(resources, 'acme-shop-private').inputs.vpcPeeringConfig).toEqual({
      vpc: NETWORK,
      subnet: '10.30.0.0/29',
    });
  });

  it('of MySQL goes on from a GTID, appends, and has datasets of its own', async () => {
    const { postgres: _, dataset: __, ...rest } = capture;
    const other = {
      ...rest,
      mysql,
      include: ['erp.*'],
      exclude: [],
      appendOnly: true,
      backfill: false,
      datasetPrefix: 'acme_erp_',
    };
    const { inputs } = named(await captured(other), 'acme-shop-stream');
    expect(inputs.sourceConfig).toMatchObject({
      mysqlSourceConfig: { gtid: {}, includeObjects: { mysqlDatabases: [{ database: 'erp' }] } },
    });
    expect(inputs).toMatchObject({ backfillNone: {} });
    expect(inputs.destinationConfig).toMatchObject({
      bigqueryDestinationConfig: {
        appendOnly: {},
        sourceHierarchyDatasets: { datasetTemplate: { location: 'EU', datasetIdPrefix: 'acme_erp_' } },
      },
    });
    const binlog = named(await captured({ ...other, mysql: { ...mysql, gtid: false } }), 'acme-shop-stream');
    expect(binlog.inputs.sourceConfig).toMatchObject({ mysqlSourceConfig: { binaryLogPosition: {} } });
  });

  it('prepared, it is the right to read the password and nothing at Datastream', async () => {
    const prepared = await captured({ ...capture, state: 'prepared' });
    expect(prepared.filter(({ custom }) => custom).map(({ type }) => type.split(':').at(-1))).toEqual([
      'ServiceIdentity',
      'SecretIamMember',
    ]);
  });

  it('checks who answers where it is told who signs', async () => {
    const ca = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----';
    const { inputs } = named(await captured({ ...capture, postgres: { ...capture.postgres, ca } }), 'acme-shop-source');
    expect(inputs.postgresqlProfile).toMatchObject({ sslConfig: { serverVerification: { caCertificate: ca } } });
    const { postgres: _, ...rest } = capture;
    const other = named(await captured({ ...rest, mysql: { ...mysql, ca } }), 'acme-shop-source');
    expect(other.inputs.mysqlProfile).toMatchObject({ sslConfig: { caCertificate: ca } });
  });

  it.each<[string, Partial<DatastreamArgs>]>([
    ['exactly one of postgres and mysql', { mysql }],
    ['exactly one of dataset and datasetPrefix', { datasetPrefix: 'x' }],
    ['asleep is no state', { state: 'asleep' }],
    ['at most one way', { privateConnection: 'projects/p/locations/l/privateConnections/c' }],
    ["a peering needs the platform's network", { platform }],
  ])('is refused: %s', async (says, change) => {
    await expect(captured({ ...capture, ...change })).rejects.toThrow(says);
  });

  it('groups what is named by schema and table; a star or a whole table outweighs its parts', () => {
    expect(grouped(['a.x', 'b.*', 'a.y.c', 'a.y.d', 'b.z', 'a.y'])).toEqual([
      {
        schema: 'a',
        tables: [
          { table: 'x', columns: [] },
          { table: 'y', columns: [] },
        ],
      },
      { schema: 'b', tables: [] },
    ]);
  });
});

describe('PubsubSource', () => {
  let resources: readonly Registered[];
  beforeAll(async () => {
    resources = await landed({ ...clicks, columns: [{ name: 'n', type: 'INT64', mode: 'REQUIRED' }] });
  });

  it('has a topic, a table of its columns and Pub/Sub’s, and a subscription that writes', () => {
    const schema = JSON.parse(String(named(resources, 'acme-clicks-table').inputs.schema)) as {
      name: string;
      type: string;
    }[];
    expect(schema.map(({ name, type }) => `${name} ${type}`)).toEqual([
      ...['n INTEGER', 'subscription_name STRING', 'message_id STRING', 'publish_time TIMESTAMP', 'attributes JSON'],
    ]);
    expect(named(resources, 'acme-clicks-subscription').inputs).toMatchObject({
      topic: 'projects/tributary-dev/topics/tributary-acme_clicks',
      bigqueryConfig: {
        table: 'tributary-dev.acme_raw.clicks',
        useTableSchema: true,
        writeMetadata: true,
        dropUnknownFields: false,
      },
      expirationPolicy: { ttl: '' },
      messageRetentionDuration: '604800s',
      deadLetterPolicy: {
        deadLetterTopic: 'projects/tributary-dev/topics/tributary-acme_clicks.dead-letter',
        maxDeliveryAttempts: 5,
      },
    });
    expect(named(resources, 'acme-clicks-topic').inputs.messageStoragePolicy).toEqual({
      allowedPersistenceRegions: ['europe-west1'],
    });
  });

  it('lets Pub/Sub write into that table alone, and move what failed, before anything flows', () => {
    const grants = resources.filter(({ type }) => /I[aA][mM]Member$/.test(type));
    expect(grants.every(({ inputs }) => inputs.member === PUBSUB)).toBe(true);
    const texts = grants.map(
      ({ type, inputs }) =>
        `${type.split(':').at(-1)} ${inputs.role} ${inputs.tableId ?? inputs.topic ?? inputs.subscription}`,
    );
    expect(texts.sort()).toEqual([
      'IamMember roles/bigquery.dataEditor clicks',
      'IamMember roles/bigquery.metadataViewer clicks',
      'SubscriptionIAMMember roles/pubsub.subscriber tributary-acme_clicks',
      'TopicIAMMember roles/pubsub.publisher tributary-acme_clicks.dead-letter',
    ]);
    const waited = before(resources, 'acme-clicks-subscription');
    expect(waited).toEqual(
      expect.arrayContaining([
        'acme-clicks-agent',
        'acme-clicks-table',
        'acme-clicks-topic',
        'acme-clicks-dead-letter',
      ]),
    );
    expect(waited.filter((name) => name.includes('bigquery.dataEditor'))).toHaveLength(1);
  });

  it('keeps dead letters where nobody may lose them, and tells somebody', async () => {
    expect(named(resources, 'acme-clicks-dead-letter-kept').inputs).toMatchObject({
      topic: 'projects/tributary-dev/topics/tributary-acme_clicks.dead-letter',
      messageRetentionDuration: '2678400s',
      expirationPolicy: { ttl: '' },
    });
    const kept = resources.filter(({ protect, retainOnDelete }) => protect && retainOnDelete);
    expect(names(kept)).toEqual(['acme-clicks-dead-letter', 'acme-clicks-dead-letter-kept', 'acme-clicks-table']);
    expect(named(resources, 'acme-clicks-alert').inputs).toMatchObject({
      notificationChannels: ['projects/p/notificationChannels/1'],
    });
    const quiet = await landed({ ...clicks, platform: { ...place, notificationChannels: [] } });
    expect(names(quiet)).not.toContain('acme-clicks-alert');
  });

  it('labels whatever can be labelled', () => {
    const expected = { tenant: 'acme', env: 'dev', cost_center: 'unassigned', managed_by: 'tributary' };
    const things = resources.filter(({ type }) => /(?:topic:Topic|subscription:Subscription|table:Table)$/.test(type));
    expect(things).toHaveLength(5);
    for (const { name, inputs } of things) expect(inputs.labels, name).toEqual(expected);
  });

  it('keeps whole messages where no column is named, and reads a topic and a table that are there', async () => {
    const whole = await landed(clicks);
    expect(JSON.parse(String(named(whole, 'acme-clicks-table').inputs.schema))[0]).toMatchObject({
      name: 'data',
      type: 'JSON',
    });
    expect(named(whole, 'acme-clicks-subscription').inputs.bigqueryConfig).not.toHaveProperty('useTableSchema');
    const given = await landed({ ...clicks, topic: 'projects/app/topics/clicks', makeTable: false });
    expect(names(given)).not.toEqual(expect.arrayContaining(['acme-clicks-topic']));
    expect(names(given)).not.toEqual(expect.arrayContaining(['acme-clicks-table']));
    expect(named(given, 'acme-clicks-subscription').inputs).toMatchObject({
      topic: 'projects/app/topics/clicks',
      bigqueryConfig: { useTableSchema: true },
    });
  });

  it('transforms inside Pub/Sub', async () => {
    const transform = { function: 'f', javascript: 'function f(m) { return m; }' };
    const { inputs } = named(await landed({ ...clicks, transform }), 'acme-clicks-subscription');
    expect(inputs.messageTransforms).toEqual([{ javascriptUdf: { functionName: 'f', code: transform.javascript } }]);
  });
});

describe('PubsubSource through Dataflow', () => {
  const transform = { function: 'f', javascript: 'function f(text) { return text; }', dataflow: true, maxWorkers: 3 };
  const columns = [{ name: 'n', type: 'INT64' }];

  it('is a private, bounded, draining job of an account that sees this stream alone', async () => {
    const resources = await landed({ ...clicks, columns, transform });
    const { inputs } = named(resources, 'acme-clicks-job');
    expect(inputs).toMatchObject({
      containerSpecGcsPath: 'gs://dataflow-templates-europe-west1/latest/flex/PubSub_to_BigQuery_Flex',
      parameters: {
        inputSubscription: 'projects/tributary-dev/subscriptions/tributary-acme_clicks',
        outputTableSpec: 'tributary-dev:acme_raw.clicks',
        outputDeadletterTable: 'tributary-dev:acme_raw.clicks_rejected',
        javascriptTextTransformFunctionName: 'f',
      },
      ipConfiguration: 'WORKER_IP_PRIVATE',
      subnetwork: SUBNETWORK,
      enableStreamingEngine: true,
      maxWorkers: 3,
      onDelete: 'drain',
    });
    const account = String(inputs.serviceAccountEmail);
    const mine = resources.filter(({ inputs: { member } }) => member === `serviceAccount:${account}`);
    expect(mine.map(({ inputs: { role } }) => role).sort()).toEqual([
      'roles/bigquery.dataEditor',
      'roles/bigquery.jobUser',
      'roles/dataflow.worker',
      'roles/pubsub.subscriber',
      'roles/pubsub.viewer',
      'roles/storage.objectAdmin',
    ]);
    const waited = before(resources, 'acme-clicks-job');
    expect(waited).toEqual(expect.arrayContaining([...mine.map(({ name }) => name), 'acme-clicks-transform']));
    const subscription = named(resources, 'acme-clicks-subscription').inputs;
    expect(subscription).not.toHaveProperty('bigqueryConfig');
    expect(subscription.deadLetterPolicy).toMatchObject({ maxDeliveryAttempts: 100 });
  });

  it('names the code after its content, so that other code reaches the job', async () => {
    const path = async (javascript: string) => {
      const { inputs } = named(
        await landed({ ...clicks, columns, transform: { ...transform, javascript } }),
        'acme-clicks-job',
      );
      return (inputs.parameters as Record<string, string>).javascriptTextTransformGcsPath;
    };
    const [one, two] = [await path('function f(a) { return a; }'), await path('function f(b) { return b; }')];
    expect(one).toMatch(/^gs:\/\/tributary-dev-trb-acme-staging\/templates\/streams\/clicks-[0-9a-f]{8}\.js$/);
    expect(two).not.toBe(one);
    const resources = await landed({ ...clicks, columns, transform });
    expect(named(resources, 'acme-clicks-transform').deleteBeforeReplace).toBe(false);
  });

  it('is refused without a subnetwork', async () => {
    await expect(landed({ ...clicks, columns, transform, platform })).rejects.toThrow("need the platform's subnetwork");
  });
});

describe('the streams of a tenant file', () => {
  const input: TenantInput = {
    tenant: 'acme',
    connections: {
      shop: { kind: 'postgres', host: 'db', database: 'shop', user: 'datastream', secret: 'shop-password' },
      legacy: { kind: 'mysql', host: 'db2', database: 'erp', user: 'datastream', secret: 'legacy-password' },
    },
    streams: {
      shop: {
        kind: 'datastream',
        connection: 'shop',
        tables: { include: ['public.orders'] },
        publication: 'p',
        replicationSlot: 's',
      },
      erp: {
        kind: 'datastream',
        connection: 'legacy',
        tables: { include: ['erp.*'] },
        position: 'binlog',
        destination: { layout: 'schemas' },
      },
      clicks: { kind: 'pubsub', retention: '2d', destination: { dataset: 'acme_web' } },
    },
  };
  const spec = tenant(input);

  it('have their secrets and datasets made with the tenant', () => {
    expect(streamNeeds(spec)).toEqual({
      secrets: ['shop-password', 'legacy-password'],
      datasets: ['acme_raw', 'acme_web'],
    });
    expect(tenantArgs(spec, platform)).toMatchObject({
      secrets: ['shop-password', 'legacy-password'],
      datasets: ['acme_raw', 'acme_web'],
      connections: {},
    });
  });

  it('become arguments', () => {
    const { shop, erp, clicks: messages } = spec.streams;
    if (shop?.kind !== 'datastream' || erp?.kind !== 'datastream' || messages?.kind !== 'pubsub')
      throw new Error('kinds');
    expect(datastreamArgs(spec, 'shop', shop)).toMatchObject({
      postgres: { host: 'db', port: 5432, secret: 'shop-password', publication: 'p', replicationSlot: 's' },
      dataset: 'acme_raw',
      state: 'running',
      freshnessSeconds: 900,
    });
    expect(datastreamArgs(spec, 'erp', erp)).toMatchObject({ mysql: { gtid: false }, datasetPrefix: 'acme_erp_' });
    expect(datastreamArgs(spec, 'erp', erp)).not.toHaveProperty('dataset');
    expect(pubsubArgs(spec, 'clicks', messages)).toMatchObject({
      dataset: 'acme_web',
      table: 'clicks',
      retentionSeconds: 172_800,
      dropUnknownFields: false,
    });
  });
});
