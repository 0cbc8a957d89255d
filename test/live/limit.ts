/** What a live session puts around BigQuery's API. No query is billed past its cap, and all of them not past theirs. */
import type { Api, Call } from '../../runner/bigquery/client.ts';
import { type Budget, checkBudget, type ListedJob, type Spent, spentOf } from './budget.ts';

interface JobBody {
  readonly configuration?: {
    readonly query?: { readonly maximumBytesBilled?: string };
    readonly dryRun?: boolean;
  };
}

/** Gives every query job its cap; a lower one that it has already stays. */
export function limited(api: Api, { perQuery }: Budget): Api {
  const capped = (call: Call): Call => {
    const { configuration } = (call.body ?? {}) as JobBody;
    if (call.method !== 'POST' || call.path !== '/jobs' || configuration?.query === undefined) return call;
    const own = Number(configuration.query.maximumBytesBilled ?? perQuery);
    const query = { ...configuration.query, maximumBytesBilled: `${Math.min(own, perQuery)}` };
    return { ...call, body: { ...call.body, configuration: { ...configuration, query } } };
  };
  return { ...api, request: (call) => api.request(capped(call)) };
}

/**
 * The jobs of one test apart from those of all others: the suite's run ids begin anew with each test, and a project knows
 * a job's id for months.
 */
export function apart(api: Api, test: string): Api {
  const own = (call: Call): Call => {
    const path = call.path.replace(/^\/(jobs|queries)\/(?=.)/, `/$1/${test}-`);
    const { jobReference } = (call.body ?? {}) as { jobReference?: { readonly jobId?: string } };
    if (jobReference?.jobId === undefined) return { ...call, path };
    return {
      ...call,
      path,
      body: { ...call.body, jobReference: { ...jobReference, jobId: `${test}-${jobReference.jobId}` } },
    };
  };
  return { ...api, request: (call) => api.request(own(call)) };
}

interface JobList {
  readonly jobs?: readonly ListedJob[];
  readonly nextPageToken?: string;
}

/**
 * What the session was billed so far, by the jobs that carry its tenant's label. Listing costs nothing.
 *
 * @param since milliseconds since 1970
 */
export async function spent(api: Api, tenant: string, since: number): Promise<Spent> {
  const jobs: ListedJob[] = [];
  let pageToken: string | undefined;
  do {
    const query = { projection: 'full', minCreationTime: since, maxResults: 1000, ...(pageToken ? { pageToken } : {}) };
    const page = await api.request<JobList>({ path: '/jobs', query });
    jobs.push(...(page.jobs ?? []));
    pageToken = page.nextPageToken;
  } while (pageToken);
  return spentOf(jobs, tenant);
}

/** @throws where one more query could go past the budget. */
export async function stopAtBudget(api: Api, tenant: string, since: number, budget: Budget): Promise<void> {
  checkBudget(await spent(api, tenant, since), budget);
}
