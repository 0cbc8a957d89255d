import { describe, expect, test } from 'vitest';
import { startMeter } from '../../../../runner/bigquery/billing.ts';
import { createJobs, type JobRequest, jobId } from '../../../../runner/bigquery/jobs.ts';
import { DEFAULT_BUDGET } from '../../../../runner/core/retry.ts';
import { FakeApi, type Fault, fakeClock } from './fake-api.ts';

const RUN = { tenant: 'acme', source: 'orders', runId: 'r1', fencingToken: 7 };
const LOAD: JobRequest = { purpose: 'load', run: RUN, configuration: { load: {} } };
const COMMIT: JobRequest = { purpose: 'commit', run: RUN, configuration: { query: { query: 'COMMIT' } } };

function bench() {
  const api = new FakeApi();
  const clock = fakeClock();
  const meter = startMeter(6.25);
  const labels = { tenant: 'acme', cost_center: 'sales' };
  return { api, clock, meter, jobs: createJobs({ api, clock, budget: DEFAULT_BUDGET, labels, meter }) };
}

describe('the id of a job', () => {
  test('says whose it is, and differs with each part', () => {
    expect(jobId(RUN, 'load', 1)).toMatch(/^tributary_acme_orders_r1_7_load_1_[0-9a-f]{12}$/);
    const others = [
      jobId({ ...RUN, tenant: 'acm', source: 'e_orders' }, 'load', 1),
      jobId({ ...RUN, source: 'ord.ers' }, 'load', 1),
      jobId({ ...RUN, source: 'ord/ers' }, 'load', 1),
      jobId({ ...RUN, fencingToken: 8 }, 'load', 1),
      jobId(RUN, 'load', 2),
      jobId(RUN, 'commit', 1),
    ];
    expect(new Set(others).size).toBe(6);
    for (const id of [...others, jobId({ ...RUN, source: 'é'.repeat(3000) }, 'load', 1)])
      expect(id).toMatch(/^[A-Za-z0-9_-]{1,1024}$/);
  });
});

describe.each([
  ['load', LOAD],
  ['commit', COMMIT],
])('a %s job is carried out once', (_, request) => {
  const gets: Record<string, { faults: Record<string, (Fault | null)[]>; polls?: number }> = {
    'with nothing wrong': { faults: {} },
    'with nothing wrong, slowly': { faults: {}, polls: 4 },
    'when the answer to its insert is lost': { faults: { insert: ['lost'] } },
    'when the answer is lost and the job runs on': { faults: { insert: ['lost'] }, polls: 3 },
    'when the insert never arrives': { faults: { insert: ['unsent', 'unsent'] } },
    'when the insert is refused for a time': {
      faults: {
        insert: [
          { status: 403, reason: 'rateLimitExceeded' },
          { status: 429 },
          { status: 503, reason: 'backendError' },
        ],
      },
    },
    'when asking after a lost answer fails too': {
      faults: { insert: ['lost'], get: ['lost', { status: 500 }, 'unsent'] },
    },
    'when polling fails for a time': { faults: { get: [null, { status: 502 }, 'lost', null, 'unsent'] }, polls: 5 },
    'when it was taken and then forgotten': { faults: { insert: ['forgotten', 'forgotten', 'lost'] }, polls: 1 },
  };
  test.each(Object.entries(gets))('%s', async (_name, { faults, polls = 0 }) => {
    const { api, jobs, meter } = bench();
    Object.assign(api.faults, faults);
    api.polls = polls;
    const { id, attempt, statistics } = await jobs.run(request);
    expect(api.done).toEqual([jobId(RUN, request.purpose, 1)]);
    expect({ id, attempt }).toEqual({ id: api.done[0], attempt: 1 });
    expect(statistics.totalSlotMs).toBe('5');
    expect(meter.total).toEqual({ bytes: 100, slotMs: 5, usd: (100 / 2 ** 40) * 6.25 });
  });

  test('a failure for a time is attempted anew under the next number', async () => {
    const { api, jobs, meter } = bench();
    api.failures.push(
      { reason: 'backendError', message: 'oops' },
      { reason: 'invalidQuery', message: 'Transaction is aborted due to concurrent update against table p:d.t' },
    );
    expect((await jobs.run(request)).attempt).toBe(3);
    expect(api.done).toEqual([jobId(RUN, request.purpose, 3)]);
    expect(meter.total.bytes).toBe(300);
  });

  test('a second job for the same purpose is another one', async () => {
    const { api, jobs } = bench();
    await jobs.run(request);
    await jobs.run(request);
    expect(new Set(api.done).size).toBe(2);
  });

  test.each([
    ['accessDenied', 403],
    ['invalid', 400],
    ['quotaExceeded', 403],
    ['notFound', 404],
  ])('%s ends it at once', async (reason, status) => {
    const { api, jobs, clock } = bench();
    api.faults.insert = [{ status, reason }];
    await expect(jobs.run(request)).rejects.toMatchObject({ failure: { kind: 'terminal', reason } });
    expect([api.calls, api.done, clock.waits]).toEqual([['insert'], [], []]);
  });

  test('the budget ends, by attempts and by time', async () => {
    const { api, jobs, clock } = bench();
    api.faults.insert = Array.from({ length: 999 }, () => ({ status: 503, reason: 'backendError' }) as const);
    await expect(jobs.run(request)).rejects.toMatchObject({ failure: { reason: 'backendError' } });
    expect(clock.now()).toBeLessThanOrEqual(2 * DEFAULT_BUDGET.seconds * 1000);
    expect(clock.waits.slice(0, 3)).toEqual([500, 1000, 2000]);
    expect(Math.max(...clock.waits)).toBe(DEFAULT_BUDGET.longestMs);
  });

  test('an abort cancels it', async () => {
    const { api, jobs } = bench();
    api.polls = 1e9;
    const stop = new AbortController();
    const running = jobs.run({ ...request, signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 20);
    await expect(running).rejects.toThrow('enough');
    expect(api.calls.at(-1)).toBe('cancel');
  });
});

test('labels are of the kind that BigQuery takes', async () => {
  const { api, jobs } = bench();
  await jobs.run({ ...LOAD, run: { ...RUN, source: 'Öl.Preise', runId: 'R'.repeat(80) } });
  const configurations = [...api.jobs.values()].map(({ body }) => body.configuration as { labels: object });
  expect(configurations[0]?.labels).toEqual({
    tenant: 'acme',
    cost_center: 'sales',
    source: '_l_preise',
    run: 'r'.repeat(63),
  });
});

test('a query gives its rows, whatever is lost on the way', async () => {
  const { api, jobs } = bench();
  api.polls = 2;
  api.faults.results = ['lost', { status: 400, reason: 'invalidQuery' }, { status: 503 }, 'lost'];
  expect(await jobs.query(COMMIT)).toEqual([{ n: '1' }]);
  expect(api.done).toHaveLength(1);
});
