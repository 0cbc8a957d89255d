import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dataset } from '@pulumi/gcp/bigquery/dataset.js';
import { Account } from '@pulumi/gcp/serviceaccount/account.js';
import { afterAll, expect, test } from 'vitest';
import { type Preset, presets } from '../../policies/presets.ts';
import { type Cloud, openCloud } from '../cloud/harness.ts';
import type { Outcome, StackFailure } from '../cloud/outcome.ts';
import { root } from '../house/tree.ts';
import { describeWith } from '../setup/describe-with.ts';

const folder = mkdtempSync(join(tmpdir(), 'tributary-presets-'));
const pack = (config: string) => ({ policyPacks: [join(root, 'policies')], policyPackConfigs: [config] });
const preset = (name: Preset) => pack(join(root, `policies/presets/${name}.json`));

/** The preset dev with one rule in its level of production. */
function only(rule: string) {
  const file = join(folder, `${rule}.json`);
  writeFileSync(file, JSON.stringify({ ...presets.dev, [rule]: presets.prod[rule] }));
  return pack(file);
}

const project = 'acme-data-prod';
const dataset = (location: string) => async () => {
  new Dataset('raw', { project, datasetId: 'acme_raw', location }, { protect: true });
};
const broken = (outcome: Outcome, level: string) =>
  outcome.policies.filter((one) => one.level === level).map(({ policy }) => policy);

describeWith(['engine'], 'the pack on the engine', () => {
  let opened: Promise<Cloud> | undefined;
  const cloud = () => {
    opened ??= openCloud();
    return opened;
  };
  afterAll(async () => {
    (await opened)?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('prod: a mandatory rule stops the preview, with what is wrong, the fix and the page', async () => {
    const stack = await (await cloud()).stack('acme.prod', dataset('US'), preset('prod'));
    const failure: StackFailure = await stack.preview().then(
      () => expect.unreachable(),
      (error) => error,
    );
    const found = failure.outcome.policies.find(({ policy }) => policy === 'dataset-location');
    expect(found).toMatchObject({ level: 'mandatory', urn: expect.stringMatching(/::raw$/) });
    expect(found?.message).toContain('The data of a tenant lies where its file says');
    expect(found?.message).toContain('It lies in US; the tenant file says EU.');
    expect(found?.message).toContain('Fix: Pass the `location`');
    expect(found?.message).toContain('docs/policies.md#dataset-location');
    expect(broken(failure.outcome, 'mandatory')).toEqual(['dataset-location', 'tenant-has-alerting']);
  });

  test('dev: the same only advises', async () => {
    const stack = await (await cloud()).stack('acme.dev', dataset('US'), preset('dev'));
    const outcome = await stack.preview();
    expect(broken(outcome, 'mandatory')).toEqual([]);
    expect(broken(outcome, 'advisory')).toEqual(expect.arrayContaining(['dataset-location', 'component-only']));
  });

  test('labels are filled in before the resource is made', async () => {
    const program = async () => {
      new Dataset('shared', { project, datasetId: 'shared', location: 'EU' }, { protect: true });
    };
    const stack = await (await cloud()).stack('acme.dev', program, only('labels-required'));
    await stack.up();
    const [made] = (await cloud()).resources('gcp:bigquery/dataset:Dataset');
    expect(made?.inputs.labels).toEqual({
      tenant: 'acme',
      env: 'dev',
      cost_center: 'retail-42',
      managed_by: 'tributary',
    });
  });

  test('what is not known at preview is advised then, and decided at the update', async () => {
    const program = async () => {
      const account = new Account('runner', { project, accountId: 'trb-acme-runner' });
      const location = account.uniqueId.apply(() => 'US');
      new Dataset('raw', { project, datasetId: 'acme_raw', location }, { dependsOn: account, protect: true });
    };
    const stack = await (await cloud()).stack('acme.test', program, only('dataset-location'));
    const outcome = await stack.preview();
    const said = outcome.policies.filter(({ policy }) => policy === 'dataset-location');
    expect(said).toEqual([
      expect.objectContaining({ level: 'advisory', message: expect.stringMatching(/during preview/) }),
    ]);
    await expect(stack.up()).rejects.toThrow('It lies in US; the tenant file says EU.');
  });
});
