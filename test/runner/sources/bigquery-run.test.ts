/** The example of a tenant that loads a public table, whole runs of the command line, across two projects. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDuckdb } from '../../../runner/warehouses/duckdb/warehouse.ts';
import { stagingBucket } from '../../../tenants/naming.ts';
import { startCommand } from '../../faults/command.ts';
import {
  createPostsQuestions,
  insertPostsQuestions,
  POSTS_QUESTIONS,
} from '../../fixtures/stackoverflow/posts-questions.ts';
import { type BigqueryServer, startBigquery } from '../../servers/bigquery.ts';
import { type StorageServer, startStorage } from '../../servers/storage.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { type Console, openConsole } from './bigquery-console.ts';

const PROJECT = 'acme-data';
const PUBLIC = 'bigquery-public-data';
const TABLE = `\`${PUBLIC}.stackoverflow.posts_questions\``;

describeWith(['emulators'], 'BigQuery into a warehouse', () => {
  let storage: StorageServer;
  let bigquery: BigqueryServer;
  let console_: Console;
  let folder: string;

  beforeAll(async () => {
    storage = await startStorage();
    bigquery = await startBigquery({ storage: storage.host });
    console_ = openConsole(bigquery.host, PROJECT);
    const body = JSON.stringify({ name: stagingBucket(PROJECT, 'acme') });
    await fetch(`${storage.host}/storage/v1/b?project=${PROJECT}`, { method: 'POST', body });
    await console_.dataset(PUBLIC, 'stackoverflow');
    await console_.run(createPostsQuestions(TABLE));
    await console_.run(insertPostsQuestions(TABLE, 1, 500));
    folder = await mkdtemp(join(tmpdir(), 'tributary-bq-source-'));
    await mkdir(join(folder, 'tenants'));
  });

  afterAll(async () => {
    await bigquery?.[Symbol.asyncDispose]();
    await storage?.[Symbol.asyncDispose]();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  async function tenant(questions: object, connection: object = {}, location = 'US'): Promise<void> {
    const document = {
      ...{ tenant: 'acme', project: PROJECT, location, region: location === 'US' ? 'us-central1' : 'europe-west1' },
      connections: { so: { kind: 'bigquery', project: PUBLIC, location: 'US', ...connection } },
      sources: { questions: { connection: 'so', table: 'stackoverflow.posts_questions', ...questions } },
    };
    await writeFile(join(folder, 'tenants', 'acme.yaml'), JSON.stringify(document));
  }

  async function type(warehouse: string, ...words: string[]) {
    const ended = await startCommand({
      folder,
      words: [...words, '--tenants', 'tenants', '--warehouse', warehouse, '--json'],
      environment: {
        BIGQUERY_EMULATOR_HOST: bigquery.host,
        BIGQUERY_STORAGE_EMULATOR_HOST: bigquery.grpc,
        STORAGE_EMULATOR_HOST: storage.host,
        TRIBUTARY_SECRET_MASK_KEY: 'the-key-of-masks',
        TRIBUTARY_RETRY_SECONDS: '5',
      },
      seconds: 100,
    }).ended;
    return { ...ended, said: ended.stdout + ended.stderr };
  }

  const transactional = { load: { strategy: 'transactional', mode: 'append', cursor: 'creation_date', lag: '0s' } };

  test('into BigQuery: a query job, no byte through the runner', { timeout: 180_000 }, async () => {
    await tenant({ ...transactional, columns: { mask: { owner_display_name: 'hmac-sha256' } } });
    const first = await type(`bigquery:${PROJECT}`, 'run', 'acme', 'questions');
    expect(first.code, first.said).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({ status: 'succeeded', rows: { extracted: 500, inserted: 500 } });
    const target = `\`${PROJECT}.acme_raw.questions\``;
    const [row] = await console_.rows(`SELECT COUNT(*) AS n, MIN(id) AS least, COUNT(title) AS titles,
      MAX(creation_date) AS newest, MIN(owner_display_name) AS masked, MAX(owner_display_name) AS same FROM ${target}`);
    const { createHmac } = await import('node:crypto');
    const masked = createHmac('sha256', 'the-key-of-masks').update('zażółć').digest('hex');
    expect(row).toEqual({
      n: '500',
      least: '1',
      titles: '450',
      newest: '2008-08-01 08:20:00+00',
      masked,
      same: masked,
    });
    const columns = await console_.columns(PROJECT, 'acme_raw', 'questions');
    expect(columns.slice(0, 20)).toEqual(
      POSTS_QUESTIONS.map(([name, kind]) => [name, kind === 'INT64' ? 'INTEGER' : kind]),
    );
    await console_.run(`INSERT INTO ${TABLE} (id, title, creation_date) VALUES (501, 'new', CURRENT_TIMESTAMP())`);
    const second = await type(`bigquery:${PROJECT}`, 'run', 'acme', 'questions');
    expect(second.code, second.said).toBe(0);
    expect(JSON.parse(second.stdout)).toMatchObject({ status: 'succeeded', rows: { extracted: 1, inserted: 1 } });
    // Nothing was staged in the bucket: no part, no manifest.
    const listed = await fetch(`${storage.host}/storage/v1/b/${stagingBucket(PROJECT, 'acme')}/o`);
    expect(((await listed.json()) as { items?: unknown[] }).items ?? []).toEqual([]);
  });

  test('into DuckDB: the Storage Read API, in reader threads', { timeout: 180_000 }, async () => {
    await tenant({ load: { strategy: 'catalog' }, execution: { readers: 2 } });
    const file = join(folder, 'w.duckdb');
    const run = await type(`duckdb:${file}`, 'run', 'acme', 'questions');
    expect(run.code, run.said).toBe(0);
    const { n } = (await console_.rows(`SELECT COUNT(*) AS n FROM ${TABLE}`))[0] as { n: string };
    expect(JSON.parse(run.stdout)).toMatchObject({
      status: 'succeeded',
      rows: { extracted: Number(n), inserted: Number(n) },
    });
    await using warehouse = await openDuckdb({ file });
    const texts =
      await warehouse.query(`SELECT id::VARCHAR AS id, title, length(body)::VARCHAR AS body, accepted_answer_id::VARCHAR AS answer,
      creation_date::VARCHAR AS created, last_activity_date::VARCHAR AS active, owner_display_name AS owner FROM warehouse.acme_raw.questions ORDER BY questions.id`);
    const same = await console_.rows(`SELECT CAST(id AS STRING) AS id, title, CAST(LENGTH(body) AS STRING) AS body,
      CAST(accepted_answer_id AS STRING) AS answer, CAST(creation_date AS STRING) AS created,
      CAST(last_activity_date AS STRING) AS active, owner_display_name AS owner FROM ${TABLE} AS q ORDER BY q.id`);
    expect(texts).toEqual(same);
  });

  test('from another location: read in streams and staged as any other source', { timeout: 180_000 }, async () => {
    await tenant({ load: { strategy: 'catalog' }, destination: { dataset: 'acme_eu', table: 'questions' } }, {}, 'EU');
    const run = await type(`bigquery:${PROJECT}`, 'run', 'acme', 'questions');
    expect(run.code, run.said).toBe(0);
    const [before] = await console_.rows(`SELECT COUNT(*) AS n, SUM(score) AS score FROM ${TABLE}`);
    const [after] = await console_.rows(
      `SELECT COUNT(*) AS n, SUM(score) AS score FROM \`${PROJECT}.acme_eu.questions\``,
    );
    expect(after).toEqual(before);
  });

  test('a plan says what reading is billed at most, and to whom', { timeout: 60_000 }, async () => {
    await tenant({ load: { strategy: 'catalog' } });
    const plan = await type(`bigquery:${PROJECT}`, 'plan', 'acme', 'questions');
    expect(plan.code, plan.said).toBe(0);
    const { estimate } = JSON.parse(plan.stdout) as {
      estimate: { rows: number; price: { usd: number; what: string } };
    };
    expect(estimate.rows).toBeGreaterThan(500);
    expect(estimate.price.usd).toBeGreaterThan(0);
    expect(estimate.price.what).toContain(`billed to ${PROJECT}`);
  });
});
