import { describe, expect, test } from 'vitest';
import { pageOf } from '../../policies/pack.ts';
import { presets } from '../../policies/presets.ts';
import { rules } from '../../policies/rules.ts';
import { parseWaivers } from '../../policies/waivers.ts';
import { judge, policy, resourceArguments, UNKNOWN } from './scene.ts';

const unprotected = { type: 'gcp:bigquery/dataset:Dataset', stack: 'acme.prod', props: { datasetId: 'acme_raw' } };
const RULE = 'dataset-delete-safety';
const waiver = { rule: RULE, urn: 'urn:pulumi:acme.prod::*', reason: 'acme leaves', expires: '2026-11-23' };
const waived = (changes: object) => judge(RULE, unprotected, { waivers: [{ ...waiver, ...changes }] });

describe('a violation', () => {
  test('says what is wrong, what to write and where it is explained', async () => {
    const { violations } = await judge(RULE, unprotected);
    const fix = rules.find(({ id }) => id === RULE)?.fix;
    expect(violations).toHaveLength(1);
    expect(violations[0]?.message).toBe(`It is not protected.\nFix: ${fix}\nMore: docs/policies.md#${RULE}`);
  });

  test.each(rules)('$id has facts that stand alone', ({ id, level, description, why, fix }) => {
    expect(policy(id)).toMatchObject({ enforcementLevel: level, description, remediationSteps: fix, url: pageOf(id) });
    expect(id).toMatch(/^[a-z]+(?:-[a-z]+)*$/);
    for (const sentence of [description, why, fix]) expect(sentence).toMatch(/^\S.{15,}[.)…]$/s);
  });
});

describe('waivers', () => {
  test('counts until its last day', async () => {
    expect(await waived({})).toEqual({ violations: [] });
  });

  test.each([
    ['expired', { expires: '2026-11-22' }],
    ['of another stack', { urn: 'urn:pulumi:acme.dev::*' }],
    ['of another rule', { rule: 'cmek' }],
    ['of part of a urn', { urn: 'acme.prod' }],
    ['of a dot that stands for itself', { urn: 'urn:pulumi:acmexprod::*' }],
  ])('does not count: %s', async (_, changes) => {
    expect((await waived(changes)).violations).toHaveLength(1);
  });

  test('an expired one is itself reported, others are not', async () => {
    const waivers = [waiver, { ...waiver, expires: '2026-11-22' }];
    const { violations } = await judge('waivers-current', {}, { waivers });
    expect(violations.map(({ message }) => message)).toEqual([
      `The waiver of ${RULE} for urn:pulumi:acme.prod::* expired on 2026-11-22 (acme leaves).`,
    ]);
  });

  const ids = new Set([RULE]);
  const entry = `- {rule: ${RULE}, urn: "*", reason: x, expires: 2026-12-31}`;

  test('the file is a list, or empty', () => {
    expect(parseWaivers(entry, ids)).toEqual([{ rule: RULE, urn: '*', reason: 'x', expires: '2026-12-31' }]);
    expect(parseWaivers('# none\n[]\n', ids)).toEqual([]);
    expect(parseWaivers('# none\n', ids)).toEqual([]);
  });

  test.each([
    ['- {', /waivers\.yaml is not valid/],
    ['rule: x', /must be a list/],
    ['- x', /entry 1: must be/],
    [entry.replace(RULE, 'no-such'), /there is no rule no-such/],
    [entry.replace('reason: x, ', ''), /reason is missing/],
    [entry.replace('reason: x', 'reason: ""'), /reason is missing/],
    [entry.replace('2026-12-31', 'never'), /must be a day/],
    [entry.replace('2026-12-31', '2026-02-30'), /must be a day/],
    [entry.replace('reason', 'raeson'), /raeson means nothing/],
  ])('refuses %j', (text, message) => {
    expect(() => parseWaivers(text, ids)).toThrow(message);
  });
});

describe('presets', () => {
  test('dev advises on every rule, prod blocks unless the rule only advises', () => {
    const levels = (preset: keyof typeof presets) =>
      Map.groupBy(rules, ({ id }) => presets[preset][id]?.enforcementLevel);
    expect([...levels('dev').keys()]).toEqual(['advisory']);
    expect(new Set(levels('prod').keys())).toEqual(new Set(['mandatory', 'advisory', 'remediate']));
    const advisory = rules.filter(({ level }) => level === 'advisory').map(({ id }) => id);
    expect(
      levels('prod')
        .get('advisory')
        ?.map(({ id }) => id),
    ).toEqual(advisory);
    expect(levels('prod').get(undefined)).toBeUndefined();
  });
});

describe('settings', () => {
  test('each has a default, a type and a sentence, and the engine gets them', () => {
    for (const { id, settings = {} } of rules) {
      expect(policy(id).configSchema?.properties ?? {}).toEqual(settings);
      for (const setting of Object.values(settings))
        expect(setting).toMatchObject({ description: expect.stringMatching(/\.$/), default: expect.anything() });
    }
  });
});

describe('remediation of labels', () => {
  const remedy = (props: object, settings = {}, stack = 'acme.dev') => {
    const scene = { type: 'gcp:bigquery/dataset:Dataset', stack, props, settings };
    return policy('labels-required').remediateResource?.(resourceArguments(scene) as never);
  };
  const all = { tenant: 'acme', env: 'dev', cost_center: 'retail-42', managed_by: 'tributary' };

  test('fills in what is missing, from the stack and the tenant file', () => {
    expect(remedy({ location: 'EU' })).toEqual({ location: 'EU', labels: all });
    expect(remedy({ labels: { team: 'x', env: 'test' } })).toEqual({ labels: { team: 'x', ...all, env: 'test' } });
  });

  test('does nothing where nothing is missing or known', () => {
    expect(remedy({ labels: all })).toBeUndefined();
    const { cost_center: _, ...rest } = all;
    expect(remedy({ labels: { ...rest, tenant: 'nobody' } }, {}, 'nobody.dev')).toBeUndefined();
    expect(remedy({ labels: rest }, { costCenter: 'c1' }, 'nobody.dev')).toEqual({
      labels: { ...rest, cost_center: 'c1' },
    });
  });

  test('leaves what is not known yet alone', () => {
    const filled = remedy({ labels: { cost_center: UNKNOWN } });
    expect(Object.keys((filled as { labels: object }).labels).sort()).toEqual(Object.keys(all).sort());
    expect(() => remedy({ labels: UNKNOWN })).toThrow(/can't be known/);
  });
});
