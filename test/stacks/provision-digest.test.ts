import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PreviewOperation } from '../../stacks/preview-result.ts';
import { difference, jointDigest, operationsDigest } from '../../stacks/provision/digest.ts';
import { OperationSet } from '../../stacks/provision/operations.ts';
import { resolvedHash } from '../../stacks/provision/resolved-hash.ts';

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/);
const operation = fc.record({
  urn: word.map((name) => `urn:pulumi:acme.dev::tributary::gcp:bigquery/dataset:Dataset::${name}`),
  type: fc.constant('gcp:bigquery/dataset:Dataset'),
  op: fc.constantFrom('create', 'update', 'replace', 'delete') as fc.Arbitrary<PreviewOperation['op']>,
  paths: fc.uniqueArray(word, { maxLength: 4 }),
});
const operations = fc.uniqueArray(operation, { maxLength: 12, selector: ({ urn }) => urn });

const shuffled = <T>(items: readonly T[], seed: number): T[] =>
  items
    .map((item, at) => ({ item, rank: (at * 7919 + seed * 104_729) % 1009 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);

test('the order of operations and of their paths does not matter', () => {
  fc.assert(
    fc.property(operations, fc.nat(1000), (set, seed) => {
      const other = shuffled(set, seed).map((one) => ({ ...one, paths: shuffled(one.paths, seed) }));
      expect(operationsDigest(other)).toBe(operationsDigest(set));
    }),
  );
});

test('every change of the set changes the digest, and the difference names it', () => {
  fc.assert(
    fc.property(operations, operation, (set, added) => {
      fc.pre(!set.some(({ urn }) => urn === added.urn));
      const more = [...set, added];
      expect(operationsDigest(more)).not.toBe(operationsDigest(set));
      expect(difference(set, more)).toEqual([expect.stringMatching(`^\\+ ${added.op} `)]);
      expect(difference(more, set)).toEqual([expect.stringMatching(`^- ${added.op} `)]);
      const pathed = more.map((one) => (one === added ? { ...one, paths: [...one.paths, 'zz'] } : one));
      expect(operationsDigest(pathed)).not.toBe(operationsDigest(more));
      const turned = more.map((one) =>
        one === added ? { ...one, op: one.op === 'delete' ? 'create' : 'delete' } : one,
      );
      expect(operationsDigest(turned as PreviewOperation[])).not.toBe(operationsDigest(more));
    }),
  );
});

test('an equal digest is an empty difference', () => {
  fc.assert(
    fc.property(operations, operations, (one, other) => {
      expect(difference(one, other).length === 0).toBe(operationsDigest(one) === operationsDigest(other));
    }),
  );
});

test('the digest of many stacks is that of their pairs, of one its own', () => {
  const pair = fc.record({ stack: word, digest: word });
  fc.assert(
    fc.property(
      fc.uniqueArray(pair, { minLength: 2, maxLength: 6, selector: ({ stack }) => stack }),
      fc.nat(),
      (pairs, seed) => {
        expect(jointDigest(shuffled(pairs, seed))).toBe(jointDigest(pairs));
        const [first, ...rest] = pairs;
        expect(jointDigest([{ stack: first?.stack ?? '', digest: `${first?.digest}x` }, ...rest])).not.toBe(
          jointDigest(pairs),
        );
      },
    ),
  );
  expect(jointDigest([{ stack: 'acme.dev', digest: 'abc' }])).toBe('abc');
});

test('the steps of a replacement are one operation; what the engine keeps for itself is none', () => {
  const set = new OperationSet();
  const step = (op: string, type = 'gcp:cloudrunv2/job:Job', extra = {}) =>
    set.add({ op, type, urn: `urn:pulumi:s::p::${type}::a`, provider: '', ...extra } as never);
  step('create-replacement', undefined, { keys: ['location'], detailedDiff: { location: {} } });
  step('replace');
  step('delete-replaced');
  step('same', 'gcp:storage/bucket:Bucket');
  step('read', 'gcp:pubsub/topic:Topic');
  step('create', 'pulumi:providers:gcp');
  step('create', 'pulumi:pulumi:Stack');
  expect(set.list()).toEqual([
    {
      urn: 'urn:pulumi:s::p::gcp:cloudrunv2/job:Job::a',
      type: 'gcp:cloudrunv2/job:Job',
      op: 'replace',
      replaceKeys: ['location'],
      paths: ['location'],
    },
  ]);
});

test('a resolved hash follows contents, not the order of keys nor keys without a value', () => {
  const value = fc.dictionary(word, fc.oneof(fc.integer(), word, fc.boolean(), fc.array(word)), { maxKeys: 6 });
  fc.assert(
    fc.property(value, fc.nat(), word, (spec, seed, key) => {
      const other = Object.fromEntries(shuffled(Object.entries(spec), seed));
      expect(resolvedHash({ version: '1', spec: other, gone: undefined })).toBe(resolvedHash({ spec, version: '1' }));
      expect(resolvedHash({ version: '2', spec })).not.toBe(resolvedHash({ version: '1', spec }));
      expect(resolvedHash({ spec: { ...spec, [key]: { new: 1 } } })).not.toBe(resolvedHash({ spec }));
    }),
  );
});
