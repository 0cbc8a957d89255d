/** The extractor as a process: what it answers to whom, and how it ends. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { SplitExecutor, SplitJob } from '../../../runner/core/contracts/splits.ts';
import type { RunOutcome } from '../../../runner/pipeline/run.ts';
import { secretVariable } from '../../../tenants/naming.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { ask, type Ended, type Environment, startChild } from './child.ts';
import { type SourceInput, type SplitsScene, startSplitsScene } from './scene.ts';

const ROWS = 1500;
const source: SourceInput = {
  table: 'public.items',
  load: { strategy: 'catalog', history: 'replace' },
  execution: { mode: 'cloud_run', tasks: 2 },
};

describeWith(['emulators', 'postgres'], 'the extractor as a process', () => {
  let scene: SplitsScene;
  let postgres: PostgresServer;

  beforeAll(async () => {
    [scene, postgres] = await Promise.all([startSplitsScene('extractor'), startPostgres()]);
    const client = await postgres.client();
    await client.query(
      `CREATE TABLE items AS SELECT i AS id, 'item ' || i AS note FROM generate_series(1, ${ROWS}) i; ALTER TABLE items ADD PRIMARY KEY (id); ANALYZE items`,
    );
    await client.end();
  }, 60_000);
  afterEach(() => {
    scene.proxy.fate = () => 'pass';
  });
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
  });

  /** Runs the source; its splits are carried out by `work`, while the snapshot is held. */
  async function running(name: string, work: (job: SplitJob, environment: Environment) => Promise<void>) {
    const { host, port, database, user, password } = postgres;
    const connection = { kind: 'postgres', host, port, database, user, tls: 'disable', secret: 'main' } as const;
    const executor: SplitExecutor = {
      kind: 'tasks',
      execute: (job) => work(job, scene.environment(password)),
      cancel: async () => undefined,
      async [Symbol.asyncDispose]() {},
    };
    return await scene.run(name, source, { connection, password }, { executor });
  }

  const codeOf = ({ said }: Ended) => said.at(-1)?.problem?.code;

  async function expectAll({ problem, summary }: RunOutcome, name: string): Promise<void> {
    expect(problem).toBeNull();
    expect(summary.rows).toMatchObject({ extracted: ROWS, loaded: ROWS });
    const rows = await scene.rows(name, 'id');
    expect(rows.map(({ id }) => Number(id))).toEqual(Array.from({ length: ROWS }, (_, i) => i + 1));
  }

  test('a child says what it did, once for all attempts; garbage is told as such', { timeout: 90_000 }, async () => {
    const seen: Record<string, unknown> = {};
    const outcome = await running('children', async ({ work, splits }, environment) => {
      const listed = await ask('list-splits', { work }, environment);
      const ids = listed.said.at(-1)?.splits ?? [];
      seen.listed = [listed.code, ids.length === splits, listed.said.length];
      const split = (id: string) => ({ work, split: id });
      const refused = await Promise.all([
        ask('extract-split', 'no JSON', environment),
        ask('extract-split', { work: 'gs://elsewhere/work.json', split: '00000' }, environment),
        ask('list-splits', { work: work.replace('run_', 'other_') }, environment),
        ask('extract-split', split('../../00000'), environment),
      ]);
      seen.refused = refused.map((end) => [end.code, codeOf(end)]);
      const locked = { ...environment, [secretVariable('main')]: 'a wrong password, kept secret' };
      const denied = await ask('extract-split', split('00000'), locked);
      seen.denied = [codeOf(denied), denied.text.includes('a wrong password')];
      const twice = await Promise.all([
        ask('extract-split', split('00000'), environment),
        ask('extract-split', split('00000'), environment),
      ]);
      const done = twice.map(({ said }) => said.at(-1)?.done);
      seen.twice = [done.filter((one) => one?.again === true).length, done[0]?.rows === done[1]?.rows];
      const folder = work.slice(`gs://suite-staging/`.length, -'splits/work.json'.length);
      const found = await fetch(
        `${scene.cloud.storage.host}/storage/v1/b/suite-staging/o?prefix=${encodeURIComponent(`${folder}rows/00000-`)}`,
      );
      const { items } = (await found.json()) as { items: { name: string }[] };
      seen.folders = new Set(items.map(({ name }) => name.slice(0, name.lastIndexOf('/')))).size;
      for (const id of ids.slice(1)) await ask('extract-split', split(id), environment);
      seen.left = (await ask('list-splits', { work }, environment)).said.at(-1)?.splits;
      const late = await ask('extract-split', split('00000'), environment);
      seen.late = late.said.at(-1)?.done?.again;
    });
    expect(seen).toEqual({
      listed: [0, true, 1],
      refused: [
        [1, 'USAGE'],
        [1, 'USAGE'],
        [2, 'SPLIT_LOST'],
        [2, 'SPLIT_UNKNOWN'],
      ],
      denied: ['SOURCE_AUTHENTICATION', false],
      twice: [1, true],
      folders: 1,
      left: [],
      late: true,
    });
    await expectAll(outcome, 'children');
  });

  test('a child ends when it is told to, and when nobody waits for it', { timeout: 90_000 }, async () => {
    const ends: unknown[] = [];
    const outcome = await running('endings', async ({ work }, environment) => {
      for (const how of ['SIGTERM', 'end of input'] as const) {
        const reached = Promise.withResolvers<void>();
        scene.proxy.fate = ({ method, path }) => {
          if (method !== 'POST' || !path.includes('rows')) return 'pass';
          reached.resolve();
          return new Promise(() => undefined);
        };
        const child = startChild('extract-split', JSON.stringify({ work, split: '00000' }), environment);
        await reached.promise;
        if (how === 'SIGTERM') child.process.kill('SIGTERM');
        else child.process.stdin?.end();
        const end = await child.ended;
        ends.push([how, end.code, end.signal, codeOf(end)]);
        scene.proxy.fate = () => 'pass';
      }
      const tasks = { ...environment, TRIBUTARY_SPLITS: work, CLOUD_RUN_TASK_COUNT: '1' };
      await ask('', '', { ...tasks, CLOUD_RUN_TASK_INDEX: '0' });
    });
    expect(ends).toEqual([
      ['SIGTERM', 130, null, 'INTERRUPTED'],
      ['end of input', 130, null, 'INTERRUPTED'],
    ]);
    await expectAll(outcome, 'endings');
  });

  test('tasks of a job share the splits, and one that is started again does what is left', {
    timeout: 90_000,
  }, async () => {
    const codes: (number | null)[] = [];
    const left: unknown[] = [];
    let again = '';
    const outcome = await running('tasks', async ({ work }, environment) => {
      const task = async (index: number, count: number) => {
        const env = {
          ...environment,
          TRIBUTARY_SPLITS: work,
          CLOUD_RUN_TASK_INDEX: `${index}`,
          CLOUD_RUN_TASK_COUNT: `${count}`,
        };
        const end = await ask('', '', env);
        codes.push(end.code);
        return end.text;
      };
      left.push(await task(2, 2).then(() => codes.at(-1)));
      await task(1, 2);
      left.push((await ask('list-splits', { work }, environment)).said.at(-1)?.splits);
      await task(0, 2);
      left.push((await ask('list-splits', { work }, environment)).said.at(-1)?.splits);
      again = await task(0, 2);
    });
    expect(codes).toEqual([1, 0, 0, 0]);
    expect(left).toEqual([1, ['00000', '00002'], []]);
    expect(again).toContain('0 of 2 splits have no result');
    expect(again).not.toContain(postgres.password);
    await expectAll(outcome, 'tasks');
  });
});
