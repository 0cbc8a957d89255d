/** A table that others read in pieces is the table that one process reads, whoever writes meanwhile and whatever dies. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RunEvent } from '../../../runner/core/contracts/run-store.ts';
import type { SplitWork } from '../../../runner/core/contracts/splits.ts';
import type { RunOutcome } from '../../../runner/pipeline/run.ts';
import { type FirestoreServer, startFirestore } from '../../servers/firestore.ts';
import { type MysqlServer, series, startMysql } from '../../servers/mysql.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { ask } from './child.ts';
import { localExecutor } from './executor.ts';
import { type From, MASK_KEY, type SourceInput, type SplitsScene, startSplitsScene } from './scene.ts';

const ROWS = 2000;
const execution = { mode: 'cloud_run', tasks: 2 } as const;

describeWith(['emulators', 'postgres', 'mariadb', 'firestore'], 'reads in pieces', () => {
  let scene: SplitsScene;
  let postgres: PostgresServer;
  let mysql: MysqlServer;
  let firestore: FirestoreServer;

  beforeAll(async () => {
    [scene, postgres, mysql, firestore] = await Promise.all([
      startSplitsScene('conformance'),
      startPostgres(),
      startMysql(),
      startFirestore(),
    ]);
    process.env.FIRESTORE_EMULATOR_HOST = firestore.host;
  }, 90_000);
  afterEach(() => {
    scene.proxy.fate = () => 'pass';
  });
  afterAll(async () => {
    delete process.env.FIRESTORE_EMULATOR_HOST;
    await Promise.all([
      scene?.[Symbol.asyncDispose](),
      postgres?.[Symbol.asyncDispose](),
      mysql?.[Symbol.asyncDispose](),
      firestore?.stop(),
    ]);
  });

  /**
   * Loads the source alone, then again in pieces under another name: a writer changes it before the first piece is read and
   * goes on; the first process that uploads is killed; another piece fails twice.
   */
  async function bothWays(source: SourceInput, from: From, write: (round: number) => Promise<void>, order: string) {
    const { kind } = from.connection;
    const alone = await scene.run(`${kind}-alone`, { ...source, destination: { table: `${kind}_alone` } }, from);
    expect(alone.problem).toBeNull();
    let writing = true;
    let killed: string | null = null;
    let writer: Promise<void> = Promise.resolve();
    const executor = localExecutor({
      environment: { ...scene.environment(from.password), FIRESTORE_EMULATOR_HOST: firestore.host },
      async onStart() {
        await write(0);
        writer = (async () => {
          for (let round = 1; writing; round++) {
            await write(round);
            await sleep(100);
          }
        })();
      },
      // A bucket of nobody: what a machine without the right grants meets.
      attempt: (split, nth) =>
        split !== killed && split === '00001' && nth <= 2
          ? { STORAGE_EMULATOR_HOST: '127.0.0.1:9', TRIBUTARY_RETRY_SECONDS: '0' }
          : {},
    });
    scene.proxy.fate = ({ method, path }) => {
      const [, split] = /rows(?:%2F|\/)(\d{5})-/.exec(path) ?? [];
      if (method !== 'POST' || split === undefined || killed !== null || split === '00001') return 'pass';
      killed = split;
      executor.live.get(split)?.process.kill('SIGKILL');
      return 'cut';
    };
    const events: RunEvent[] = [];
    const divided = { ...source, destination: { table: `${kind}_pieces` }, execution };
    const pieces = await scene.run(`${kind}-pieces`, divided, from, {
      executor,
      onEvent: (event) => events.push(event),
    });
    writing = false;
    await writer;
    expect(pieces.problem).toBeNull();
    const ends = executor.ended.map(({ split, attempt, code, signal }) => ({ split, attempt, code, signal }));
    expect(ends).toContainEqual({ split: killed, attempt: 1, code: null, signal: 'SIGKILL' });
    expect(ends.filter(({ split }) => split === '00001').map(({ code }) => code)).toEqual([2, 2, 0]);
    const said = executor.ended.map(({ text }) => text).join('') + JSON.stringify(events);
    expect(said).not.toContain(MASK_KEY);
    if (from.password !== '') expect(said).not.toContain(from.password);
    expect(await scene.rows(`${kind}_pieces`, order)).toEqual(await scene.rows(`${kind}_alone`, order));
    expect(pieces.summary.rows).toEqual(alone.summary.rows);
    expect(executor.jobs).toHaveLength(1);
    expect(executor.jobs[0]?.splits).toBeGreaterThan(2);
    return { alone, pieces };
  }

  const once = async (statement: string) => {
    const client = await postgres.client();
    await client.query(statement).finally(() => client.end());
  };
  const mariadb = async (statement: string) => {
    const client = await mysql.client();
    await client.query(statement).finally(() => client.end());
  };

  async function evidence({ summary }: RunOutcome): Promise<string> {
    await using warehouse = await scene.warehouse();
    const [row] = await warehouse.query('SELECT mode, mode_reason FROM acme_tributary._runs WHERE run_id = ?', [
      summary.runId,
    ]);
    return `${row?.mode}: ${row?.mode_reason}`;
  }

  test('PostgreSQL, by one exported snapshot', { timeout: 120_000 }, async () => {
    await once(`CREATE TABLE people (id int PRIMARY KEY, name text, born date, worth numeric(12,2), about jsonb, seen timestamptz);
      INSERT INTO people SELECT i, CASE WHEN i % 7 > 0 THEN 'person ' || i END, date '1950-01-01' + i % 20000, i * 1.25,
        jsonb_build_object('n', i), CASE WHEN i = 5 THEN 'infinity' ELSE timestamptz '2026-01-01' + i * interval '1 minute' END
        FROM generate_series(1, ${ROWS}) i; ANALYZE people`);
    const { host, port, database, user, password } = postgres;
    const from = {
      password,
      connection: { kind: 'postgres', host, port, database, user, tls: 'disable', secret: 'main' },
    } as const;
    const source: SourceInput = {
      table: 'public.people',
      load: { strategy: 'catalog', history: 'replace' },
      columns: { mask: { name: 'hmac-sha256' } },
      quarantine: { maxRows: 10, maxRatio: 1 },
    };
    const { pieces } = await bothWays(
      source,
      from,
      async (round) => {
        await once(`UPDATE people SET name = 'changed', worth = ${round} WHERE id % 3 = ${round % 3};
        DELETE FROM people WHERE id % 1000 = ${round % 1000};
        INSERT INTO people VALUES (${ROWS + 1 + round}, 'new', NULL, NULL, NULL, NULL)`);
      },
      'id',
    );
    expect(pieces.summary.rows).toMatchObject({ extracted: ROWS, quarantined: 1 });
    expect(await evidence(pieces)).toMatch(/^cloud_run: .*snapshot/);
  });

  test('MariaDB, below the bound of a window', { timeout: 120_000 }, async () => {
    await mariadb(`CREATE TABLE orders (id int PRIMARY KEY, at datetime(6) NOT NULL, note text, KEY (at))`);
    await mariadb(
      `INSERT INTO orders SELECT seq, timestamp('2026-01-01') + INTERVAL seq SECOND, concat('order ', seq) FROM ${series(1, ROWS)}`,
    );
    await mariadb('ANALYZE TABLE orders');
    const { host, port, database, user, password } = mysql;
    const from = {
      password,
      connection: { kind: 'mysql', host, port, database, user, tls: 'disable', secret: 'main' },
    } as const;
    const source: SourceInput = { table: 'orders', load: { strategy: 'transactional', mode: 'append', cursor: 'at' } };
    const { pieces } = await bothWays(
      source,
      from,
      async (round) => {
        await mariadb(`INSERT INTO orders VALUES (${ROWS + 1 + round}, utc_timestamp(6) + INTERVAL 1 DAY, 'new')`);
      },
      'id',
    );
    expect(pieces.summary.rows).toMatchObject({ extracted: ROWS, loaded: ROWS });
    expect(await evidence(pieces)).toMatch(/^cloud_run: .*bound/);
  });

  test('Firestore, at one read time', { timeout: 120_000 }, async () => {
    const project = `t-${randomBytes(5).toString('hex')}`;
    const put = (from: number, to: number, more: (i: number) => object) =>
      firestore.put(
        project,
        Array.from({ length: to - from }, (_, i) => ({
          path: `items/${String(from + i).padStart(5, '0')}`,
          fields: {
            n: { integerValue: String(from + i) },
            note: { stringValue: `item ${from + i}` },
            ...more(from + i),
          },
        })),
      );
    await put(0, ROWS, (i) => (i % 450 === 449 ? { late: { doubleValue: i / 2 } } : {}));
    const from = { password: '', connection: { kind: 'firestore', project } } as const;
    const source: SourceInput = { collection: 'items', load: { strategy: 'catalog', history: 'replace' } };
    const { pieces } = await bothWays(
      source,
      from,
      async (round) => {
        await put(round * 10, round * 10 + 200, () => ({ note: { stringValue: `changed ${round}` } }));
        await put(ROWS + round, ROWS + round + 1, () => ({}));
      },
      'document_id',
    );
    expect(pieces.summary.rows).toMatchObject({ extracted: ROWS, loaded: ROWS });
    expect(await evidence(pieces)).toMatch(/^cloud_run: .*read/);
  });

  test('a runner that dies: the next process of its run commits the window that was begun', {
    timeout: 120_000,
  }, async () => {
    const project = `t-${randomBytes(5).toString('hex')}`;
    const put = (from: number, to: number) =>
      firestore.put(
        project,
        Array.from({ length: to - from }, (_, i) => ({
          path: `items/${String(from + i).padStart(5, '0')}`,
          fields: {
            n: { integerValue: `${from + i}` },
            at: { timestampValue: `2026-01-01T00:${String(i % 60).padStart(2, '0')}:00Z` },
          },
        })),
      );
    await put(0, ROWS);
    const from = { password: '', connection: { kind: 'firestore', project } } as const;
    const load = { strategy: 'transactional', mode: 'append', cursor: 'at' } as const;
    const source: SourceInput = { collection: 'items', load, execution };
    const environment = { ...scene.environment(''), FIRESTORE_EMULATOR_HOST: firestore.host };
    const dying = localExecutor({
      environment,
      async onStart({ work }) {
        await ask('extract-split', { work, split: '00000' }, environment);
        throw new Error('the runner was killed');
      },
    });
    const runId = 'run_taken_up';
    await scene.run('resumed', source, from, { executor: dying, runId, dies: true });
    const [begun] = dying.jobs;
    const object = encodeURIComponent(begun?.work.replace('gs://suite-staging/', '') ?? '');
    const stored = await fetch(`${scene.cloud.storage.host}/storage/v1/b/suite-staging/o/${object}?alt=media`);
    const work = (await stored.json()) as SplitWork;
    await put(ROWS, ROWS + 500);
    const living = localExecutor({ environment });
    const { problem, summary } = await scene.run('resumed', source, from, { executor: living, runId });
    expect(problem).toBeNull();
    expect(living.jobs.map((job) => job.work)).toEqual([begun?.work]);
    expect(living.ended.map(({ split }) => split)).not.toContain('00000');
    expect(summary.rows).toMatchObject({ extracted: ROWS, loaded: ROWS });
    expect([summary.window?.to, summary.state.cursor]).toEqual([work.read.window?.to, work.read.window?.to]);
    expect(living.cancelled).toEqual([]);
  });
});
