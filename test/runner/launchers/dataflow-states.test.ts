import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SplitJob, SplitProgress } from '../../../runner/core/contracts/splits.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { systemClock } from '../../../runner/core/retry.ts';
import { type DataflowSettings, openDataflow } from '../../../runner/launchers/dataflow/index.ts';
import { usedUsd, workerUsd } from '../../../runner/launchers/dataflow/price.ts';
import { refusedWith, until } from '../../contracts/launcher.ts';
import { jobOf, QUICK } from '../../contracts/split-executor.ts';
import { type DataflowServer, startDataflow } from '../../servers/dataflow.ts';
import { layTemplate, SPECIFICATION, TEMPLATE } from '../../servers/dataflow-template.ts';
import { type StorageServer, startStorage } from '../../servers/storage.ts';

describe('Dataflow', () => {
  let storage: StorageServer;
  let dataflow: DataflowServer;

  beforeAll(async () => {
    storage = await startStorage();
    await layTemplate(storage.host);
  });

  afterAll(() => storage.stop());

  beforeEach(async () => {
    dataflow = await startDataflow({ storage: storage.host });
  });

  afterEach(() => dataflow[Symbol.asyncDispose]());

  const settings = (over: Partial<DataflowSettings> = {}): DataflowSettings => ({
    ...{ kind: 'dataflow', project: 'acme-data', region: 'europe-west1', endpoint: dataflow.host },
    ...{ storage: storage.host, template: TEMPLATE, bucket: 'acme-staging', labels: { tenant: 'acme', env: 'prod' } },
    account: 'trb-acme-dataflow@acme-data.iam.gserviceaccount.com',
    ...QUICK,
    ...over,
  });

  function execute(job: SplitJob = jobOf('wait'), over: Partial<DataflowSettings> = {}) {
    const seen: SplitProgress[] = [];
    const executor = openDataflow(settings(over));
    const { signal } = new AbortController();
    const done = executor.execute(job, { signal, onProgress: (progress) => seen.push(progress) });
    done.catch(() => undefined);
    return { seen, done };
  }

  /** Executes it until Dataflow has taken it. */
  async function begun(over: Partial<DataflowSettings> = {}) {
    const { seen, done } = execute(jobOf('wait'), over);
    await until(() => seen.length > 0, 'the job to be seen');
    return { seen, done, id: dataflow.jobs()[0]?.id ?? '' };
  }

  const counter = (name: string, scalar: number, context: object = {}) => ({
    name: { origin: 'user', name, context: { namespace: 'tributary', step: 'Extract', ...context } },
    scalar,
  });

  test('what is launched: workers without an address of their own, names and no secret', async () => {
    const job = { ...jobOf('wait'), workers: 3 };
    const { seen } = execute(job, { subnetwork: 'regions/europe-west1/subnetworks/tributary' });
    await until(() => seen.length > 0, 'the job to be seen');
    const { launch, name } = dataflow.jobs()[0] ?? {};
    expect(name).toMatch(/^trb-acme-orders-20261124t090000-.*-t4$/);
    expect(launch).toEqual({
      jobName: name,
      containerSpecGcsPath: TEMPLATE,
      parameters: { run: job.run.runId, source: 'orders', work: job.work },
      environment: {
        ...{ serviceAccountEmail: 'trb-acme-dataflow@acme-data.iam.gserviceaccount.com', machineType: 'e2-standard-2' },
        ...{ tempLocation: 'gs://acme-staging/dataflow/temp', stagingLocation: 'gs://acme-staging/dataflow/staging' },
        ...{ numWorkers: 3, maxWorkers: 3, workerRegion: 'europe-west1' },
        ...{ subnetwork: 'regions/europe-west1/subnetworks/tributary', ipConfiguration: 'WORKER_IP_PRIVATE' },
        additionalExperiments: ['no_use_multiple_sdk_containers'],
        additionalPipelineOptions: ['number_of_worker_harness_threads=1'],
        additionalUserLabels: {
          ...{ tenant: 'acme', env: 'prod', source: 'orders', run_id: job.run.runId, fencing_token: '4' },
        },
      },
    });
  });

  test('queued, starting, running, done; counters are the committed ones, warnings come once', async () => {
    const { seen, done, id } = await begun();
    dataflow.play(id, { state: 'JOB_STATE_PENDING', messages: [['WARNING', 'A quota limits the workers to 2.']] });
    await until(() => seen.some(({ state }) => state === 'starting'), 'it to start');
    dataflow.play(id, {
      state: 'JOB_STATE_RUNNING',
      metrics: [
        ...[counter('rows', 120, { tentative: 'true' }), counter('rows', 100)],
        ...[counter('bytes', 7000, { tentative: 'true' }), counter('rejects', 2), counter('splits', 1)],
        { name: { origin: 'dataflow/v1b3', name: 'rows', context: {} }, scalar: 999 },
      ],
      stages: [
        { stageId: 'F1', state: 'EXECUTION_STATE_SUCCEEDED' },
        { stageId: 'F2', state: 'EXECUTION_STATE_RUNNING', progress: { currentProgress: 0.4 } },
      ],
    });
    await until(() => seen.some(({ rows }) => rows > 0), 'rows');
    dataflow.play(id, { state: 'JOB_STATE_DONE', metrics: [counter('rows', 240), counter('splits', 5)] });
    await done;
    const counts = { bytes: 7000, rejected: 2, splits: 1 };
    const link = `https://console.cloud.google.com/dataflow/jobs/europe-west1/${id}?project=acme-data`;
    const nothing = { job: id, link, rows: 0, bytes: 0, rejected: 0, splits: 0 };
    expect(seen.filter(({ warning }) => warning === undefined)).toEqual([
      { ...nothing, state: 'queued' },
      { ...nothing, state: 'starting' },
      { ...nothing, state: 'running', rows: 100, ...counts, share: 0.4 },
      { ...nothing, state: 'ended', rows: 240, splits: 5 },
    ]);
    expect(seen.flatMap(({ warning }) => warning ?? [])).toEqual(['A quota limits the workers to 2']);
  });

  test('a state of another version goes on; figures and words that cannot be had stop nothing', async () => {
    const { seen, done, id } = await begun();
    dataflow.failures.push(...Array.from({ length: 3 }, () => ({ method: 'metrics', code: 500, message: 'no' })));
    dataflow.failures.push(...Array.from({ length: 3 }, () => ({ method: 'messages', code: 500, message: 'no' })));
    dataflow.failures.push(...Array.from({ length: 3 }, () => ({ method: 'stages', code: 500, message: 'no' })));
    dataflow.play(id, { state: 'JOB_STATE_REARRANGING' });
    await until(() => seen.some(({ state }) => state === 'running'), 'it to go on');
    dataflow.play(id, { state: 'JOB_STATE_DONE' });
    await done;
  });

  const own = new TributaryError('SOURCE_AUTHENTICATION', { user: 'reader', host: 'db:5432' }).problem;
  test.each([
    ['DATAFLOW_QUOTA', true, "Startup of the worker pool failed: Quota 'CPUS' exceeded. Limit: 8.0 in region x."],
    ['DATAFLOW_QUOTA', true, 'QUOTA_EXCEEDED: IN_USE_ADDRESSES in europe-west1'],
    ['DATAFLOW_OUT_OF_MEMORY', false, 'The worker VM had to shut down: it ran out of memory.'],
    ['DATAFLOW_OUT_OF_DISK', false, 'write /var/lib/x: no space left on device'],
    ['DATAFLOW_DENIED', false, "Permission 'secretmanager.versions.access' denied for projects/p/secrets/s"],
    ['DATAFLOW_FAILED', true, 'Workflow failed. Causes: a worker lost contact with the service.'],
    [own.code, false, `RuntimeError: SOURCE_AUTHENTICATION\nTRIBUTARY_PROBLEM ${JSON.stringify(own)} [while running]`],
    [
      own.code,
      false,
      `x\nTRIBUTARY_PROBLEM ${JSON.stringify({ ...own, detail: 'It said {"a":"}\\n"}.', split: '00012' })}\\n  {y}`,
    ],
    ['DATAFLOW_FAILED', true, 'TRIBUTARY_PROBLEM {"code":"NO_SUCH_CODE","detail":"x","fix":"y"}'],
    ['DATAFLOW_FAILED', true, 'TRIBUTARY_PROBLEM {"code":'],
  ])('failed: %s (retryable: %s) of %j', async (code, retryable, said) => {
    const { seen, done, id } = await begun();
    dataflow.play(id, { state: 'JOB_STATE_RUNNING' });
    await until(() => seen.some(({ state }) => state === 'running'), 'it to run');
    dataflow.play(id, {
      state: 'JOB_STATE_FAILED',
      messages: [
        ['WARNING', 'Beware.'],
        ['ERROR', said],
      ],
    });
    expect(await refusedWith(done, code)).toMatchObject({ code, retryable });
  });

  test('the problem of the extractor comes as it is', async () => {
    const { done, id } = await begun();
    const text = `TRIBUTARY_PROBLEM ${JSON.stringify(own)}`;
    dataflow.play(id, { state: 'JOB_STATE_FAILED', messages: [['ERROR', text]] });
    expect(await refusedWith(done, own.code)).toEqual(own);
  });

  test('what is denied names the role', async () => {
    const { done, id } = await begun();
    const said = 'PERMISSION_DENIED: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource';
    dataflow.play(id, { state: 'JOB_STATE_FAILED', messages: [['ERROR', said]] });
    expect((await refusedWith(done, 'DATAFLOW_DENIED')).fix).toContain('roles/artifactregistry.reader');
  });

  test('what no attempt can help is not waited for until Dataflow has tried it four times', async () => {
    const { done, id } = await begun();
    dataflow.play(id, { state: 'JOB_STATE_RUNNING' });
    const retryable = new TributaryError('SOURCE_UNREACHABLE', { host: 'db:5432' }).problem;
    const [first, second] = [retryable, own].map((problem) => `x\nTRIBUTARY_PROBLEM ${JSON.stringify(problem)}`);
    dataflow.play(id, { messages: [['ERROR', first ?? '']] });
    const asked = () => dataflow.calls.filter(({ method }) => method === 'messages').length;
    const before = asked();
    await until(() => asked() > before + 2, 'it to go on');
    expect(dataflow.jobs()[0]?.state).toBe('JOB_STATE_RUNNING');
    dataflow.play(id, { messages: [['ERROR', second ?? '']] });
    expect(await refusedWith(done, own.code)).toEqual(own);
    expect(dataflow.jobs()[0]?.state).toBe('JOB_STATE_CANCELLED');
  });

  test.each([
    ['Error occurred in the launcher container: Template launch failed. See console logs.', 'Template launch failed'],
    [null, 'Nothing'],
  ])('failed before any worker began: %j', async (said, detail) => {
    const { done, id } = await begun();
    dataflow.play(id, { state: 'JOB_STATE_FAILED', messages: said === null ? [] : [['ERROR', said]] });
    const problem = await refusedWith(done, 'DATAFLOW_LAUNCHER_FAILED');
    expect(problem.detail).toContain(detail);
    expect(problem.fix).toContain(`/dataflow/jobs/europe-west1/${id}`);
  });

  test('a job that costs more than it may is cancelled, by what it says of itself', async () => {
    const { seen, done, id } = await begun({ maxUsd: 5 });
    const used = (name: string, scalar: number) => ({ name: { origin: 'dataflow/v1b3', name }, scalar });
    dataflow.play(id, {
      state: 'JOB_STATE_RUNNING',
      metrics: [used('TotalVcpuTime', 80 * 3600), used('TotalMemoryUsage', 0), counter('rows', 1)],
    });
    await until(() => seen.some(({ rows }) => rows === 1), 'it to run on below its cap');
    dataflow.play(id, { metrics: [used('TotalVcpuTime', 90 * 3600), used('TotalMemoryUsage', 0)] });
    const problem = await refusedWith(done, 'SPLIT_JOB_COST');
    expect(problem).toMatchObject({ retryable: false, detail: expect.stringContaining('$5.04 of at most $5') });
    expect(dataflow.jobs()[0]?.state).toBe('JOB_STATE_CANCELLED');
  });

  test('while it does not say what it used, its workers and its time are counted', async () => {
    const { done, id } = await begun({ maxUsd: 0 });
    dataflow.play(id, { state: 'JOB_STATE_RUNNING' });
    await refusedWith(done, 'SPLIT_JOB_COST');
  });

  test('prices', () => {
    expect(workerUsd('e2-standard-2')).toBeCloseTo(2 * 0.056 + 8 * 0.003557 + 250 * 0.000054, 6);
    expect(workerUsd('n2-highmem-4')).toBeGreaterThan(workerUsd('n2-standard-4'));
    expect(usedUsd([])).toBeNull();
  });

  test('the right to look was taken away: it is said at once', async () => {
    const { done } = await begun();
    dataflow.failures.push({ method: 'get', code: 403, message: "Permission 'dataflow.jobs.get' denied" });
    expect((await refusedWith(done, 'DATAFLOW_DENIED')).fix).toContain('roles/dataflow.developer');
  });

  test.each([
    [403, "Permission 'dataflow.jobs.create' denied on project", 'DATAFLOW_DENIED', 'roles/dataflow.developer'],
    [403, "Permission 'iam.serviceAccounts.actAs' denied", 'DATAFLOW_DENIED', 'roles/iam.serviceAccountUser'],
    [400, 'The subnetwork is not there', 'LAUNCH_REFUSED', 'tributary up'],
  ])('refused: %s %s', async (code, message, wanted, fix) => {
    dataflow.failures.push({ method: 'launch', code, message });
    const problem = await refusedWith(execute().done, wanted);
    expect(problem).toMatchObject({ retryable: false, fix: expect.stringContaining(fix) });
    expect(dataflow.calls.filter(({ method }) => method === 'launch')).toHaveLength(1);
  });

  test('another process launches the same at the same moment: both watch one job', async () => {
    const job = jobOf('wait');
    const both = [execute(job), execute(job)];
    await until(() => both.every(({ seen }) => seen.length > 0), 'both to watch');
    expect(dataflow.jobs()).toHaveLength(1);
    dataflow.play(dataflow.jobs()[0]?.id ?? '', { state: 'JOB_STATE_DONE' });
    await Promise.all(both.map(({ done }) => done));
  });

  test('its name is taken by a job that no list shows yet: it is asked again', async () => {
    dataflow.failures.push({ method: 'launch', code: 409, message: 'There is already an active job named so.' });
    await begun();
    expect(dataflow.jobs()).toHaveLength(1);
  });

  test('stopped while it waits to ask again: what was launched in the meantime is ended', async () => {
    const job = jobOf('wait');
    const abort = new AbortController();
    const sleep = async (milliseconds: number) => {
      if (abort.signal.aborted) return await systemClock.sleep(milliseconds);
      execute(job);
      await until(() => dataflow.jobs().length === 1, 'the job');
      abort.abort(new Error('stop'));
      abort.signal.throwIfAborted();
    };
    dataflow.failures.push({ method: 'launch', code: 503, message: 'away' });
    const executor = openDataflow(settings({ clock: { ...systemClock, sleep } }));
    await expect(executor.execute(job, { signal: abort.signal, onProgress() {} })).rejects.toThrow('stop');
    expect(dataflow.jobs()[0]?.state).toBe('JOB_STATE_CANCELLED');
  });

  test('too many jobs at once: it is asked again, and said at last', async () => {
    const busy = { method: 'launch', code: 429, message: 'Quota exceeded for concurrent jobs' };
    dataflow.failures.push(busy, busy);
    await begun();
    dataflow.failures.push(...Array.from({ length: QUICK.budget.attempts }, () => busy));
    const problem = await refusedWith(execute().done, 'DATAFLOW_QUOTA');
    expect(problem).toMatchObject({ retryable: true, detail: expect.stringContaining('concurrent jobs') });
  });

  test('nobody listens', async () => {
    const endpoint = '127.0.0.1:1';
    const problem = await refusedWith(execute(jobOf('wait'), { endpoint }).done, 'LAUNCHER_UNREACHABLE');
    expect(problem.retryable).toBe(true);
  });

  test('a job is found on whatever page it is, and another run of a similar name is not its own', async () => {
    dataflow.pageSize = 1;
    const [mine, similar] = [jobOf('wait', { runId: 'a' }), jobOf('wait', { runId: 'a-t4' })];
    execute(mine);
    execute(similar);
    await until(() => dataflow.jobs().length === 2, 'both');
    await openDataflow(settings()).cancel(mine.run);
    const states = Object.fromEntries(dataflow.jobs().map(({ name, state }) => [name, state]));
    expect(states).toEqual({
      'trb-acme-orders-a-t4': 'JOB_STATE_CANCELLED',
      'trb-acme-orders-a-t4-t4': 'JOB_STATE_QUEUED',
    });
  });

  describe('the template', () => {
    const { parameters } = SPECIFICATION.metadata;
    const declaring = (...more: object[]) => ({ ...SPECIFICATION, metadata: { parameters: [...parameters, ...more] } });

    test.each([
      ['is missing', null, 'there is no such object'],
      ['is no JSON', '{', 'no JSON'],
      ['is something else', '{"hello":1}', 'no specification'],
      ['has a broken pattern', declaring({ name: 'x', isOptional: true, regexes: ['('] }), 'no specification'],
      ['takes no work', { ...SPECIFICATION, metadata: { parameters: [] } }, 'no parameter "work"'],
      ['asks for more', declaring({ name: 'shape' }), '"shape"'],
      ['refuses a value', declaring({ name: 'workers', regexes: ['[3-9]'] }), 'wants [3-9], not 2'],
    ])('%s: said before anything is asked of Dataflow', async (name, specification, said) => {
      const template = `gs://acme-staging/templates/${name.replaceAll(' ', '-')}.json`;
      if (specification !== null) await layTemplate(storage.host, specification, template);
      const problem = await refusedWith(execute(jobOf('wait'), { template }).done, 'DATAFLOW_TEMPLATE');
      expect(problem).toMatchObject({ retryable: false, detail: expect.stringContaining(said) });
      expect(dataflow.calls.map(({ method }) => method)).not.toContain('launch');
    });

    test('gets what it declares', async () => {
      const template = 'gs://acme-staging/templates/workers.json';
      await layTemplate(storage.host, declaring({ name: 'workers' }, { name: 'other', isOptional: true }), template);
      const job = jobOf('wait');
      const { seen } = execute(job, { template });
      await until(() => seen.length > 0, 'the job to be seen');
      const given = { run: job.run.runId, source: 'orders', work: job.work, workers: '2' };
      expect(dataflow.jobs()[0]?.launch.parameters).toEqual(given);
    });
  });
});
