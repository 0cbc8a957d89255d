import { afterAll, beforeAll } from 'vitest';
import { SPLITS, splitExecutorSuite, WORKER } from '../../contracts/split-executor.ts';
import { startContainer } from '../../servers/cloud-run-container.ts';
import { startDataflow } from '../../servers/dataflow.ts';
import type { LaunchParameter } from '../../servers/dataflow-launch.ts';
import { layTemplate, TEMPLATE } from '../../servers/dataflow-template.ts';
import { type StorageServer, startStorage } from '../../servers/storage.ts';

const ENDED = /_(?:DONE|FAILED|CANCELLED)$/;

let storage: StorageServer;

beforeAll(async () => {
  storage = await startStorage();
  await layTemplate(storage.host);
});

afterAll(() => storage.stop());

splitExecutorSuite('Dataflow', async (seen) => {
  let stubborn = false;
  /** One worker that carries out all splits. */
  async function execute({ parameters }: LaunchParameter, signal: AbortSignal): Promise<void> {
    const { run = '', work = '' } = parameters;
    const environment = {
      ...{ SEEN: seen, SPLITS: `${SPLITS}`, TRIBUTARY_RUN_ID: run, TRIBUTARY_SPLITS: work },
      ...(stubborn ? { STUBBORN: '1' } : {}),
    };
    const container = startContainer(WORKER, environment, () => {});
    signal.addEventListener('abort', () => container.kill('SIGTERM'));
    const code = await container.ended;
    if (code !== 0) throw new Error(`Workflow failed. A work item failed 4 times: it ended with exit code ${code}`);
  }
  const dataflow = await startDataflow({ execute, storage: storage.host });
  return {
    kind: 'dataflow',
    environment: {
      ...{ DATAFLOW_EMULATOR_HOST: dataflow.host, STORAGE_EMULATOR_HOST: storage.host },
      ...{ TRIBUTARY_PROJECT: 'acme-data', TRIBUTARY_REGION: 'europe-west1' },
      ...{ TRIBUTARY_STAGING_BUCKET: 'acme-staging', TRIBUTARY_DATAFLOW_TEMPLATE: TEMPLATE },
      TRIBUTARY_DATAFLOW_ACCOUNT: 'trb-acme-dataflow@acme-data.iam.gserviceaccount.com',
    },
    jobs: () => dataflow.jobs().map(({ id, state }) => ({ job: id, active: !ENDED.test(state) })),
    cancel: (job) => dataflow.play(job, { state: 'JOB_STATE_CANCELLED' }),
    vanish: (job) => dataflow.vanish(job),
    loseAnswer: () => {
      dataflow.loseAnswers = 1;
    },
    goAway: (questions) => {
      for (let n = 0; n < questions; n++) dataflow.failures.push({ method: 'get', code: 503, message: 'away' });
    },
    beStubborn: () => {
      stubborn = true;
    },
    [Symbol.asyncDispose]: () => dataflow[Symbol.asyncDispose](),
  };
});
