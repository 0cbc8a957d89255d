import { describe, expect, it } from 'vitest';
import { type Grant, grantText } from '../../components/grant.ts';
import { ownerCommands, tenantGrants } from '../../components/iam.ts';
import { planTenant } from '../../components/tenant-plan.ts';
import { tenantArgs } from '../../stacks/tenant-args.ts';
import type { Registered } from './harness.ts';
import { everyKind, plainPlatform, platform, registerTenant, tenant } from './scene.ts';

const POSTGRES = tenant({
  tenant: 'acme',
  connections: { shop: { kind: 'postgres', host: 'db', database: 'shop', user: 'reader', secret: 'shop-password' } },
  sources: { orders: { connection: 'shop', table: 'orders', load: { strategy: 'catalog' } } },
});

const RUNNER = [
  'runner roles/bigquery.dataEditor dataset:tributary-dev/acme_raw',
  'runner roles/bigquery.dataEditor dataset:tributary-dev/acme_staging',
  'runner roles/bigquery.dataEditor dataset:tributary-dev/acme_tributary',
  'runner roles/bigquery.jobUser project:tributary-dev',
  'runner roles/pubsub.publisher topic:tributary-dev/tributary-acme-landed',
  'runner roles/run.invoker service:tributary-dev/europe-west1/tributary-webhook',
  'runner roles/storage.objectUser bucket:tributary-dev-trb-acme-staging',
];
const OTHERS = [
  'webhook roles/pubsub.publisher topic:tributary-dev/tributary-acme-landed',
  'scheduler roles/run.invoker service:tributary-dev/europe-west1/tributary-webhook',
  'webhook roles/run.jobsExecutorWithOverrides job:tributary-dev/europe-west1/tributary-acme-run',
  'webhook roles/run.viewer job:tributary-dev/europe-west1/tributary-acme-run',
];
const PASSWORD = 'runner roles/secretmanager.secretAccessor secret:tributary-dev/tributary-acme_shop-password';
const DATAFLOW = [
  'dataflow roles/artifactregistry.reader repository:tributary-dev/europe-west1/tributary',
  'dataflow roles/dataflow.worker project:tributary-dev',
  'dataflow roles/secretmanager.secretAccessor secret:tributary-dev/tributary-acme_shop-password',
  'dataflow roles/storage.objectAdmin bucket:tributary-dev-trb-acme-staging',
  'runner roles/dataflow.developer project:tributary-dev',
  'runner roles/iam.serviceAccountUser account:tributary-dev/trb-acme-dataflow',
];

