/** `npm run demo -- --cloud`: platform and tenant on the real engine, made real on this machine; one tick of the clock, rows. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import { openFirestoreStore } from '../../runner/stores/firestore/index.ts';
import { PLATFORM, schedulerJob } from '../../tenants/naming.ts';
import { rest } from '../cloud/emulators/rest.ts';
import type { Call } from '../cloud/realised/scheduler.ts';
import { requirements } from '../setup/requirements.ts';
import { root } from '../setup/ways.ts';
import { DATA_PROJECT, openCloudScene, PLATFORM_PROJECT } from './cloud-scene.ts';
import type { Stage } from './demo-stacks.ts';

const TENANT = 'demo';
const ROWS = 100_000;
const JOB = schedulerJob(TENANT, 'orders');
const PATIENCE_MS = 180_000;

export interface CloudStage extends Pick<Stage, 'show' | 'say'> {
  readonly heading: (text: string) => void;
  /** Ended with the demo, however it ends. */
  readonly cleanup: AsyncDisposableStack;
}

export async function demoCloud({ show, say, heading, cleanup }: CloudStage): Promise<void> {
  const needed = [requirements.engine, requirements.emulators, requirements.firestore, requirements.postgres];
  const missing = needed.filter(({ find }) => find() === null);
  if (missing.length > 0) {
    throw new Error(`it needs ${missing.map(({ title }) => title).join(' and ')}: npm run setup -- --yes`);
  }
  const begin = performance.now();
  heading('A cloud on this machine, and a PostgreSQL with orders');
  const scene = cleanup.use(await openCloudScene());
  const { here, folder } = scene;
  await scene.createTable(TENANT, ROWS);
  say(
    `  ${ROWS.toLocaleString('en')} orders; BigQuery, Cloud Storage, Firestore, Secret Manager, Cloud Run and Scheduler are`,
  );
  say('  processes of this machine (test/cloud/README.md says what is real and what is not).');

  heading('Platform and tenant, by the real Pulumi engine');
  const stacks = join(folder, 'stacks');
  await mkdir(join(stacks, 'tenants'), { recursive: true });
  const platform = await readFile(join(root, 'Pulumi.platform.dev.yaml'), 'utf8');
  await writeFile(join(stacks, 'Pulumi.platform.dev.yaml'), `${platform.trimEnd()}\n  tributary:protect: false\n`);
  const tributary = async (command: string) => {
    say(`\n$ tributary ${command}`);
    const args = [join(root, 'runner', 'cli.js'), ...command.split(' '), '--tenants', join(stacks, 'tenants')];
    await show(process.execPath, args, { cwd: stacks, env: { ...here.cloud.environment } });
  };
  await tributary('up platform --yes');
  await scene.writeTenant(TENANT);
  await copyFile(join(folder, `${TENANT}.yaml`), join(stacks, 'tenants', `${TENANT}.yaml`));
  await tributary(`up ${TENANT} --yes`);
  scene.putSecret(TENANT);
  say('\n  The password was put into Secret Manager; only the runner of this tenant may read it.');

  const store = cleanup.use(
    openFirestoreStore({
      ...{ project: PLATFORM_PROJECT, database: PLATFORM.runStoreDatabase, emulator: here.firestore.host },
    }),
  );
  const ended = async (runId: string): Promise<RunRecord> => {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(200)) {
      const run = await store.get(runId);
      if (run?.endedAt != null) return run;
    }
    throw new Error(`${runId} did not end in ${PATIENCE_MS / 1000} s`);
  };
  const told = async (calls: readonly Call[]) => {
    for (const { at, status, body } of calls) {
      const runId = status === 202 ? (JSON.parse(body) as { runId: string }).runId : '';
      say(`  ${at.toISOString()}  Cloud Scheduler calls the webhook: ${status}  ${runId}`);
      if (runId === '') continue;
      const { status: end, summary, problem } = await ended(runId);
      const { extracted, inserted, updated } = (summary.rows ?? {}) as Record<string, number>;
      say(
        `  ${' '.repeat(24)}  ${end}${problem === null ? '' : `: ${problem.title}`}, rows read ${extracted ?? 0}, new ${inserted ?? 0}, changed ${updated ?? 0}`,
      );
    }
  };
  const bigquery = rest(here.bigquery.host, DATA_PROJECT);
  const rows = async () => {
    const answer = await bigquery.query(
      `SELECT count(*), count(DISTINCT id), countif(note = 'second') FROM ${TENANT}_raw.orders`,
    );
    if (typeof answer === 'string') throw new Error(answer);
    const [[all, distinct, changed] = []] = answer;
    say(`  BigQuery: ${TENANT}_raw.orders has ${all} rows, ${distinct} different ids, ${changed} of them changed`);
  };

  heading('One tick of the clock');
  const first = await here.scheduler.tick(JOB);
  await told(first);
  await rows();

  heading('The same tick again: the same run');
  await told(await here.scheduler.fire(JOB, first[0]?.at ?? here.scheduler.now));

  heading('Ten orders change; the next tick brings them');
  await scene.client.query(`UPDATE ${TENANT}_orders SET note = 'second', updated_at = now() WHERE id <= 10`);
  await told(await here.scheduler.tick(JOB));
  await rows();

  heading('Somebody takes the role of the scheduler away; up brings it back');
  const grant = here.cloud
    .resources('gcp:cloudrunv2/serviceIamMember:ServiceIamMember')
    .find(({ id }) => id.includes(`trb-${TENANT}-scheduler`));
  if (grant !== undefined) here.cloud.remove(grant);
  await told((await here.scheduler.tick(JOB)).slice(0, 1));
  // Read again what is there: the role is missed.
  await (await scene.tenant(TENANT)).refresh();
  await tributary(`up ${TENANT} --yes`);
  await told(await here.scheduler.tick(JOB));

  heading('Out of service: nothing runs any more');
  await tributary(`destroy ${TENANT} --yes`);
  say(`\nDone in ${((performance.now() - begin) / 1000).toFixed(1)} s.`);
}
