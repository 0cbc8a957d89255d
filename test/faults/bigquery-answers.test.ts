/** What BigQuery and Cloud Storage may answer for good: each ends a run with its code, and the destination is as it was. */
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Code } from '../../runner/core/catalogue.ts';
import { type Emulators, startEmulators } from '../chaos/emulators.ts';
import type { Fault } from '../cloud/emulators/fault.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { describeWith } from '../setup/describe-with.ts';
import { CloudPlace } from './cloud-place.ts';
import { append, createOrders, expectRefusal, openScene } from './scene.ts';

const PERMISSION = 'Access Denied: Project one-project: User does not have bigquery.jobs.create permission';
const TABLES = 'Access Denied: Dataset one-project:acme_staging: Permission bigquery.tables.list denied on dataset';
const OBJECTS = 'trb-acme-runner does not have storage.objects.create access to the Google Cloud Storage object.';
const DAY = 'Quota exceeded: Your table exceeded quota for imports or query appends per table per day.';
const CONFLICT = 'Transaction is aborted due to concurrent update against table one-project:acme_raw.orders.';
const PARQUET = "Error while reading data, error message: incompatible types for column 'note'";
const LIMIT = 'Query exceeded limit for bytes billed: 1000. 10485760 or higher required.';
const EVERY_JOB = /^(?:load_rows|create|evidence): insert$/;

interface Case {
  readonly name: string;
  readonly step: string | RegExp;
  readonly fault: Fault;
  readonly code: Code;
  readonly exit: number;
  /** Part of what a person is told to do. */
  readonly fix: string;
}

const CASES: readonly Case[] = [
  {
    name: 'no right to run jobs',
    step: 'load_rows: insert',
    fault: { how: 'answer', error: 'forbidden', message: PERMISSION },
    ...{ code: 'WAREHOUSE_DENIED', exit: 2, fix: 'roles/bigquery.jobUser' },
  },
  {
    name: 'no right to see tables',
    step: 'staging: list tables',
    fault: { how: 'answer', error: 'forbidden', message: TABLES },
    ...{ code: 'WAREHOUSE_DENIED', exit: 2, fix: 'roles/bigquery.dataEditor' },
  },
  {
    name: 'credentials that are refused',
    step: /^(?!objects)/,
    fault: { how: 'answer', error: 'authError' },
    ...{ code: 'WAREHOUSE_CREDENTIALS', exit: 2, fix: 'gcloud auth application-default login' },
  },
  {
    name: 'a quota of the day',
    step: EVERY_JOB,
    fault: { how: 'answer', error: 'quotaExceeded', message: DAY },
    ...{ code: 'WAREHOUSE_QUOTA', exit: 2, fix: 'quotas' },
  },
  {
    name: 'a rate that stays too high',
    step: EVERY_JOB,
    fault: { how: 'answer', error: 'rateLimitExceeded' },
    ...{ code: 'WAREHOUSE_QUOTA', exit: 2, fix: 'Run it later' },
  },
  {
    name: '429 without end',
    step: 'check: insert',
    fault: { how: 'answer', error: 'tooManyRequests' },
    ...{ code: 'WAREHOUSE_QUOTA', exit: 2, fix: 'Run it later' },
  },
  {
    name: '503 without end',
    step: 'check: insert',
    fault: { how: 'answer', error: 'backendError' },
    ...{ code: 'WAREHOUSE_UNREACHABLE', exit: 2, fix: 'status.cloud.google.com' },
  },
  {
    name: '500 without end',
    step: 'commit: insert',
    fault: { how: 'answer', error: 'internalError' },
    ...{ code: 'WAREHOUSE_UNREACHABLE', exit: 2, fix: 'not loaded twice' },
  },
  {
    name: 'connections that break without end',
    step: /^(?!objects)/,
    fault: { how: 'reset', during: 'request' },
    ...{ code: 'WAREHOUSE_UNREACHABLE', exit: 2, fix: 'status.cloud.google.com' },
  },
  {
    name: 'jobs that vanish without end',
    step: 'load_rows: insert',
    fault: { how: 'vanish', work: false },
    ...{ code: 'WAREHOUSE_UNREACHABLE', exit: 2, fix: 'Run it again' },
  },
  {
    name: 'a commit that always meets another one',
    step: 'commit: insert',
    fault: { how: 'fail job', reason: 'invalidQuery', message: CONFLICT },
    ...{ code: 'WAREHOUSE_CONFLICT', exit: 2, fix: 'Run again' },
  },
  {
    name: 'a load job that fails',
    step: 'load_rows: insert',
    fault: { how: 'fail job', reason: 'invalid', message: PARQUET },
    ...{ code: 'WAREHOUSE_FAILED', exit: 2, fix: 'Nothing was committed' },
  },
  {
    name: 'a statement over its cap of bytes',
    step: 'commit: insert',
    fault: { how: 'fail job', reason: 'bytesBilledLimitExceeded', message: LIMIT },
    ...{ code: 'BRAKE_COST', exit: 4, fix: 'Nothing was committed' },
  },
  {
    name: 'no right to write objects',
    step: /^objects: begin/,
    fault: { how: 'answer', error: 'forbidden', message: OBJECTS },
    ...{ code: 'STAGING_DENIED', exit: 2, fix: 'tributary up acme' },
  },
  {
    name: 'no bucket',
    step: /^objects: begin/,
    fault: { how: 'answer', error: 'notFound' },
    ...{ code: 'STAGING_MISSING', exit: 2, fix: 'tributary up acme' },
  },
  {
    name: 'bytes that always change on their way',
    step: /^objects: send/,
    fault: { how: 'flip', at: -20 },
    ...{ code: 'STAGING_CORRUPT', exit: 2, fix: 'alters what passes' },
  },
];

