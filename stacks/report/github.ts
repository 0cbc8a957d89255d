/** The few calls of GitHub's REST API that a report needs. https://docs.github.com/rest */
import { setTimeout as sleep } from 'node:timers/promises';
import { DRIFT_LABEL, type DriftResult, driftIssue, driftMarker } from './drift.ts';

export interface Repository {
  /** `https://api.github.com` */
  readonly api: string;
  /** `owner/name` */
  readonly name: string;
  readonly token: string;
}

interface Post {
  readonly id: number;
  readonly number: number;
  readonly body: string | null;
  readonly user: { readonly type: string } | null;
}

/** An answer of GitHub that is not what was asked for. */
export class GithubError extends Error {
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(method: string, path: string, answer: Response) {
    super(`${method} ${path}: GitHub answered ${answer.status}`);
    this.name = 'GithubError';
    this.status = answer.status;
    const after = answer.headers.get('retry-after');
    const limited = answer.status === 429 || (answer.status === 403 && after !== null);
    if (limited || answer.status >= 500) this.retryAfterMs = Math.min(Number(after ?? 1), 60) * 1000;
  }
}

/**
 * Writes the one comment of a pull request: edits the one with the marker, on whatever page it is, else posts it.
 *
 * @param body its first line is the marker
 */
export async function upsertComment(repository: Repository, pull: number, body: string): Promise<'posted' | 'edited'> {
  const [marker = ''] = body.split('\n');
  return persistently(async () => {
    const known = await find(repository, `/issues/${pull}/comments?per_page=100`, marker);
    if (known === undefined) await call(repository, 'POST', `/issues/${pull}/comments`, { body });
    else await call(repository, 'PATCH', `/issues/comments/${known.id}`, { body });
    return known === undefined ? 'posted' : 'edited';
  });
}

/** Brings the issue of a stack up to date: opens, edits or closes it; never two of one stack. */
export async function syncDriftIssue(
  repository: Repository,
  result: DriftResult,
): Promise<'opened' | 'edited' | 'closed' | 'none'> {
  const issue = driftIssue(result);
  return persistently(async () => {
    const known = await find(
      repository,
      `/issues?state=open&labels=${DRIFT_LABEL}&per_page=100`,
      driftMarker(result.stack),
    );
    if (issue === null && known === undefined) return 'none';
    if (issue === null) {
      await call(repository, 'PATCH', `/issues/${known?.number}`, { state: 'closed', state_reason: 'completed' });
      return 'closed';
    }
    const { title, body, labels } = issue;
    if (known === undefined) await call(repository, 'POST', '/issues', { title, body, labels });
    else await call(repository, 'PATCH', `/issues/${known.number}`, { title, body, labels });
    return known === undefined ? 'opened' : 'edited';
  });
}

/** The first post of a bot with the marker; a person who quotes the marker is left alone. */
async function find(repository: Repository, path: string, marker: string): Promise<Post | undefined> {
  let next: string | undefined = `${repository.api}/repos/${repository.name}${path}`;
  while (next !== undefined) {
    const answer: Response = await request(repository, 'GET', next);
    const posts = (await answer.json()) as readonly Post[];
    const found = posts.find(({ body, user }) => user?.type === 'Bot' && body?.split(/\r?\n/)[0] === marker);
    if (found !== undefined) return found;
    next = /<([^>]+)>;\s*rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
    if (next !== undefined && new URL(next).origin !== new URL(repository.api).origin) return undefined;
  }
  return undefined;
}

async function call(repository: Repository, method: string, path: string, body: object): Promise<void> {
  await request(repository, method, `${repository.api}/repos/${repository.name}${path}`, body);
}

async function request({ token }: Repository, method: string, url: string, body?: object): Promise<Response> {
  const answer = await fetch(url, {
    method,
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${token}`,
      'x-github-api-version': '2022-11-28',
      'user-agent': 'tributary',
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  if (!answer.ok) throw new GithubError(method, new URL(url).pathname, answer);
  return answer;
}

/** Each attempt looks again: a post whose answer was lost is found, and not made twice. */
async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const wait = error instanceof GithubError ? error.retryAfterMs : 1000;
      if (wait === undefined || attempt === 4) throw error;
      await sleep(wait);
    }
  }
}
