import { expect, test } from 'vitest';
import { startDataflow } from './dataflow.ts';
import { layTemplate, TEMPLATE } from './dataflow-template.ts';
import { startStorage } from './storage.ts';

const PLACE = 'v1b3/projects/acme-data/locations/europe-west1';
const ENVIRONMENT = { tempLocation: 'gs://acme-staging/dataflow/temp', maxWorkers: 2 };
const PARAMETERS = { run: 'r', source: 'orders', work: 'gs://acme-staging/w/splits/work.json' };
const LAUNCH = {
  jobName: 'a-job',
  containerSpecGcsPath: TEMPLATE,
  parameters: PARAMETERS,
  environment: ENVIRONMENT,
};

test('a request that Dataflow would refuse is refused, and says why', async () => {
  await using storage = await startStorage();
  await layTemplate(storage.host);
  await using dataflow = await startDataflow({ storage: storage.host });
  const ask = async (method: string, path: string, body?: unknown) => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`http://${dataflow.host}/${PLACE}/${path}`, init);
    const { error } = (await response.json()) as { error?: { message: string } };
    return `${response.status} ${error?.message ?? ''}`;
  };
  const launch = (over: object) => ask('POST', 'flexTemplates:launch', { launchParameter: { ...LAUNCH, ...over } });
  const within = (over: object) => launch({ environment: { ...ENVIRONMENT, ...over } });
  const parameters = (over: object) => launch({ parameters: { ...PARAMETERS, ...over } });

  expect(await launch({ jobname: 'x' })).toMatch(/^400 .*Unknown name "jobname"/);
  expect(await launch({ jobName: 'Orders_1' })).toMatch(/^400 .*job name/);
  expect(await launch({ jobName: 'a'.repeat(64) })).toMatch(/^400 .*job name/);
  expect(await launch({ containerSpecGcsPath: 'gs://acme-staging/none.json' })).toMatch(/^404 /);
  expect(await within({ maxNumWorkers: 3 })).toMatch(/^400 .*"maxNumWorkers"/);
  expect(await within({ maxWorkers: '2' })).toMatch(/^400 .*maxWorkers/);
  expect(await within({ numWorkers: 3 })).toMatch(/^400 /);
  expect(await within({ ipConfiguration: 'PRIVATE' })).toMatch(/^400 /);
  expect(await within({ additionalUserLabels: { run: 'With Capitals' } })).toMatch(/^400 .*label/);
  expect(await parameters({ other: 'x' })).toMatch(/^400 .*other: Unrecognized parameter/);
  expect(await parameters({ run: undefined })).toMatch(/^400 .*run: Missing required parameter/);
  expect(await parameters({ work: 'somewhere' })).toMatch(/^400 .*work: Unmatched parameter/);
  expect(dataflow.jobs()).toEqual([]);

  expect(await launch({})).toBe('200 ');
  expect(await launch({})).toMatch(/^409 .*There is already an active job named a-job/);
  const [job] = dataflow.jobs();
  expect(await ask('PUT', `jobs/${job?.id}`, { requestedState: 'JOB_STATE_DONE' })).toMatch(/^400 /);
  expect(await ask('GET', 'jobs?nmae=a-job')).toMatch(/^400 /);
  expect(await ask('GET', 'jobs/2026-11-24_none')).toMatch(/^404 /);
  expect(await ask('DELETE', `jobs/${job?.id}`)).toMatch(/^404 /);
  expect(await ask('PUT', `jobs/${job?.id}`, { requestedState: 'JOB_STATE_CANCELLED' })).toBe('200 ');
  expect(await ask('PUT', `jobs/${job?.id}`, { requestedState: 'JOB_STATE_CANCELLED' })).toMatch(/^400 /);
  expect(await launch({})).toBe('200 ');
});
