import { describe, expect, test } from 'vitest';
import { PREVIEW_MARKER } from '../../../stacks/report/comment.ts';
import { DRIFT_LABEL, driftMarker } from '../../../stacks/report/drift.ts';
import { syncDriftIssue, upsertComment } from '../../../stacks/report/github.ts';
import { GithubServer } from './github-server.ts';

const body = (text: string) => `${PREVIEW_MARKER}\n\n${text}`;

describe('the comment of a pull request', () => {
  test('is posted once and edited afterwards, on whatever page it is', async () => {
    await using github = await GithubServer.start();
    github.fill(github.comments, 150);
    expect(await upsertComment(github.repository, 7, body('one'))).toBe('posted');
    github.fill(github.comments, 150);
    expect(await upsertComment(github.repository, 7, body('two'))).toBe('edited');
    const ours = github.comments.filter(({ user }) => user.type === 'Bot');
    expect(ours.map((comment) => comment.body)).toEqual([body('two')]);
    expect(github.requests.filter((line) => line.startsWith('GET'))).toHaveLength(4);
  });

  test('leaves a person alone who quotes the marker', async () => {
    await using github = await GithubServer.start();
    github.fill(github.comments, 1, body('quoted'));
    github.fill(github.comments, 1, `see ${PREVIEW_MARKER}`, 'Bot');
    expect(await upsertComment(github.repository, 7, body('one'))).toBe('posted');
    expect(github.comments.map((comment) => comment.body)).toEqual([
      body('quoted'),
      `see ${PREVIEW_MARKER}`,
      body('one'),
    ]);
  });

  test.each(['limited', 'down'] as const)('is tried again: %s', async (mishap) => {
    await using github = await GithubServer.start();
    github.mishaps.push(mishap, mishap);
    expect(await upsertComment(github.repository, 7, body('one'))).toBe('posted');
    expect(github.comments).toHaveLength(1);
  });

  test('is not posted twice when the answer is lost', async () => {
    await using github = await GithubServer.start();
    github.mishaps.push('lost');
    expect(await upsertComment(github.repository, 7, body('one'))).toBe('edited');
    expect(github.comments).toHaveLength(1);
  });

  test('gives up at once where it may not write, and says so without the token', async () => {
    await using github = await GithubServer.start();
    github.mishaps.push('forbidden');
    await expect(upsertComment(github.repository, 7, body('one'))).rejects.toThrow(
      'POST /repos/acme/data/issues/7/comments: GitHub answered 403',
    );
    await expect(upsertComment({ ...github.repository, token: 'bad' }, 7, body('one'))).rejects.toThrow('answered 401');
    expect(github.requests).toHaveLength(3);
  });

  test('the server refuses what GitHub refuses', async () => {
    await using github = await GithubServer.start();
    await expect(upsertComment(github.repository, 7, body('x'.repeat(65_536)))).rejects.toThrow('answered 422');
  });
});

describe('the issue of a drifted stack', () => {
  const drift = (type: string, kind: 'iam-added' | 'image') => ({
    stack: 'acme.dev',
    drift: [{ urn: 'urn:pulumi:acme.dev::tributary::x::raw', type, class: kind, paths: ['member'] }],
  });

  test('is opened once, edited while it lasts, closed when it is gone, and opened anew', async () => {
    await using github = await GithubServer.start();
    github.fill(github.issues, 120);
    for (const issue of github.issues) issue.labels.push(DRIFT_LABEL);
    const { repository } = github;
    expect(await syncDriftIssue(repository, { stack: 'acme.dev', drift: [] })).toBe('none');
    expect(await syncDriftIssue(repository, drift('gcp:run:Job', 'image'))).toBe('opened');
    expect(await syncDriftIssue(repository, drift('gcp:x:IAMMember', 'iam-added'))).toBe('edited');
    const [issue, ...others] = github.issues.filter(({ user }) => user.type === 'Bot');
    expect(others).toEqual([]);
    expect(issue).toMatchObject({ title: 'Drift: acme.dev', labels: ['drift', 'drift: iam-added'], state: 'open' });
    expect(issue?.body.split('\n')[0]).toBe(driftMarker('acme.dev'));
    expect(issue?.body).toContain('#### Somebody was granted something\n\n- <code>gcp:x:IAMMember</code> raw: member');
    expect(await syncDriftIssue(repository, { stack: 'globex.dev', drift: [] })).toBe('none');
    expect(await syncDriftIssue(repository, { stack: 'acme.dev' })).toBe('closed');
    expect(issue?.state).toBe('closed');
    expect(await syncDriftIssue(repository, drift('gcp:run:Job', 'image'))).toBe('opened');
  });
});
