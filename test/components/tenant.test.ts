import { describe, expect, it } from 'vitest';
import * as naming from '../../tenants/naming.ts';
import type { Registered } from './harness.ts';
import { everyKind, platform, registerTenant, tenant } from './scene.ts';

const acme = await registerTenant(everyKind('acme'));
const of = (type: string, resources = acme) => resources.filter((resource) => resource.type === type);
const ours = ({ type }: Registered) => type.startsWith('tributary:index:');
const byUrn = new Map(acme.map((resource) => [resource.urn, resource]));

describe('a tenant', () => {
  it('is one tree under the tenant’s id', () => {
    const roots = acme.filter(({ parent }) => parent === '');
    expect(roots.map(({ type, name }) => [type, name])).toEqual([['tributary:index:Tenant', 'acme']]);
    for (const { name, parent } of acme.filter((resource) => resource.parent !== '')) {
      const above = byUrn.get(parent) as Registered;
      expect(ours(above), `${name} is the child of a component`).toBe(true);
      expect(name.startsWith(`${above.name}-`), `${name} begins with ${above.name}-`).toBe(true);
    }
  });

  it('has a component for each source, of its kind', () => {
    const sources = acme
      .filter(({ type }) => type.endsWith('Source'))
      .map(({ type, name }) => [name, type.split(':')[2]]);
    expect(Object.fromEntries(sources)).toEqual({
      'acme-orders': 'PostgresSource',
      'acme-customers': 'PostgresSource',
      'acme-invoices': 'MysqlSource',
      'acme-questions': 'BigquerySource',
      'acme-products': 'FirestoreSource',
      'acme-clicks': 'GcsSource',
      'acme-prices': 'S3Source',
      'acme-exports': 'AzureBlobSource',
    });
  });

  it('puts nothing into the state of its components, and no secret anywhere', () => {
    for (const { name, inputs } of acme.filter(ours)) expect(inputs, name).toEqual({});
    // The SDK of Google Cloud marks the content of every object so.
    const marked = acme.flatMap(({ name, secretInputs }) => secretInputs.map((input) => `${name} ${input}`));
    expect(marked).toEqual(['acme-dataflow-template content', 'acme-document content']);
    expect(acme.filter(({ type }) => /secretVersion|Key$|accessKey/i.test(type))).toEqual([]);
  });

  it('shares one empty secret among the sources of a connection', () => {
    const secrets = of('gcp:secretmanager/secret:Secret').map(({ inputs }) => inputs.secretId);
    expect(secrets.sort()).toEqual(
      ['legacy-password', 'mask-key', 'shop-password'].map((name) => naming.secretId('acme', name)),
    );
  });

  it('keeps data and lets compute go', () => {
    const kept = acme.filter(({ protect }) => protect).map(({ name }) => name);
    expect(kept.sort()).toEqual([
      'acme-evidence',
      'acme-raw',
      'acme-runner',
      'acme-secret-legacy-password',
      'acme-secret-mask-key',
      'acme-secret-shop-password',
    ]);
    for (const { name, protect, retainOnDelete, inputs } of acme.filter((resource) => resource.custom)) {
      // A run that began before an update launches from the template of then; its bucket takes it along.
      expect(retainOnDelete, name).toBe(protect || name === 'acme-dataflow-template');
      if ('deletionPolicy' in inputs) expect(inputs.deletionPolicy, name).toBe(protect ? 'PREVENT' : 'DELETE');
    }
  });

  it('keeps and lets go as its file says', async () => {
    const spec = { ...everyKind('acme'), protection: { data: false, compute: true } };
    const kept = (await registerTenant(spec)).filter(({ protect }) => protect).map(({ name }) => name);
    expect(kept.sort()).toEqual([
      'acme-job',
      'acme-landed',
      'acme-orders-schedule',
      'acme-prices-schedule',
      'acme-scheduler',
    ]);
  });

  it('says on every thing of Google Cloud whose project it is in', () => {
    const without = acme.filter(({ type, inputs }) => type.startsWith('gcp:') && inputs.project === undefined);
    expect([...new Set(without.map(({ type }) => type))].sort()).toEqual([
      'gcp:billing/budget:Budget',
      'gcp:serviceaccount/iAMMember:IAMMember',
      'gcp:storage/bucketIAMMember:BucketIAMMember',
      'gcp:storage/bucketObject:BucketObject',
    ]);
  });

  it('labels everything that can be labelled', () => {
    const expected = { tenant: 'acme', env: 'dev', cost_center: 'unassigned', managed_by: 'tributary' };
    const labelled = /dataset:Dataset|secret:Secret|bucket:Bucket|topic:Topic|cloudrunv2\/job:Job/;
    const things = acme.filter(({ type }) => labelled.test(type));
    expect(things.length).toBe(3 + 3 + 1 + 1 + 1);
    for (const { name, inputs } of things) expect(inputs.labels, name).toEqual(expected);
    const [job] = of('gcp:cloudrunv2/job:Job') as [Registered];
    expect(job.inputs.template).toMatchObject({ labels: expected });
    for (const { inputs } of acme.filter(({ type }) => type.includes('monitoring'))) {
      expect(inputs.userLabels).toEqual(expected);
    }
  });

  it('bounds its job, and starts it with no secret', () => {
    const [{ inputs }] = of('gcp:cloudrunv2/job:Job') as [Registered];
    expect(inputs).toMatchObject({
      template: {
        taskCount: 1,
        parallelism: 0,
        template: {
          serviceAccount: 'trb-acme-runner@tributary-dev.iam.gserviceaccount.com',
          maxRetries: 1,
          timeout: '14400s',
          containers: [{ image: platform.runnerImage, resources: { limits: { cpu: '4', memory: '8Gi' } } }],
        },
      },
    });
    expect(JSON.stringify(inputs)).not.toMatch(/secretKeyRef|password|mask-key/);
  });

  it('waits with the job for every grant, and with schedules for the job', () => {
    const named = (urn: string) => byUrn.get(urn)?.name ?? '';
    const [job] = of('gcp:cloudrunv2/job:Job') as [Registered];
    const grants = acme.filter(({ type }) => /I[aA][mM]Member$/.test(type) && !type.includes('jobIamMember'));
    expect(job.dependsOn.map(named).sort()).toEqual(['acme-runner', ...grants.map(({ name }) => name)].sort());
    for (const { name, dependsOn } of of('gcp:cloudscheduler/job:Job')) {
      expect(dependsOn.map(named), name).toContain('acme-job');
      expect(dependsOn.map(named), name).toContain('acme-scheduler-service-tributary-webhook-run.invoker');
    }
  });

  it('expires what is staged, and never what is loaded', () => {
    const datasets = of('gcp:bigquery/dataset:Dataset').map(({ inputs }) => [
      inputs.datasetId,
      inputs.defaultTableExpirationMs,
    ]);
    expect(Object.fromEntries(datasets)).toEqual({
      acme_raw: undefined,
      acme_tributary: undefined,
      acme_staging: 259_200_000,
    });
    const [{ inputs }] = of('gcp:storage/bucket:Bucket') as [Registered];
    const rules = inputs.lifecycleRules as { condition: { matchesPrefixes?: string[] } }[];
    const prefixes = rules.flatMap(({ condition }) => condition.matchesPrefixes ?? []);
    expect(prefixes.some((prefix) => naming.stagingPath('acme', 'orders', 'r1').startsWith(prefix))).toBe(true);
    expect(prefixes.some((prefix) => naming.dataflowTemplate('{}').startsWith(prefix))).toBe(false);
  });

  it('has no Dataflow, no budget and no alert where nothing asks for them', async () => {
    const resources = await registerTenant(tenant({ tenant: 'acme' }));
    expect(resources.filter(({ type }) => /ataflow|udget|monitoring|aws:|azure/.test(type))).toEqual([]);
  });

  it('is refused where its id is the platform’s', async () => {
    await expect(registerTenant(tenant({ tenant: 'platform' }))).rejects.toThrow('not "platform"');
  });
});