describeWith(['emulators'], 'an answer that stays bad', () => {
  let server: PostgresServer;
  let admin: pg.Client;
  let emulators: Emulators & AsyncDisposable;
  let place: CloudPlace;
  let before: unknown;

  beforeAll(async () => {
    ({ server, admin } = await openScene());
    emulators = await startEmulators();
    place = await CloudPlace.make({ server, emulators, project: 'one-project' });
    await admin.query(createOrders('orders', 80));
    await place.tenant('acme', { orders: { table: 'public.orders', ...append } });
    expect(await place.run('acme', 'orders')).toMatchObject({ code: 0 });
    before = await destination();
  }, 120_000);
  afterAll(async () => {
    await place?.[Symbol.asyncDispose]();
    await emulators?.[Symbol.asyncDispose]();
    await admin?.end();
    await server?.stop();
  });

  const ids = 'SELECT id, note FROM acme_raw.orders ORDER BY id, note';
  /** Rows, committed runs and where the next one starts. */
  const destination = () =>
    Promise.all([
      place.ask(ids),
      place.ask('SELECT run_id FROM acme_tributary._runs ORDER BY run_id'),
      place.ask('SELECT source, run_id, cursor_value FROM acme_tributary._state'),
      place.ask('SELECT run_id FROM acme_tributary._quarantine'),
    ]);

  test.each(CASES)('$name: $code', { timeout: 120_000 }, async ({ step, fault, code, exit, fix }) => {
    await admin.query(`INSERT INTO orders (id, note) SELECT max(id) + 1, 'later' FROM orders`);
    const wire = place.wire('acme');
    wire.reset();
    wire.fault(step, { fault, times: 10_000 });
    const ended = await place.run('acme', 'orders', { TRIBUTARY_RETRY_SECONDS: '2' });
    expect(wire.calls.some((call) => call.fault === fault)).toBe(true);
    expectRefusal(ended, exit, code);
    expect(ended.json.problem?.fix).toContain(fix);
    expect(await destination()).toEqual(before);
    await place.expectSealed();
  });

  test('afterwards: the next run brings all of it, once', { timeout: 120_000 }, async () => {
    place.wire('acme').reset();
    expect(await place.run('acme', 'orders')).toMatchObject({ code: 0, json: { rows: { inserted: CASES.length } } });
    expect(await place.ask(ids)).toEqual((await admin.query('SELECT id, note FROM orders ORDER BY id, note')).rows);
    const [tables] = await place.clients.bigquery.dataset('acme_staging').getTables();
    expect(tables).toEqual([]);
    await place.expectSealed();
  });
});
