/** What a job of Dataflow is launched from, and what the runner is told of it. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { templateSpecification } from '../../components/dataflow-template.ts';
import { executorSettings, provisioned } from '../../runner/launchers/executors.ts';
import type { PlatformOutputs } from '../../stacks/contract.ts';
import type { TenantSpec } from '../../tenants/schema/index.ts';
import type { Registered } from './harness.ts';
import { plainPlatform, platform, registerTenant, tenant } from './scene.ts';

const SUBNETWORK = 'projects/network/regions/europe-west1/subnetworks/data';
const WHOLE = `https://www.googleapis.com/compute/v1/${SUBNETWORK}`;
const BUCKET = 'tributary-dev-trb-acme-staging';
const networked: PlatformOutputs = {
  ...platform,
  network: 'projects/network/global/networks/data',
  subnetwork: SUBNETWORK,
};

const acme = (execution: object = {}): TenantSpec =>
  tenant({
    tenant: 'acme',
    connections: { shop: { kind: 'postgres', host: 'db', database: 'shop', user: 'reader', secret: 'shop-password' } },
    sources: { orders: { connection: 'shop', table: 'orders', load: { strategy: 'catalog' }, execution } },
  });

interface Specification {
  readonly image: string;
  readonly metadata: { readonly parameters: readonly { readonly name: string; readonly regexes: readonly string[] }[] };
  readonly defaultEnvironment: Readonly<Record<string, string>>;
}

function templateOf(resources: readonly Registered[]): Registered {
  const found = resources.filter(({ name }) => name.endsWith('-dataflow-template'));
  expect(found).toHaveLength(1);
  return found[0] as Registered;
}

function environmentOf(resources: readonly Registered[]): Record<string, string> {
  const job = resources.find(({ type }) => type === 'gcp:cloudrunv2/job:Job');
  if (job === undefined) throw new Error('no job');
  const { template } = job.inputs.template as {
    template: { containers: { envs: { name: string; value: string }[] }[] };
  };
  return Object.fromEntries(template.containers.flatMap(({ envs }) => envs.map(({ name, value }) => [name, value])));
}

describe('the template of Dataflow', () => {
  it('has one image for launcher and workers, by digest, and workers without an address', async () => {
    const { inputs } = templateOf(await registerTenant(acme(), networked));
    expect(JSON.parse(String(inputs.content))).toMatchObject({
      image: platform.dataflowImage,
      sdkInfo: { language: 'PYTHON' },
      defaultEnvironment: {
        ipConfiguration: 'WORKER_IP_PRIVATE',
        sdkContainerImage: platform.dataflowImage,
        subnetwork: WHOLE,
      },
    });
    expect(String(inputs.content)).not.toMatch(/password|secret/i);
  });

  it('declares what the pipeline takes', () => {
    const { metadata } = JSON.parse(templateSpecification({ tenant: 'acme', image: 'i' })) as Specification;
    const pipeline = JSON.parse(readFileSync('runner/dataflow/metadata.json', 'utf8')) as Specification['metadata'];
    expect(metadata.parameters).toEqual(pipeline.parameters);
  });

  it.each([
    ['run', 'run_01JD3T8W', 'run 1'],
    ['source', 'orders', 'Orders'],
    ['work', `gs://${BUCKET}/acme/orders/run_1/7/splits/work.json`, 'https://example.com/splits/work.json'],
    ['workers', '8', '0'],
  ])('takes a %s as a run gives it, and nothing like it', (name, good, bad) => {
    const { metadata } = JSON.parse(templateSpecification({ tenant: 'acme', image: 'i' })) as Specification;
    const [regex = ''] = metadata.parameters.find((parameter) => parameter.name === name)?.regexes ?? [];
    expect(good).toMatch(new RegExp(regex));
    expect(bad).not.toMatch(new RegExp(regex));
  });

  it('is another object where it says something else, and the one of an earlier update stays', async () => {
    const image = (platform.dataflowImage ?? '').replace(/a{8}$/, 'bbbbbbbb');
    const [before, same, after] = [
      templateOf(await registerTenant(acme())),
      templateOf(await registerTenant(acme({ dataflowAtRows: 5 }))),
      templateOf(await registerTenant(acme(), { ...platform, dataflowImage: image })),
    ];
    expect(before.inputs.name).toMatch(/^_templates\/dataflow-[0-9a-f]{16}\.json$/);
    expect(same.inputs.name).toBe(before.inputs.name);
    expect(after.inputs.name).not.toBe(before.inputs.name);
    expect(before.retainOnDelete).toBe(true);
  });
});

describe('the job of a tenant', () => {
  it('is told what it may launch, so that an executor opens from it', async () => {
    const resources = await registerTenant(acme({ tasks: 4 }), networked);
    const env = environmentOf(resources);
    expect(env.TRIBUTARY_DATAFLOW_TEMPLATE).toBe(`gs://${BUCKET}/${templateOf(resources).inputs.name}`);
    expect(env.TRIBUTARY_DATAFLOW_SUBNETWORK).toBe(WHOLE);
    expect(env.TRIBUTARY_JOB).toBe('tributary-acme-run');
    expect(provisioned(env)).toEqual(['tasks', 'dataflow']);
    expect(executorSettings('dataflow', env, { labels: {} })).toMatchObject({
      account: 'trb-acme-dataflow@tributary-dev.iam.gserviceaccount.com',
      bucket: BUCKET,
      region: 'europe-west1',
    });
    expect(executorSettings('tasks', env, { labels: {} })).toMatchObject({ project: 'tributary-dev' });
  });

  it('is told nothing of what it may not', async () => {
    const env = environmentOf(await registerTenant(acme(), plainPlatform));
    expect(Object.keys(env).filter((name) => /DATAFLOW|TRIBUTARY_JOB|OTEL/.test(name))).toEqual([]);
    expect(provisioned(env)).toEqual([]);
    expect(provisioned(environmentOf(await registerTenant(acme({ mode: 'cloud_run' }))))).toEqual([]);
  });

  it('sends its traces where the platform says', async () => {
    const env = environmentOf(
      await registerTenant(acme(), { ...plainPlatform, otlpEndpoint: 'https://otel.example.com' }),
    );
    expect(env.OTEL_EXPORTER_OTLP_ENDPOINT).toBe('https://otel.example.com');
  });
});
