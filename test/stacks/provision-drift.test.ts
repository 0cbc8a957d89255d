import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byLoudness, DRIFT_CLASSES, driftClass } from '../../stacks/provision/drift.ts';

const JOB = 'gcp:cloudrunv2/job:Job';
const update = (path: string) => ({ path, kind: 'update' });

test.each([
  ['gcp:bigquery/datasetIamMember:DatasetIamMember', false, [{ path: 'role', kind: 'update-replace' }], 'iam-added'],
  ['gcp:projects/iAMBinding:IAMBinding', false, [{ path: 'members[2]', kind: 'add' }], 'iam-added'],
  ['gcp:bigquery/dataset:Dataset', false, [{ path: 'accesses[4].userByEmail', kind: 'add' }], 'iam-added'],
  ['gcp:bigquery/dataset:Dataset', false, [{ path: 'accesses[4]', kind: 'delete' }], 'other'],
  ['aws:iam/role:Role', false, [update('assumeRolePolicy')], 'iam-added'],
  [JOB, false, [update('template.template.containers[0].image')], 'image'],
  [JOB, false, [update('labels.env'), { path: 'terraformLabels.env', kind: 'add' }], 'label'],
  [JOB, false, [update('labels.env'), update('template.template.containers[0].image')], 'image'],
  [JOB, false, [update('template.taskCount')], 'other'],
  [JOB, false, [update('description.image.size')], 'other'],
  [JOB, true, [], 'deleted'],
  [JOB, false, [], 'other'],
] as const)('%s deleted %s by %j is %s', (type, deleted, changes, expected) => {
  expect(driftClass(type, deleted, changes)).toBe(expected);
});

test('further changes never make a resource quieter', () => {
  const change = fc.record({
    path: fc.constantFrom('labels.a', 'x.image', 'members[0]', 'accesses[1].role', 'description', 'schedule'),
    kind: fc.constantFrom('add', 'update', 'delete', 'add-replace'),
  });
  const rank = (changes: readonly { path: string; kind: string }[]) =>
    DRIFT_CLASSES.indexOf(driftClass(JOB, false, changes));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1 }), change, (changes, more) => {
      expect(rank([...changes, more])).toBe(Math.min(rank(changes), rank([more])));
    }),
  );
});

test('the loudest comes first', () => {
  const found = DRIFT_CLASSES.map((one, at) => ({ urn: `u${9 - at}`, type: JOB, class: one, paths: [] }));
  fc.assert(
    fc.property(fc.shuffledSubarray(found, { minLength: found.length }), (mixed) => {
      expect(byLoudness(mixed)).toEqual(found);
    }),
  );
});