describe('schedules', () => {
  const [orders, prices] = of('gcp:cloudscheduler/job:Job') as [Registered, Registered];

  it('call the webhook for their source, with a bounded number of tries', () => {
    expect(orders.inputs).toMatchObject({
      project: 'tributary-dev',
      region: 'europe-west1',
      name: 'tributary-acme_orders',
      schedule: '0 3 * * *',
      timeZone: 'Europe/Warsaw',
      paused: false,
      attemptDeadline: '60s',
      retryConfig: { retryCount: 3 },
      httpTarget: {
        uri: `${platform.webhookUrl}/v1/tenants/acme/sources/orders/trigger`,
        httpMethod: 'POST',
        oidcToken: {
          serviceAccountEmail: 'trb-acme-scheduler@tributary-dev.iam.gserviceaccount.com',
          audience: 'https://tributary.tributary-dev.internal',
        },
      },
    });
    expect(prices.inputs).toMatchObject({ paused: true, timeZone: 'UTC' });
    const { body } = orders.inputs.httpTarget as { body: string };
    expect(JSON.parse(Buffer.from(body, 'base64').toString())).toEqual({ trigger: 'schedule' });
  });

  it('live with the platform where the tenant has a project of its own', async () => {
    const resources = await registerTenant({ ...everyKind('acme'), project: 'acme-data' });
    const elsewhere = resources.filter(({ inputs }) => inputs.project === 'tributary-dev').map(({ name }) => name);
    expect(elsewhere.sort()).toEqual([
      'acme-dataflow-repository-tributary-artifactregistry.reader',
      'acme-orders-schedule',
      'acme-prices-schedule',
      'acme-runner-service-tributary-webhook-run.invoker',
      'acme-scheduler',
      'acme-scheduler-service-tributary-webhook-run.invoker',
    ]);
  });
});

