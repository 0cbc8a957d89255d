import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { root } from '../../house/tree.ts';
import { GithubServer } from './github-server.ts';
import { DATASET, JOB, operation, previewOf } from './previews.ts';

const folder = mkdtempSync(join(tmpdir(), 'tributary-report-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, document: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof document === 'string' ? document : JSON.stringify(document));
  return path;
}

function report(args: readonly string[], env: Record<string, string> = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
    const all = [join(root, 'stacks/report/main.ts'), ...args];
    execFile(process.execPath, all, { env: { PATH: process.env.PATH, ...env } }, (error, stdout, stderr) =>
      done({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

const routine = file('routine.json', previewOf('acme', { operations: [operation('update', JOB)] }));
const losing = previewOf('globex', { operations: [operation('delete', DATASET)] });
const many = file('many.json', { digest: 'joint', stacks: [losing, previewOf('quiet')], unchanged: [], notBegun: [] });

describe('comment', () => {
  test('goes to standard output without a pull request; exit 0', async () => {
    const { code, stdout } = await report(['comment', routine]);
    expect(code).toBe(0);
    expect(stdout).toContain('### Preview: 1 stack, 1 with changes');
  });

  test('joins documents of one and of many stacks; lost data needs its label', async () => {
    const refused = await report(['comment', routine, many]);
    expect(refused).toMatchObject({ code: 4, stderr: 'risk: data\n' });
    expect(refused.stdout).toContain('### Preview: 3 stacks, 2 with changes');
    const labelled = await report(['comment', routine, many, '--labels', '["approved: data"]']);
    expect(labelled.code).toBe(0);
  });

  test('a stack without a preview blocks: no file, no document, a problem', async () => {
    const empty = file('empty.json', '');
    const problem = { code: 'STACK_LOCKED', detail: 'held by ci' };
    const locked = file('locked.json', { ...previewOf('acme'), problem });
    for (const args of [['--stacks', '["initech"]'], [empty], [locked]])
      expect(await report(['comment', routine, ...args])).toMatchObject({ code: 2, stderr: 'risk: blocked\n' });
    expect((await report(['comment', locked])).stdout).toContain('STACK&#95;LOCKED: held by ci');
    expect(await report(['comment', routine, '--stacks', '["acme"]'])).toMatchObject({ code: 0 });
  });

  test('is posted, and the token is shown nowhere', async () => {
    await using github = await GithubServer.start();
    const env = { GITHUB_TOKEN: 'good', GITHUB_REPOSITORY: 'acme/data', GITHUB_API_URL: github.api };
    const first = await report(['comment', routine, '--pull', '7', '--note', 'by @team'], env);
    expect(first).toMatchObject({ code: 0, stdout: '', stderr: 'comment posted\nrisk: routine\n' });
    expect(github.comments[0]?.body).toContain('by &#64;team');
    const refused = await report(['comment', routine, '--pull', '7'], { ...env, GITHUB_TOKEN: 'hunter2' });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('401');
    expect(refused.stdout + refused.stderr).not.toContain('hunter2');
  });
});

test('digest is that of the document, and none where a stack has no preview', async () => {
  const outputs = file('outputs', '');
  expect(await report(['digest', many, '--outputs', outputs])).toMatchObject({ code: 0, stdout: 'joint\n' });
  const failed = file('failed.json', { digest: 'joint', stacks: [{ ...losing, error: 'x' }], notBegun: [] });
  expect(await report(['digest', failed])).toMatchObject({ code: 1, stdout: '' });
});

test('drift: one issue a stack; a grant exits 4, a stack that was not looked at 2', async () => {
  await using github = await GithubServer.start();
  const env = { GITHUB_TOKEN: 'good', GITHUB_REPOSITORY: 'acme/data', GITHUB_API_URL: github.api };
  const one = (kind: string) => ({ urn: 'urn:pulumi:acme.dev::p::t::raw', type: 'gcp:x:Y', class: kind, paths: [] });
  const drifted = (kind: string) => ({ stacks: [{ stack: 'acme.dev', drift: [one(kind)] }, { stack: 'quiet.dev' }] });
  const label = await report(['drift', file('label.json', drifted('label')), '--publish'], env);
  expect(label).toMatchObject({ code: 0, stderr: 'acme.dev: opened\nquiet.dev: none\n' });
  const grant = await report(['drift', file('grant.json', drifted('iam-added')), '--publish'], env);
  expect(grant).toMatchObject({ code: 4, stderr: 'acme.dev: edited\nquiet.dev: none\n' });
  const blind = file('blind.json', { stacks: [{ stack: 'acme.dev', problem: { code: 'STACK_LOCKED', detail: 'x' } }] });
  expect(await report(['drift', blind, '--publish'], env)).toMatchObject({ code: 2 });
  expect(github.issues).toHaveLength(1);
});

test('an unknown word is explained', async () => {
  expect(await report(['coment'])).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no coment.') });
});
