import { join } from 'node:path';
import { Dataset } from '@pulumi/gcp/bigquery/dataset.js';
import { DatasetIamMember } from '@pulumi/gcp/bigquery/datasetIamMember.js';
import { Service } from '@pulumi/gcp/cloudrunv2/service.js';
import { ServiceIamMember } from '@pulumi/gcp/cloudrunv2/serviceIamMember.js';
import { Job as SchedulerJob } from '@pulumi/gcp/cloudscheduler/job.js';
import { IAMMember } from '@pulumi/gcp/projects/iammember.js';
import { Topic } from '@pulumi/gcp/pubsub/topic.js';
import { TopicIAMMember } from '@pulumi/gcp/pubsub/topicIAMMember.js';
import { Secret } from '@pulumi/gcp/secretmanager/secret.js';
import { Account } from '@pulumi/gcp/serviceaccount/account.js';
import { Bucket } from '@pulumi/gcp/storage/bucket.js';
import { BucketIAMMember } from '@pulumi/gcp/storage/bucketIAMMember.js';
import { BucketObject } from '@pulumi/gcp/storage/bucketObject.js';
import { interpolate } from '@pulumi/pulumi';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { describeWith } from '../setup/describe-with.ts';
import { SteppedClock } from '../webhook/scheduler/stepped-clock.ts';
import { rest } from './emulators/rest.ts';
import { idToken } from './realised/accounts.ts';
import { openRealisedCloud, type RealisedCloud } from './realised/cloud.ts';
import type { Call } from './realised/scheduler.ts';
import { ask } from './realised/web.ts';
import type { CloudStack } from './stack.ts';

const project = 'acme-data';
const region = 'europe-west1';
const AUDIENCE = 'https://echo.acme-data.internal';
const MINUTES = 60_000;
const IMAGE = `europe-west1-docker.pkg.dev/acme-data/tributary/echo@sha256:${'0'.repeat(64)}`;
const account = (name: string) => `${name}@${project}.iam.gserviceaccount.com`;

interface Echoed {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
}

