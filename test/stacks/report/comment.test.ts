import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PREVIEW_MARKER, renderComment } from '../../../stacks/report/comment.ts';
import { BODY_LIMIT, plain, redacted } from '../../../stacks/report/markdown.ts';
import { approvalsIn, exitCodeOf, riskOf, worstRisk } from '../../../stacks/report/risk.ts';
import { DATASET, JOB, MEMBER, operation, previewOf } from './previews.ts';

const broken = {
  policy: 'sched-oidc',
  level: 'mandatory',
  urn: 'urn:pulumi:acme.dev::t::gcp:x::orders',
  message: 'A\nB',
} as const;

describe('risk', () => {
  test.each([
    ['none', {}],
    ['routine', { operations: [operation('update', JOB), operation('update', DATASET)] }],
    ['routine', { operations: [operation('replace', JOB)] }],
    ['routine', { operations: [operation('delete', MEMBER)] }],
    ['routine', { operations: [operation('create', 'tributary:index:Tenant'), operation('create', MEMBER)] }],
    ['access', { operations: [operation('create', MEMBER)] }],
    ['access', { operations: [operation('update', 'aws:iam/role:Role')] }],
    ['access', { operations: [operation('create', 'tributary:index:Tenant'), operation('replace', MEMBER)] }],
    ['data', { operations: [operation('replace', DATASET), operation('create', MEMBER)] }],
    ['data', { operations: [operation('delete', 'gcp:serviceaccount/account:Account')] }],
    ['data', { operations: [operation('delete', 'gcp:secretmanager/secret:Secret')] }],
    ['blocked', { policies: [broken] }],
    ['blocked', { error: 'no engine' }],
  ] as const)('%s: %j', (risk, changes) => {
    expect(riskOf(previewOf('acme', changes))).toBe(risk);
  });

  test('of many is the worst; the exit code says who has to act', () => {
    const data = previewOf('a', { operations: [operation('delete', DATASET)] });
    expect(worstRisk([previewOf('b'), data])).toBe('data');
    expect(worstRisk([])).toBe('none');
    expect(exitCodeOf('routine', [])).toBe(0);
    expect(exitCodeOf('data', [])).toBe(4);
    expect(exitCodeOf('data', ['access'])).toBe(4);
    expect(exitCodeOf('data', approvalsIn(['bug', 'approved: data']))).toBe(0);
    expect(exitCodeOf('blocked', ['blocked', 'data'])).toBe(2);
  });
});

describe('the comment', () => {
  const results = [
    previewOf('globex', {
      operations: [operation('replace', DATASET, 'globex-raw', ['location']), operation('replace', JOB, 'run')],
    }),
    previewOf('acme', {
      operations: [operation('create', JOB), operation('update', JOB), operation('delete', JOB)],
      policies: [broken, { policy: 'max-resources', level: 'advisory', message: 'many' }],
    }),
    previewOf('quiet'),
    previewOf('sick', { error: 'STACK_LOCKED: password=hunter2 by ci' }),
  ];

  test('is a table of stacks, the lost data in bold, rules and details folded', () => {
    const body = renderComment(results, { note: 'why' });
    expect(body.split('\n')[0]).toBe(PREVIEW_MARKER);
    expect(body).toContain('### Preview: 4 stacks, 3 with changes');
    expect(body).toContain('| <code>acme.dev</code> | 1 | 1 |  | 1 | **1 broken**, 1 advised | 1.3 s |');
    expect(body).toContain('| <code>globex.dev</code> |  |  | **2 (1 of data)** |  | held | 1.3 s |');
    expect(body).toContain('| 1 stack without changes |');
    expect(body).toContain(
      '- **replace globex-raw** <code>gcp:bigquery/dataset:Dataset</code> of <code>globex.dev</code> (location)',
    );
    expect(body).toContain('- <code>sched-oidc</code> <code>orders</code> of <code>acme.dev</code>: A B');
    expect(body).toContain('<details><summary>sick.dev: no preview</summary>');
    expect(body).not.toContain('hunter2');
    expect(body.indexOf('acme.dev')).toBeLessThan(body.indexOf('globex.dev'));
    expect(body).not.toContain('quiet.dev');
  });

  test('says so when nothing changes', () => {
    expect(renderComment([previewOf('quiet')])).toBe(
      `${PREVIEW_MARKER}\n\n### Preview: 1 stack, 0 with changes\n\nNothing would change.`,
    );
  });

  test('fits into GitHub’s limit, and keeps the table and the losses', () => {
    const names = Array.from({ length: 400 }, (_, index) => `tenant-${String(index).padStart(3, '0')}`);
    const many = names.map((name) =>
      previewOf(name, {
        operations: Array.from({ length: 60 }, (_, index) => operation('update', JOB, `job-${index}`)),
        policies: [broken],
      }),
    );
    const body = renderComment([...many, ...results]);
    expect(body.length).toBeLessThanOrEqual(BODY_LIMIT);
    expect(body.length).toBeGreaterThan(BODY_LIMIT / 2);
    expect(body).toContain('**replace globex-raw**');
    expect(body).toMatch(/_\d+ parts left out: too long for a comment\./);
    expect(body.match(/<details>/g)?.length).toBe(body.match(/<\/details>/g)?.length);
  });

  test('never exceeds its limit and always begins with the marker', () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 });
    const result = fc.record({ message: text, name: text, error: fc.option(text, { nil: undefined }) });
    const property = fc.property(
      fc.array(result, { maxLength: 20 }),
      fc.integer({ min: 1500, max: 6000 }),
      (all, limit) => {
        const body = renderComment(
          all.map(({ message, name, error }, index) =>
            previewOf(`t${index}`, {
              operations: [operation('replace', DATASET, name, [message])],
              policies: [{ ...broken, message }],
              ...(error !== undefined && { error }),
            }),
          ),
          { limit },
        );
        expect(body.length).toBeLessThanOrEqual(limit);
        expect(body.split('\n')[0]).toBe(PREVIEW_MARKER);
      },
    );
    fc.assert(property, { numRuns: 100 });
  });
});

describe('text of others', () => {
  test('cannot format, mention, break a table or end a fold', () => {
    expect(plain('@team | **x** </details>\n# y [a](b) `c`')).not.toMatch(/[@|*<>[\]`\n]|^#/);
  });

  test.each([
    'password=hunter2secret',
    'token: "hunter2secret"',
    'postgres://user:hunter2secret@host/db',
    'ya29.hunter2secret',
    'AKIAhunter2secret',
    '-----BEGIN PRIVATE KEY-----\nhunter2secret\n-----END PRIVATE KEY-----',
    'eyJhbGciOi.hunter2secret.sig',
  ])('shows no secret: %j', (text) => {
    expect(redacted(`before ${text} after`)).not.toContain('hunter2secret');
    expect(redacted(`before ${text} after`)).toMatch(/^before .*\[redacted\].* after$/s);
  });
});