describe('identities in other clouds', () => {
  const uid = (name: string) => of('gcp:serviceaccount/account:Account').find((account) => account.name === name);

  it('trust the numeric ids of the tenant’s own accounts, for its own audience', async () => {
    const [role] = of('aws:iam/role:Role') as [Registered];
    expect(role.inputs).toMatchObject({ name: 'acme', path: '/etl/', maxSessionDuration: 3600 });
    const { Statement } = JSON.parse(String(role.inputs.assumeRolePolicy));
    expect(Statement).toHaveLength(1);
    const { StringEquals } = Statement[0].Condition;
    expect(StringEquals['accounts.google.com:oaud']).toBe('tributary-acme');
    expect(StringEquals['accounts.google.com:sub']).toHaveLength(2);
    expect(StringEquals['accounts.google.com:aud']).toEqual(StringEquals['accounts.google.com:sub']);
    expect(StringEquals['accounts.google.com:sub']).not.toContain('*');
    expect(uid('acme-runner')).toBeDefined();
  });

  it('read only what sources read', () => {
    const [policy] = of('aws:iam/rolePolicy:RolePolicy') as [Registered];
    expect(JSON.parse(String(policy.inputs.policy)).Statement).toEqual([
      {
        Effect: 'Allow',
        Action: ['s3:ListBucket'],
        Resource: ['arn:aws:s3:::acme-drop'],
        Condition: { StringLike: { 's3:prefix': ['prices/*'] } },
      },
      { Effect: 'Allow', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::acme-drop/prices/*'] },
    ]);
    const [assignment] = of('azure-native:authorization:RoleAssignment') as [Registered];
    expect(assignment.inputs.scope).toMatch(/\/storageAccounts\/acmeerp\/blobServices\/default\/containers\/exports$/);
    expect(assignment.inputs.roleDefinitionId).toMatch(/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1$/);
  });

  it('are written one after the other in Azure', () => {
    const [first, second] = of('azure-native:managedidentity:FederatedIdentityCredential') as [Registered, Registered];
    expect(second.dependsOn).toContain(first.urn);
    for (const { inputs } of [first, second]) {
      expect(inputs).toMatchObject({
        issuer: 'https://accounts.google.com',
        audiences: ['api://AzureADTokenExchange'],
        subject: expect.stringMatching(/^\d+$/),
      });
    }
  });
});

describe('two tenants', () => {
  it('share nothing but the platform', async () => {
    const globex = await registerTenant(everyKind('globex'));
    const theirs = new Set(words(globex));
    const shared = new Set(words(acme).filter((word) => theirs.has(word)));
    const identifying = [...shared].filter((word) => /@|^https?:|trb-|tributary|arn:/.test(word) && !/\s/.test(word));
    const ofPlatform = [
      platform.project,
      platform.registry,
      platform.runnerImage,
      platform.webhookAudience,
      platform.webhookService,
      platform.webhookUrl,
      naming.tenantsBucket(platform.project),
      `serviceAccount:${platform.webhookAccount}`,
    ];
    const withinTheirOwn = ['tributary-dataflow', 'tributary-read', 'tributary-runner'];
    expect(identifying.sort()).toEqual(['https://accounts.google.com', ...ofPlatform, ...withinTheirOwn].sort());
    expect(JSON.stringify(acme)).not.toContain('globex');
    expect(JSON.stringify(globex)).not.toContain('acme');
  });
});

/** Every text in the inputs of resources. */
function words(resources: readonly Registered[]): string[] {
  const found: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === 'string') found.push(value);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk);
  };
  for (const { inputs } of resources) walk(inputs);
  return found;
}
