import { describe, expect, test } from 'vitest';
import { rules } from '../../policies/rules.ts';
import { type Change, changed, type RuleCases } from './cases/cases.ts';
import { cloudCases } from './cases/clouds.ts';
import { computeCases } from './cases/compute.ts';
import { dataCases } from './cases/data.ts';
import { iamCases } from './cases/iam.ts';
import { stackCases } from './cases/stack.ts';
import { judge } from './scene.ts';

const cases: readonly RuleCases[] = [...iamCases, ...computeCases, ...dataCases, ...cloudCases, ...stackCases];

test('every rule has cases that pass, that fail and that are not known, once', () => {
  const complete = cases.filter(({ fails, unknown }) => fails.length > 0 && unknown.length > 0);
  expect(complete.map(({ rule }) => rule).sort()).toEqual(rules.map(({ id }) => id).sort());
});

describe.each(cases)('$rule', ({ rule, good, passes = [], fails, unknown }) => {
  test.each([{}, ...passes])('passes %j', async (change: Change) => {
    expect(await judge(rule, changed(good, change))).toEqual({ violations: [] });
  });

  test.each(fails)('fails %j', async (change: Change, says: RegExp) => {
    const { violations, undecided } = await judge(rule, changed(good, change));
    expect(undecided).toBeUndefined();
    expect(violations.map(({ message }) => message).join('\n')).toMatch(says);
  });

  test.each(unknown)('not known yet %j', async (change: Change, expected: string | RegExp) => {
    const { violations, undecided } = await judge(rule, changed(good, change));
    const said = violations.map(({ message }) => message).join('\n');
    if (expected instanceof RegExp) return expect(said).toMatch(expected);
    expect(said).toBe('');
    if (expected === 'undecided') return expect(undecided).toMatch(/can't be known during preview/);
    expect(undecided).toBeUndefined();
  });
});
