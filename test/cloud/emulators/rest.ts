/** BigQuery's REST API in a few words, for tests of the emulators themselves. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of any method
  readonly body: any;
}

export function rest(host: string, project: string) {
  const call = async (method: string, path: string, body?: object): Promise<Reply> => {
    const answer = await fetch(`${host}/bigquery/v2/projects/${project}/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: await answer.json() };
  };
  const insert = (jobId: string, configuration: object) =>
    call('POST', 'jobs', { jobReference: { projectId: project, jobId }, configuration });
  const wait = async (jobId: string): Promise<Reply> => {
    for (;;) {
      const job = await call('GET', `jobs/${jobId}`);
      if (job.status !== 200 || job.body.status.state === 'DONE') return job;
      await sleep(20);
    }
  };
  let jobs = 0;
  /** @returns rows as texts, or the message of the error */
  const query = async (sql: string, more: object = {}): Promise<readonly (string | null)[][] | string> => {
    const jobId = `q${++jobs}`;
    await insert(jobId, { query: { query: sql, useLegacySql: false, ...more } });
    const error = (await wait(jobId)).body.status.errorResult;
    if (error) return `${error.reason}: ${error.message}`;
    const { rows = [] } = (await call('GET', `queries/${jobId}`)).body;
    return rows.map((row: { f: { v: string | null }[] }) => row.f.map(({ v }) => v));
  };
  return { call, insert, wait, query };
}
