import { join } from 'node:path';
import { Dataset } from '@pulumi/gcp/bigquery/dataset.js';
import { expect, test } from 'vitest';
import { describeWith } from '../setup/describe-with.ts';
import { root } from '../setup/ways.ts';
import { good } from './examples.ts';
import { withCloud } from './harness.ts';
import { lines, type StackFailure } from './outcome.ts';

describeWith(['engine'], 'a policy pack', () => {
  test('blocks a preview and an up, and lets good ones pass', { timeout: 90_000 }, () =>
    withCloud(async (cloud) => {
      const at = (location: string) => async () => {
        new Dataset('raw', { ...good['gcp:bigquery/dataset:Dataset'], location });
      };
      const policyPacks = [join(root, 'test/fixtures/policy-pack')];
      const stack = await cloud.stack('policy.dev', at('US'), { policyPacks });
      const failure: StackFailure = await stack.preview().then(
        () => expect.unreachable(),
        (error) => error,
      );
      expect(failure.outcome.policies).toEqual([
        expect.objectContaining({
          policy: 'dataset-in-eu',
          level: 'mandatory',
          message: expect.stringContaining('it lies in US'),
        }),
      ]);
      await expect(stack.up()).rejects.toThrow();
      expect(cloud.resources()).toEqual([]);
      stack.program = at('EU');
      expect(lines(await stack.up())).toEqual(['+ gcp:bigquery/dataset:Dataset raw']);
    }),
  );
});