describeWith(['engine', 'emulators', 'firestore'], 'the realised cloud', () => {
  let here: RealisedCloud;
  let stack: CloudStack;
  let greeting = 'first';
  let labels: Record<string, string> = { tenant: 'acme' };
  const calls: Call[] = [];

  const program = async () => {
    const [web, clock, stranger, reader] = ['web-account', 'clock-account', 'strange-account', 'reader-account'].map(
      (accountId) => new Account(accountId, { project, accountId }),
    ) as [Account, Account, Account, Account];
    const echo = new Service(
      'echo',
      {
        ...{ project, location: region, name: 'echo', customAudiences: [AUDIENCE], deletionProtection: false },
        template: {
          serviceAccount: web.email,
          containers: [{ image: IMAGE, envs: [{ name: 'GREETING', value: greeting }] }],
        },
      },
      { dependsOn: [web] },
    );
    new ServiceIamMember('invoker', {
      ...{ project, location: region, name: echo.name, role: 'roles/run.invoker', member: clock.member },
    });
    for (const [name, cron, caller] of [
      ['good', '*/5 * * * *', clock],
      ['bad', '7 3 * * *', stranger],
    ] as const) {
      new SchedulerJob(name, {
        ...{ project, region, name, schedule: cron, timeZone: 'Europe/Warsaw', retryConfig: { retryCount: 1 } },
        httpTarget: {
          ...{ uri: interpolate`${echo.uri}/hello`, httpMethod: 'POST', body: Buffer.from('{}').toString('base64') },
          oidcToken: { serviceAccountEmail: caller.email, audience: AUDIENCE },
        },
      });
    }
    for (const datasetId of ['mine', 'theirs']) {
      new Dataset(datasetId, {
        ...{ project, datasetId, location: 'EU', labels, deleteContentsOnDestroy: true },
        ...(datasetId === 'mine' ? { defaultTableExpirationMs: 86_400_000 } : {}),
      });
    }
    const role = { role: 'roles/bigquery.dataEditor', member: reader.member };
    new DatasetIamMember('mine-edit', { project, datasetId: 'mine', ...role });
    new IAMMember('jobs', { project, role: 'roles/bigquery.jobUser', member: reader.member });
    const bucket = new Bucket('bucket', { project, name: 'acme-data-files', location: 'EU', forceDestroy: true });
    new BucketObject('object', { bucket: bucket.name, name: 'tenants/acme.yaml', content: 'tenant: acme\n' });
    new BucketIAMMember('read', { bucket: bucket.name, role: 'roles/storage.objectViewer', member: reader.member });
    const topic = new Topic('topic', { project, name: 'landed' });
    new TopicIAMMember('say', { project, topic: topic.name, role: 'roles/pubsub.publisher', member: web.member });
    new Secret('secret', { project, secretId: 'password', replication: { auto: {} } });
  };

  beforeAll(async () => {
    here = await openRealisedCloud({ programs: { echo: join(import.meta.dirname, 'realised/echo.ts') } });
    stack = await here.cloud.stack('echo.dev', program);
    await stack.up();
  }, 4 * MINUTES);
  afterAll(() => here?.[Symbol.asyncDispose](), MINUTES);

  const bigquery = async (who: string) => {
    const { BIGQUERY_EMULATOR_HOST = '' } = await here.environmentOf(account(who));
    return rest(BIGQUERY_EMULATOR_HOST, project);
  };

  test('datasets, buckets, objects, secrets and topics are there', async () => {
    const { body } = await rest(here.bigquery.host, project).call('GET', 'datasets/mine');
    expect(body).toMatchObject({ location: 'EU', labels: { tenant: 'acme' }, defaultTableExpirationMs: '86400000' });
    const object = `${here.storage.host}/storage/v1/b/acme-data-files/o/tenants%2Facme.yaml?alt=media`;
    expect(await (await fetch(object)).text()).toBe('tenant: acme\n');
    expect(here.secrets.secrets()).toEqual([`projects/${project}/secrets/password`]);
    expect(here.pubsub.topics()).toEqual([`projects/${project}/topics/landed`]);
  });

  test('a tick calls the service as Cloud Scheduler does, under the account of the job', async () => {
    calls.push(...(await here.scheduler.tick('good')));
    const [call] = calls;
    expect(calls).toHaveLength(1);
    expect(call).toMatchObject({ job: 'good', status: 200 });
    expect((call?.at.getTime() ?? 1) % 300_000).toBe(0);
    const { url, headers, environment } = JSON.parse(call?.body ?? '') as Echoed;
    expect(url).toBe('/hello');
    expect(headers).toMatchObject({
      host: expect.stringMatching(/^echo-\d+\.europe-west1\.run\.app$/),
      'x-cloudscheduler-jobname': 'good',
      'x-cloudscheduler-scheduletime': call?.at.toISOString().replace('.000Z', 'Z'),
    });
    // As in Google's cloud, the container gets a token that it could not use elsewhere.
    const [, payload = '', signature] = headers.authorization?.split('.') ?? [];
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      ...{ aud: AUDIENCE, email: account('clock-account'), email_verified: true },
    });
    expect(signature).toBe('SIGNATURE_REMOVED_BY_GOOGLE');
    // Its own environment and nothing of this process.
    expect(environment).toMatchObject({ GREETING: 'first', K_SERVICE: 'echo' });
    expect(Object.keys(environment)).not.toContain('VITEST');
    expect(environment).not.toHaveProperty('FIRESTORE_EMULATOR_HOST');
  });

  test('left alone, jobs fire as its clock goes', async () => {
    const clock = new SteppedClock('2026-11-24T08:58:00Z');
    const fired: Call[] = [];
    await using scheduler = here.scheduler.start({ clock, onCall: (call) => fired.push(call) });
    await scheduler.ready;
    await clock.advanceTo('2026-11-24T09:00:00Z');
    await vi.waitFor(() => expect(fired).toHaveLength(1), MINUTES);
    expect(fired).toMatchObject([{ job: 'good', at: new Date('2026-11-24T09:00:00Z'), status: 200 }]);
  });

  test('whoever holds no role gets 403, and so does nobody; a foreign audience gets 401', async () => {
    const bad = await here.scheduler.fire('bad', new Date('2026-11-24T02:07:00Z'));
    expect(bad.map(({ status }) => status)).toEqual([403, 403]);
    const { url } = here.services.front('echo');
    const asked = async (headers: Record<string, string>) => (await fetch(`${url}/x`, { headers })).status;
    const token = (audience: string) => idToken(here.issuer, here.store, account('clock-account'), audience);
    expect(await asked({})).toBe(403);
    expect(await asked({ authorization: 'Bearer x.y.z' })).toBe(401);
    expect(await asked({ authorization: `Bearer ${await token('https://other.internal')}` })).toBe(401);
    const good = await token(AUDIENCE);
    expect(await asked({ authorization: `Bearer ${good}` })).toBe(200);
    expect(
      await asked({ authorization: `Bearer ${good.split('.').slice(0, 2).join('.')}.SIGNATURE_REMOVED_BY_GOOGLE` }),
    ).toBe(401);
    expect(here.services.front('echo').requests.filter(({ by }) => by === 'front')).toHaveLength(6);
  });

  test('with a header of its own, Authorization passes as it came', async () => {
    const token = await idToken(here.issuer, here.store, account('clock-account'), AUDIENCE);
    const { url } = here.services.front('echo');
    const headers = { 'x-serverless-authorization': `Bearer ${token}`, authorization: 'Bearer mine' };
    const { headers: seen } = (await (await fetch(url, { headers })).json()) as Echoed;
    expect(seen.authorization).toBe('Bearer mine');
    expect(seen['x-serverless-authorization']).toMatch(/\.SIGNATURE_REMOVED_BY_GOOGLE$/);
  });

  test('a role taken away behind the back of the stack is gone at once', async () => {
    const [grant] = here.cloud.resources('gcp:cloudrunv2/serviceIamMember:ServiceIamMember');
    if (grant === undefined) throw new Error('no grant');
    here.cloud.remove(grant);
    expect((await here.scheduler.tick('good')).map(({ status }) => status)).toEqual([403, 403]);
    await stack.refresh();
    await stack.up();
    expect((await here.scheduler.tick('good')).map(({ status }) => status)).toEqual([200]);
  });

  test('BigQuery: jobs and datasets only as granted, also where a statement names them', async () => {
    const reader = await bigquery('reader-account');
    expect(await reader.query('CREATE TABLE mine.t AS SELECT 1 AS n')).not.toContain('access');
    expect(await reader.query('SELECT n FROM mine.t')).toEqual([['1']]);
    const refused = async (call: Promise<{ status: number }>) => expect((await call).status).toBe(403);
    const select = (sql: string) => reader.insert('q', { query: { query: sql, useLegacySql: false } });
    await refused(select('SELECT * FROM theirs.t'));
    await refused(select('SELECT 1; INSERT INTO `acme-data.theirs.t` SELECT 1'));
    await refused(reader.call('GET', 'datasets/theirs/tables'));
    await refused(reader.call('POST', 'datasets', { datasetReference: { projectId: project, datasetId: 'third' } }));
    await refused((await bigquery('web-account')).insert('q', { query: { query: 'SELECT 1' } }));
    expect(here.refused.at(-1)).toEqual({
      ...{ who: account('web-account'), permission: 'bigquery.jobs.create', resource: project },
    });
  });

  test('Cloud Storage and Pub/Sub: only as granted', async () => {
    const environment = await here.environmentOf(account('reader-account'));
    const object = `${environment.STORAGE_EMULATOR_HOST}/storage/v1/b/acme-data-files/o/tenants%2Facme.yaml`;
    expect((await fetch(object)).status).toBe(200);
    expect((await fetch(object, { method: 'DELETE' })).status).toBe(403);
    const publish = async (who: string) => {
      const { PUBSUB_EMULATOR_HOST } = await here.environmentOf(account(who));
      const body = JSON.stringify({ messages: [{ data: Buffer.from('{}').toString('base64') }] });
      return (
        await fetch(`http://${PUBSUB_EMULATOR_HOST}/v1/projects/${project}/topics/landed:publish`, {
          method: 'POST',
          body,
        })
      ).status;
    };
    expect(await publish('reader-account')).toBe(403);
    expect(await publish('web-account')).toBe(200);
    expect(here.pubsub.messages).toMatchObject([{ data: '{}', who: account('web-account') }]);
  });

  test('a changed service is another process behind the same door', { timeout: 2 * MINUTES }, async () => {
    const { url } = here.services.front('echo');
    greeting = 'second';
    labels = { tenant: 'acme', env: 'dev' };
    expect((await stack.up()).counts.update).toBe(3);
    const [call] = await here.scheduler.tick('good');
    expect((JSON.parse(call?.body ?? '') as Echoed).environment.GREETING).toBe('second');
    expect(here.services.front('echo').url).toBe(url);
    const { body } = await rest(here.bigquery.host, project).call('GET', 'datasets/mine');
    expect(body.labels).toEqual(labels);
  });

  test('what cannot be made real fails the up, and the next up makes it', { timeout: 2 * MINUTES }, async () => {
    const outside = rest(here.bigquery.host, project);
    await outside.call('POST', 'datasets', { datasetReference: { projectId: project, datasetId: 'taken' } });
    const other = await here.cloud.stack('taken.dev', async () => {
      new Dataset('taken', { project, datasetId: 'taken', location: 'EU' });
    });
    await expect(other.up()).rejects.toThrow(/taken could not be made real/);
    expect(here.cloud.resources().filter(({ id }) => id.endsWith('/taken'))).toEqual([]);
    await ask('DELETE', `${here.bigquery.host}/bigquery/v2/projects/${project}/datasets/taken`);
    expect((await other.up()).counts.create).toBe(1);
    await other.destroy();
  });

  test('destroyed, nothing is left', { timeout: 2 * MINUTES }, async () => {
    const { url } = here.services.front('echo');
    await stack.destroy();
    expect(here.cloud.resources()).toEqual([]);
    expect((await rest(here.bigquery.host, project).call('GET', 'datasets')).body.datasets ?? []).toEqual([]);
    const buckets = (await (await fetch(`${here.storage.host}/storage/v1/b?project=${project}`)).json()) as object;
    expect(buckets).not.toHaveProperty('items.0');
    expect([here.secrets.secrets(), here.pubsub.topics()]).toEqual([[], []]);
    await expect(fetch(url)).rejects.toThrow();
    expect(here.scheduler.upcoming()).toEqual([]);
  });
});
