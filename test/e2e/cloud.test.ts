import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { RunRecord, RunStore } from '../../runner/core/contracts/run-store.ts';
import { openFirestoreStore } from '../../runner/stores/firestore/index.ts';
import { PLATFORM, webhookAudience } from '../../tenants/naming.ts';
import { rest } from '../cloud/emulators/rest.ts';
import { idToken } from '../cloud/realised/accounts.ts';
import { REMOVED } from '../cloud/realised/front.ts';
import type { Call } from '../cloud/realised/scheduler.ts';
import type { CloudStack } from '../cloud/stack.ts';
import { describeWith } from '../setup/describe-with.ts';
import { type CloudScene, DATA_PROJECT, openCloudScene, PLATFORM_PROJECT } from './cloud-scene.ts';

const MINUTES = 60_000;
const ROWS = 2000;

describeWith(
  ['engine', 'emulators', 'firestore', 'postgres'],
  'a tenant from file to rows, on the realised cloud',
  () => {
    let scene: CloudScene;
    let store: RunStore;
    let platform: CloudStack;
    let acme: CloudStack;
    let bigquery: ReturnType<typeof rest>;
    let first: Call;

    beforeAll(async () => {
      scene = await openCloudScene();
      bigquery = rest(scene.here.bigquery.host, DATA_PROJECT);
      platform = await scene.platform();
      await platform.up();
      store = openFirestoreStore({
        ...{ project: PLATFORM_PROJECT, database: PLATFORM.runStoreDatabase, emulator: scene.here.firestore.host },
      });
      await scene.createTable('acme', ROWS);
      await scene.writeTenant('acme');
      acme = await scene.tenant('acme');
      await acme.up();
      scene.putSecret('acme');
    }, 5 * MINUTES);
    afterAll(async () => {
      await store?.[Symbol.asyncDispose]();
      await scene?.[Symbol.asyncDispose]();
    }, MINUTES);

    const job = (tenant: string) => `tributary-${tenant}_orders`;
    const runIdOf = ({ body }: Call) => (JSON.parse(body) as { runId: string }).runId;

    /** The record of a run that is over. */
    async function ended(runId: string): Promise<RunRecord> {
      for (const end = Date.now() + 3 * MINUTES; Date.now() < end; await sleep(200)) {
        const run = await store.get(runId);
        if (run !== null && run.endedAt !== null) return run;
      }
      const log = await scene.here.services.log(PLATFORM.webhookService);
      throw new Error(`${runId} did not end:\n${JSON.stringify(await store.get(runId))}\n${log.slice(-4000)}`);
    }

    /** One tick of the clock, and the run that it began. */
    async function tickOf(tenant: string): Promise<RunRecord> {
      const [call] = await scene.here.scheduler.tick(job(tenant));
      expect(call, call?.body).toMatchObject({ status: 202 });
      return ended(runIdOf(call as Call));
    }

    async function countsOf(tenant: string) {
      const dataset = `${tenant.replaceAll('-', '_')}_raw`;
      const sql = `SELECT count(*), count(DISTINCT id), max(note) FROM ${dataset}.orders`;
      return bigquery.query(sql);
    }

    test('one tick of the clock: rows in BigQuery, a record in Firestore', { timeout: 5 * MINUTES }, async () => {
      const calls = await scene.here.scheduler.tick(job('acme'));
      expect(
        calls.map(({ status }) => status),
        calls[0]?.body,
      ).toEqual([202]);
      first = calls[0] as Call;
      const run = await ended(runIdOf(first));
      expect(run.problem).toBeNull();
      expect(run).toMatchObject({
        ...{ tenant: 'acme', source: 'orders', status: 'succeeded' },
        order: { kind: 'run', trigger: 'schedule', tick: first.at.toISOString() },
        summary: { rows: { extracted: ROWS, loaded: ROWS } },
      });
      expect(await countsOf('acme')).toEqual([[`${ROWS}`, `${ROWS}`, 'first']]);
      // Whoever waits for rows hears of them on the tenant's topic.
      const landed = () => scene.here.pubsub.messages.filter(({ attributes }) => attributes.type === 'run.landed');
      await vi.waitFor(() => expect(landed()).toHaveLength(1), MINUTES);
      expect(landed()[0]).toMatchObject({ topic: `projects/${DATA_PROJECT}/topics/tributary-acme-landed` });
      expect(scene.here.refused).toEqual([]);
    });

    test('the same tick again is the same run', { timeout: 2 * MINUTES }, async () => {
      const executions = scene.here.jobs.executions().length;
      const again = await scene.here.scheduler.fire(job('acme'), first.at);
      expect(again.map(({ status }) => status)).toEqual([202]);
      expect(again.map(runIdOf)).toEqual([runIdOf(first)]);
      expect(scene.here.jobs.executions()).toHaveLength(executions);
      expect(await store.list({ tenant: 'acme', limit: 10 })).toHaveLength(1);
    });

    test('what changed at the source is there after the next tick', { timeout: 3 * MINUTES }, async () => {
      await scene.client.query(`UPDATE acme_orders SET note = 'second', updated_at = now() WHERE id <= 10`);
      const run = await tickOf('acme');
      expect(run).toMatchObject({ status: 'succeeded', problem: null });
      expect(await countsOf('acme')).toEqual([[`${ROWS}`, `${ROWS}`, 'second']]);
    });

    test('a scheduler without its role: 403, and no run; the next up heals it', { timeout: 3 * MINUTES }, async () => {
      const grant = scene.here.cloud
        .resources('gcp:cloudrunv2/serviceIamMember:ServiceIamMember')
        .find(({ id }) => id.includes('trb-acme-scheduler'));
      if (grant === undefined) throw new Error('the scheduler has no role');
      scene.here.cloud.remove(grant);
      const runs = (await store.list({ limit: 50 })).length;
      const refused = await scene.here.scheduler.tick(job('acme'));
      expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([403]));
      expect(await store.list({ limit: 50 })).toHaveLength(runs);
      await acme.refresh();
      await acme.up();
      expect((await tickOf('acme')).status).toBe('succeeded');
    });

    test('a runner that may not read its secret: the run says so, the rows stay', {
      timeout: 3 * MINUTES,
    }, async () => {
      const [grant] = scene.here.cloud.resources('gcp:secretmanager/secretIamMember:SecretIamMember');
      if (grant === undefined) throw new Error('the runner has no role');
      scene.here.cloud.remove(grant);
      const run = await tickOf('acme');
      expect(run.status).toBe('failed');
      expect(run.problem?.fix).toBeTruthy();
      expect(JSON.stringify(run)).not.toContain(scene.postgres.password);
      expect(scene.here.refused.at(-1)).toMatchObject({ permission: 'secretmanager.versions.access' });
      expect(await countsOf('acme')).toEqual([[`${ROWS}`, `${ROWS}`, 'second']]);
      await acme.refresh();
      await acme.up();
      expect((await tickOf('acme')).status).toBe('succeeded');
    });

    test('a webhook that may not start the job: the tick says so, nothing runs', { timeout: 3 * MINUTES }, async () => {
      const grant = scene.here.cloud
        .resources('gcp:cloudrunv2/jobIamMember:JobIamMember')
        .find(({ id }) => id.includes('jobsExecutorWithOverrides'));
      if (grant === undefined) throw new Error('the webhook has no role');
      scene.here.cloud.remove(grant);
      const executions = scene.here.jobs.executions().length;
      const [call] = await scene.here.scheduler.tick(job('acme'));
      expect(call).toMatchObject({ status: 409, body: expect.stringContaining('LAUNCH_REFUSED') });
      expect(scene.here.jobs.executions()).toHaveLength(executions);
      expect(scene.here.refused.at(-1)).toMatchObject({ permission: 'run.jobs.run' });
      await acme.refresh();
      await acme.up();
      expect((await tickOf('acme')).status).toBe('succeeded');
    });

    test('a webhook killed and started again knows the ticks that came', { timeout: 3 * MINUTES }, async () => {
      scene.here.services.kill(PLATFORM.webhookService);
      const refused = await scene.here.scheduler.tick(job('acme'));
      expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([0]));
      await scene.here.services.restart(PLATFORM.webhookService);
      const late = await scene.here.scheduler.fire(job('acme'), refused[0]?.at ?? new Date());
      expect(late.map(({ status }) => status)).toEqual([202]);
      expect((await ended(runIdOf(late[0] as Call))).status).toBe('succeeded');
      expect((await scene.here.scheduler.fire(job('acme'), first.at)).map(runIdOf)).toEqual([runIdOf(first)]);
    });

    test('two tenants strictly apart', { timeout: 5 * MINUTES }, async () => {
      const { here } = scene;
      // As much like the first as a tenant can be: the same project, and a name that begins with its name.
      await scene.createTable('acme-eu', 30);
      await scene.writeTenant('acme-eu');
      const other = await scene.tenant('acme-eu');
      await other.up();
      scene.putSecret('acme-eu');
      const [mine, theirs] = [await tickOf('acme'), await tickOf('acme-eu')];
      expect([mine, theirs].map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
      expect(await countsOf('acme-eu')).toEqual([['30', '30', 'first']]);

      const account = `trb-acme-eu-runner@${DATA_PROJECT}.iam.gserviceaccount.com`;
      const token = await idToken(here.issuer, here.store, account, webhookAudience(PLATFORM_PROJECT));
      const { url } = here.services.front(PLATFORM.webhookService);
      const ask = async (path: string) =>
        (await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })).status;
      expect(await ask(`/v1/runs/${theirs.runId}/config`)).toBe(200);
      for (const path of [`/v1/runs/${mine.runId}/config`, '/v1/tenants/acme/sources/orders/config']) {
        expect([403, 404], path).toContain(await ask(path));
      }
      const scheduler = `trb-acme-eu-scheduler@${PLATFORM_PROJECT}.iam.gserviceaccount.com`;
      const foreign = await idToken(here.issuer, here.store, scheduler, webhookAudience(PLATFORM_PROJECT));
      const trigger = await fetch(`${url}/v1/tenants/acme/sources/orders/trigger`, {
        method: 'POST',
        headers: { authorization: `Bearer ${foreign}` },
      });
      expect([403, 404]).toContain(trigger.status);
      // Its own token for Cloud Run, and for the webhook one that it made up: nobody but the webhook looks at that one.
      const victim = `trb-acme-runner@${DATA_PROJECT}.iam.gserviceaccount.com`;
      const real = await idToken(here.issuer, here.store, victim, webhookAudience(PLATFORM_PROJECT));
      const forged = [...real.split('.').slice(0, 2), REMOVED].join('.');
      const attack = await fetch(`${url}/v1/runs/${mine.runId}/config`, {
        headers: { 'x-serverless-authorization': `Bearer ${token}`, authorization: `Bearer ${forged}` },
      });
      expect(attack.status).toBe(401);
      const doors = await here.environmentOf(account);
      const door = rest(doors.BIGQUERY_EMULATOR_HOST ?? '', DATA_PROJECT);
      const query = (sql: string) => door.insert('look', { query: { query: sql, useLegacySql: false } });
      expect((await query('SELECT * FROM acme_raw.orders')).status).toBe(403);
      expect((await query('SELECT * FROM acme_eu_raw.orders')).status).toBe(200);
      const staged = `${doors.STORAGE_EMULATOR_HOST}/storage/v1/b/${DATA_PROJECT}-trb-acme-staging/o`;
      expect((await fetch(staged)).status).toBe(403);
      expect(doors).not.toHaveProperty('FIRESTORE_EMULATOR_HOST');
      await other.destroy();
      expect(
        here.cloud
          .resources()
          .filter(({ id }) => id.includes('acme-eu'))
          .map(({ id }) => id),
      ).toEqual([]);
    });

    test('destroyed, nothing is left but the APIs that were enabled', { timeout: 3 * MINUTES }, async () => {
      const { here } = scene;
      await acme.destroy();
      await platform.destroy();
      const left = here.cloud.resources().filter(({ type }) => type !== 'gcp:projects/service:Service');
      expect(left.map(({ type, id }) => `${type} ${id}`)).toEqual([]);
      expect((await bigquery.call('GET', 'datasets')).body.datasets ?? []).toEqual([]);
      expect([here.secrets.secrets(), here.pubsub.topics(), here.scheduler.upcoming()]).toEqual([[], [], []]);
      expect(() => here.services.front(PLATFORM.webhookService)).toThrow();
      expect(await store.list({ limit: 10 })).toEqual([]);
    });
  },
);
