import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEFAULT_LIMITS, fixedLimits, needsOf, shortages } from '../../stacks/provision/quota.ts';
import { type TenantSpec, tenantSchema } from '../../tenants/schema/index.ts';

const platform = { project: 'central', region: 'europe-west1' };

function tenant(name: string, scheduled: number, project?: string): TenantSpec {
  const source = (at: number) => ({
    connection: 'shop',
    table: `t${at}`,
    load: { strategy: 'catalog', history: 'replace' },
    schedule: { cron: '0 3 * * *' },
  });
  return tenantSchema.parse({
    tenant: name,
    ...(project === undefined ? {} : { project }),
    connections: { shop: { kind: 'postgres', host: 'h', database: 'd', user: 'u', tls: 'require', secret: 'pw' } },
    sources: Object.fromEntries(Array.from({ length: scheduled }, (_, at) => [`s${at}`, source(at)])),
  });
}

const tenants = fc.array(
  fc.record({ scheduled: fc.nat(4), project: fc.constantFrom(undefined, 'project-one', 'project-two') }),
  {
    maxLength: 12,
  },
);
const specs = (given: readonly { scheduled: number; project: string | undefined }[]) =>
  given.map(({ scheduled, project }, at) => tenant(`t${at}x`, scheduled, project));

test('what all need together is the sum of what each needs', () => {
  fc.assert(
    fc.property(tenants, (given) => {
      const needs = needsOf(specs(given), platform);
      const sum = (quota: string) =>
        needs.filter((need) => need.quota === quota).reduce((all, { count }) => all + count, 0);
      expect(sum('serviceAccounts')).toBe(3 + 2 * given.length);
      expect(sum('runJobs')).toBe(given.length);
      expect(sum('schedulerJobs')).toBe(given.reduce((all, { scheduled }) => all + scheduled, 1));
    }),
  );
});

test('schedules and their accounts count where the platform is, runners where the data is', () => {
  const needs = needsOf([tenant('acme', 3, 'acme-data')], platform);
  expect(needs).toContainEqual({ quota: 'schedulerJobs', ...platform, count: 4 });
  expect(needs).toContainEqual({ quota: 'serviceAccounts', project: 'central', region: 'global', count: 4 });
  expect(needs).toContainEqual({ quota: 'serviceAccounts', project: 'acme-data', region: 'global', count: 1 });
});

test('a template for Dataflow means one account more where a source can go there', () => {
  const needs = needsOf([tenant('acme', 1, 'acme-data')], { ...platform, dataflowImage: 'i@sha256:0' });
  expect(needs).toContainEqual({ quota: 'serviceAccounts', project: 'acme-data', region: 'global', count: 2 });
});

test('48 tenants fit into the default of one project, 49 do not', async () => {
  const many = (count: number) => Array.from({ length: count }, (_, at) => tenant(`t${at}x`, 1));
  expect(await shortages(needsOf(many(48), platform), fixedLimits())).toEqual([]);
  expect(await shortages(needsOf(many(49), platform), fixedLimits())).toEqual([
    {
      quota: 'serviceAccounts',
      project: 'central',
      region: 'global',
      count: 101,
      limit: DEFAULT_LIMITS.serviceAccounts,
    },
  ]);
  expect(await shortages(needsOf(many(49), platform), fixedLimits({ serviceAccounts: 200 }))).toEqual([]);
});

test('a stream through Dataflow has an account of its own, one that Pub/Sub writes has none', () => {
  const javascript = 'function f(text) { return text; }';
  const columns = [{ name: 'n', type: 'INT64' }];
  const flowing = tenantSchema.parse({
    tenant: 'acme',
    project: 'acme-data',
    streams: {
      clicks: { kind: 'pubsub', columns, transform: { runs: 'dataflow', function: 'f', javascript } },
      views: { kind: 'pubsub', columns, transform: { function: 'f', javascript } },
    },
  });
  const needs = needsOf([flowing], platform);
  expect(needs).toContainEqual({ quota: 'serviceAccounts', project: 'acme-data', region: 'global', count: 2 });
});
