import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Source, SourceRequest } from '../../../runner/core/contracts/source.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { openFirestore } from '../../../runner/sources/firestore/index.ts';
import { openMysql } from '../../../runner/sources/mysql/index.ts';
import { openPostgres } from '../../../runner/sources/postgres/index.ts';
import { type FirestoreServer, startFirestore } from '../../servers/firestore.ts';
import { type MysqlServer, series, startMysql } from '../../servers/mysql.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { DataflowScene, type Loaded, PASSWORD_VARIABLE } from './scene.ts';

type Connection = Parameters<DataflowScene['load']>[1];
type SourceInput = Parameters<DataflowScene['load']>[2];

interface Case {
  readonly connection: Connection;
  readonly source: SourceInput;
  readonly open: (request: SourceRequest) => Source;
  readonly columns: readonly string[];
  /** Changes the source: the n-th time. */
  readonly write: (n: number) => Promise<unknown>;
  readonly unity: string;
}

const FAULT = { failing: '00001', standing: '00002', unheard: '00003' };
const EXECUTION = { mode: 'dataflow', maxWorkers: 2 } as const;

describeWith(
  ['beam', 'emulators', 'postgres', 'mariadb', 'firestore'],
  'by the pipeline of Dataflow as in one process',
  () => {
    let scene: DataflowScene;
    beforeAll(async () => {
      scene = await DataflowScene.make();
    });
    afterAll(() => scene?.[Symbol.asyncDispose]());

    /** One process loads the quiet source; then workers do while it is written to, one is killed, and splits fail. */
    async function compare(name: string, one: Case): Promise<Loaded> {
      const { connection, source, open, columns, write, unity } = one;
      const alone = succeeded(await scene.load(`${name}_alone`, connection, source, open));
      const finished = new AbortController();
      const loading = scene.load(`${name}_shared`, connection, { ...source, execution: EXECUTION }, open, {
        fault: FAULT,
      });
      loading.finally(() => finished.abort()).catch(() => undefined);
      const begun = (split: string) => scene.begun().filter((attempt) => attempt.split === split);
      const until = async (state: () => boolean) => {
        while (!state() && !finished.signal.aborted) await sleep(20);
      };
      await until(() => scene.begun().length > 0);
      let writes = 0;
      const writing = (async () => {
        while (!finished.signal.aborted) await write(++writes);
      })();
      await until(() => begun(FAULT.standing).length > 0 && writes > 1);
      const [standing] = begun(FAULT.standing);
      if (standing === undefined) throw new Error(`no split ${FAULT.standing}: ${JSON.stringify(await loading)}`);
      expect(scene.workers()).toContain(standing.worker);
      process.kill(standing.worker, 'SIGKILL');
      const shared = succeeded(await loading);
      await writing;
      expect(shared.job, scene.log()).toMatchObject({ state: 'done', restarts: 1 });
      expect(begun(FAULT.failing).length).toBeGreaterThanOrEqual(3);
      expect(begun(FAULT.standing).length).toBeGreaterThanOrEqual(2);
      expect(new Set(scene.begun().map(({ worker }) => worker)).size).toBeGreaterThanOrEqual(3);
      expect(alone.outcome.summary.mode).toBe('cloud_run');
      expect(shared.outcome.summary.mode).toBe('dataflow');
      expect(shared.outcome.summary.modeReason).toContain(`one read by ${unity}: `);
      await using warehouse = await scene.warehouse();
      const tables = await Promise.all(
        ['alone', 'shared'].map(async (way) => {
          const sql = `SELECT ${columns.join(', ')} FROM acme_raw.${name}_${way} ORDER BY ${columns[0]}`;
          const rows = await warehouse.query(sql);
          return { rows: rows.length, sum: createHash('sha256').update(JSON.stringify(rows)).digest('hex') };
        }),
      );
      expect(tables[1]).toEqual(tables[0]);
      expect(tables[0]?.rows).toBe(alone.outcome.summary.rows.inserted);
      return shared;
    }

    test('PostgreSQL: one exported snapshot', { timeout: 240_000 }, async () => {
      await using server: PostgresServer = await startPostgres();
      const client = await server.client();
      await client.query(`CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric(18,4), note text, at timestamptz, tags text[]);
      INSERT INTO orders SELECT i, i * 1.0001, CASE WHEN i % 7 > 0 THEN 'note ' || i END,
        timestamptz '2024-01-01' + i * interval '1 minute 1 microsecond', ARRAY['a', 'b' || i]
        FROM generate_series(1, 8000) i; ANALYZE orders`);
      scene.environment = { [PASSWORD_VARIABLE]: server.password };
      const { host, port, database, user } = server;
      await compare('orders', {
        connection: { kind: 'postgres', host, port, database, user, tls: 'disable', secret: 'db-password' },
        source: { table: 'public.orders', load: { strategy: 'catalog' } },
        open: (request) => openPostgres(request as Parameters<typeof openPostgres>[0], { pieceRows: 2000 }),
        columns: ['id', 'amount', 'note', 'at', 'tags'],
        unity: 'snapshot',
        write: (n) =>
          client.query(`UPDATE orders SET note = 'changed', amount = -1 WHERE id % 11 = ${n % 11};
          DELETE FROM orders WHERE id = ${n}; INSERT INTO orders (id) VALUES (${100_000 + n})`),
      });
      await client.end();
    });

    test('what the workers may not read fails the run at once, in the words of the catalogue', {
      timeout: 120_000,
    }, async () => {
      await using server: PostgresServer = await startPostgres();
      const client = await server.client();
      await client.query(
        'CREATE TABLE orders (id bigint PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, 100)',
      );
      const { host, port, database, user, password } = server;
      scene.environment = { [PASSWORD_VARIABLE]: `not ${password}` };
      const { outcome, job } = await scene.load(
        'denied',
        { kind: 'postgres', host, port, database, user, tls: 'disable', secret: 'db-password' },
        { table: 'public.orders', load: { strategy: 'catalog' }, execution: EXECUTION },
        (request) =>
          openPostgres({ ...request, secrets: { get: async () => password } } as Parameters<typeof openPostgres>[0]),
      );
      expect(outcome).toMatchObject({ status: 'failed', problem: { code: 'SOURCE_AUTHENTICATION', retryable: false } });
      expect(job).toMatchObject({ problem: { code: 'SOURCE_AUTHENTICATION', split: '00000' } });
      expect(scene.begun()).toHaveLength(1);
      expect(scene.log()).not.toContain(password);
      await client.end();
    });

    test('MariaDB: a window that no writer changes any more', { timeout: 240_000 }, async () => {
      await using server: MysqlServer = await startMysql();
      const client = await server.client();
      await client.query(`CREATE TABLE orders (id bigint PRIMARY KEY, amount decimal(18,4), note varchar(40), at datetime(6), KEY (at));
      INSERT INTO orders SELECT seq, seq * 1.0001, IF(seq % 7 > 0, CONCAT('note ', seq), NULL),
        '2024-01-01' + INTERVAL seq SECOND + INTERVAL seq MICROSECOND FROM ${series(1, 8000)}; ANALYZE TABLE orders`);
      scene.environment = { [PASSWORD_VARIABLE]: server.password };
      const { host, port, database, user } = server;
      await compare('bills', {
        connection: { kind: 'mysql', host, port, database, user, tls: 'disable', secret: 'db-password' },
        source: { table: 'orders', load: { strategy: 'transactional', mode: 'append', cursor: 'at', key: ['id'] } },
        open: (request) => openMysql(request as Parameters<typeof openMysql>[0], { pieceRows: 900 }),
        columns: ['id', 'amount', 'note', 'at'],
        unity: 'bound',
        write: (n) =>
          client.query(`INSERT INTO orders VALUES (${100_000 + n}, 1, 'new', NOW(6));
          UPDATE orders SET note = 'changed' WHERE id = ${100_000 + n}`),
      });
      await client.end();
    });

    test('Firestore: one moment', { timeout: 240_000 }, async () => {
      await using server: FirestoreServer = await startFirestore();
      const before = process.env.FIRESTORE_EMULATOR_HOST;
      process.env.FIRESTORE_EMULATOR_HOST = server.host;
      scene.environment = { FIRESTORE_EMULATOR_HOST: server.host };
      const put = (from: number, count: number, note: string) =>
        server.put(
          'acme-app',
          Array.from({ length: count }, (_, i) => ({
            path: `items/item-${from + i}`,
            fields: { number: { integerValue: `${from + i}` }, note: { stringValue: `${note} ${i}` } },
          })),
        );
      await put(10_000, 2000, 'note');
      await compare('items', {
        connection: { kind: 'firestore', project: 'acme-app' },
        source: { collection: 'items', load: { strategy: 'catalog' } },
        open: (request) => openFirestore(request as Parameters<typeof openFirestore>[0], { splitDocuments: 500 }),
        columns: ['document_id', 'number', 'note'],
        unity: 'read-time',
        write: (n) => put(10_000 + (n % 20) * 150, 150, 'changed'),
      });
      if (before === undefined) delete process.env.FIRESTORE_EMULATOR_HOST;
      else process.env.FIRESTORE_EMULATOR_HOST = before;
    });
  },
);

function succeeded(loaded: Loaded): Loaded {
  if (loaded.outcome.problem !== null) throw TributaryError.from(loaded.outcome.problem);
  return loaded;
}