describe('grants of a tenant', () => {
  const plan = (spec = POSTGRES, outputs = plainPlatform) => planTenant(tenantArgs(spec, outputs));
  const texts = (...args: Parameters<typeof plan>) =>
    tenantGrants(plan(...args))
      .map(grantText)
      .sort();

  it('are these of a tenant without sources', () => {
    expect(texts(tenant({ tenant: 'acme' }))).toEqual([...RUNNER, ...OTHERS].sort());
  });

  it('are these, and one secret, of a tenant with one database', () => {
    expect(texts()).toEqual([...RUNNER, PASSWORD, ...OTHERS].sort());
  });

  it('are these where its source may exceed the threshold', () => {
    expect(texts(POSTGRES, platform)).toEqual([...RUNNER, PASSWORD, ...OTHERS, ...DATAFLOW].sort());
  });

  it('let the runner start its own job, and nothing else, where tasks may share a read', () => {
    const orders = { ...POSTGRES.sources.orders, execution: { ...POSTGRES.sources.orders?.execution, tasks: 4 } };
    const job = 'job:tributary-dev/europe-west1/tributary-acme-run';
    expect(texts({ ...POSTGRES, sources: { orders } } as typeof POSTGRES)).toEqual(
      [
        ...[...RUNNER, PASSWORD, ...OTHERS],
        ...[`runner roles/run.jobsExecutorWithOverrides ${job}`, `runner roles/run.viewer ${job}`],
      ].sort(),
    );
  });

  it('let the workers know the key of masks, where a column has one', () => {
    const orders = {
      ...POSTGRES.sources.orders,
      columns: { exclude: [], rename: {}, types: {}, mask: { email: 'sha256' } },
    };
    const secrets = texts({ ...POSTGRES, sources: { orders } } as unknown as typeof POSTGRES, platform).filter(
      (text) => text.startsWith('dataflow') && text.includes('secretAccessor'),
    );
    expect(secrets).toEqual([
      'dataflow roles/secretmanager.secretAccessor secret:tributary-dev/tributary-acme_mask-key',
      'dataflow roles/secretmanager.secretAccessor secret:tributary-dev/tributary-acme_shop-password',
    ]);
  });

  it('are no more where the source may not', () => {
    const orders = {
      ...POSTGRES.sources.orders,
      execution: { ...POSTGRES.sources.orders?.execution, mode: 'cloud_run' },
    };
    const spec = { ...POSTGRES, sources: { orders } } as typeof POSTGRES;
    expect(texts(spec, platform)).toEqual([...RUNNER, PASSWORD, ...OTHERS].sort());
  });

  it('reach what the tenant’s own project holds, and name the rest to its owner', () => {
    const spec = tenant({
      tenant: 'acme',
      project: 'acme-data',
      connections: {
        own: { kind: 'bigquery', project: 'acme-data' },
        foreign: { kind: 'bigquery', project: 'partner-data' },
        app: { kind: 'firestore', project: 'acme-data' },
        theirs: { kind: 'firestore', project: 'partner-app' },
        landing: { kind: 'gcs', bucket: 'acme-landing', project: 'acme-data' },
        drop: { kind: 'gcs', bucket: 'partner-drop' },
      },
      sources: {
        a: { connection: 'own', table: 'crm.people', load: { strategy: 'catalog' } },
        b: { connection: 'foreign', table: 'crm.people', load: { strategy: 'catalog' } },
        c: {
          connection: 'app',
          collection: 'people',
          load: { strategy: 'catalog' },
          execution: { firestoreExport: true },
        },
        d: { connection: 'theirs', collection: 'people', load: { strategy: 'catalog' } },
        e: { connection: 'landing', files: { format: 'json' }, load: { strategy: 'transactional', mode: 'append' } },
        f: { connection: 'drop', files: { format: 'json' }, load: { strategy: 'transactional', mode: 'append' } },
      },
    });
    const reading = texts(spec).filter(
      (text) => /viewer|Viewer|readSession|Export/.test(text) && text.startsWith('runner'),
    );
    expect(reading).toEqual([
      'runner roles/bigquery.dataViewer dataset:acme-data/crm',
      'runner roles/bigquery.readSessionUser project:acme-data',
      'runner roles/datastore.importExportAdmin project:acme-data if database (default)',
      'runner roles/datastore.viewer project:acme-data if database (default)',
      'runner roles/storage.objectViewer bucket:acme-landing',
    ]);
    expect(ownerCommands(plan(spec))).toMatchObject({
      foreign: [
        'bq add-iam-policy-binding --member=serviceAccount:trb-acme-runner@acme-data.iam.gserviceaccount.com --role=roles/bigquery.dataViewer partner-data:crm',
      ],
      theirs: [
        expect.stringMatching(
          /^gcloud projects add-iam-policy-binding partner-app .*--condition='title=database \(default\),/,
        ),
      ],
      drop: [
        'gcloud storage buckets add-iam-policy-binding gs://partner-drop --member=serviceAccount:trb-acme-runner@acme-data.iam.gserviceaccount.com --role=roles/storage.objectViewer',
      ],
      images: [expect.stringContaining('--role=roles/artifactregistry.reader')],
    });
    expect(Object.keys(ownerCommands(plan(spec))).sort()).toEqual(['drop', 'foreign', 'images', 'theirs']);
  });

  it('never reach all data of a project, and never are a person’s', () => {
    const granted = tenantGrants(plan(everyKind('acme'), platform));
    const projectWide = granted.filter(({ scope }) => scope.on === 'project').map(({ role }) => role);
    expect([...new Set(projectWide)].sort()).toEqual([
      'roles/bigquery.jobUser',
      'roles/bigquery.readSessionUser',
      'roles/dataflow.developer',
      'roles/dataflow.worker',
    ]);
    expect(granted.every(({ member }) => member.startsWith('serviceAccount:'))).toBe(true);
  });

  it.each([
    ['postgres', POSTGRES, plainPlatform],
    ['postgres with Dataflow', POSTGRES, platform],
    ['every kind', everyKind('acme'), platform],
    ['every kind, no other cloud', everyKind('acme'), plainPlatform],
  ])('are created, each once and nothing else: %s', async (_, spec, outputs) => {
    const resources = await registerTenant(spec, outputs);
    const created = resources.filter(({ type }) => /I[aA][mM]Member$/.test(type)).map(tupleOf);
    expect(created.sort()).toEqual(tenantGrants(plan(spec, outputs)).map(tuple).sort());
    expect(resources.filter(({ type }) => /I[aA][mM](?:Binding|Policy)$|datasetAccess/.test(type))).toEqual([]);
  });
});

function tuple({ role, member, scope, condition }: Grant): string {
  const email = 'name' in scope && scope.on === 'account' ? `@${scope.project}.iam.gserviceaccount.com` : '';
  const name = 'name' in scope ? `${scope.name}${email}` : scope.project;
  return [scope.on, name, role, member, condition?.expression ?? ''].join(' | ');
}

/** Where each type of grant says what it is on. */
const FIELDS: Readonly<Record<string, readonly [on: string, field: string]>> = {
  'gcp:projects/iAMMember:IAMMember': ['project', 'project'],
  'gcp:bigquery/datasetIamMember:DatasetIamMember': ['dataset', 'datasetId'],
  'gcp:secretmanager/secretIamMember:SecretIamMember': ['secret', 'secretId'],
  'gcp:storage/bucketIAMMember:BucketIAMMember': ['bucket', 'bucket'],
  'gcp:pubsub/topicIAMMember:TopicIAMMember': ['topic', 'topic'],
  'gcp:serviceaccount/iAMMember:IAMMember': ['account', 'serviceAccountId'],
  'gcp:cloudrunv2/serviceIamMember:ServiceIamMember': ['service', 'name'],
  'gcp:cloudrunv2/jobIamMember:JobIamMember': ['job', 'name'],
  'gcp:artifactregistry/repositoryIamMember:RepositoryIamMember': ['repository', 'repository'],
};

function tupleOf({ type, inputs }: Registered): string {
  const [on = type, field = ''] = FIELDS[type] ?? [];
  const name = String(inputs[field]).split('/').at(-1);
  const condition = inputs.condition as { expression: string } | undefined;
  return [on, name, inputs.role, inputs.member, condition?.expression ?? ''].join(' | ');
}
