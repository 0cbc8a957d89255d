/** One read of PostgreSQL by several workers of the pipeline of Dataflow, each a process of this machine. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TributaryError } from '../runner/core/errors.ts';
import { openPostgres } from '../runner/sources/postgres/index.ts';
import { DataflowScene, PASSWORD_VARIABLE } from '../test/runner/dataflow/scene.ts';
import { extractorHere } from '../test/servers/beam.ts';
import { type PostgresServer, startPostgres } from '../test/servers/postgres.ts';
import type { BenchOptions } from './main.ts';
import { median, round, waitForQuiet } from './measure.ts';
import { startPacedProxy } from './paced-proxy.ts';
import { type Case, describeMachine, type Result } from './report.ts';
import { orders, ordersPart } from './tables.ts';
import { extractorsOf, residentMb } from './workers.ts';

const ROWS = 10_000_000;
const PACED_ROWS = 2_000_000;
/** Of each connection, where the source is not to be the limit of the machine. */
const PACE_MB = 15;
const WANTED_RATIO = 1.7;
/** Memory of the last third of a run against that of the first. */
const WANTED_GROWTH = 1.25;

interface Load {
  readonly name: string;
  readonly table: string;
  readonly workers: number;
  readonly paced: boolean;
}

interface Measured extends Load {
  readonly rows: number;
  /** Of the job: from its launch to its end. */
  readonly seconds: number;
  /** Of the whole run, with the load into the warehouse. */
  readonly runSeconds: number;
  readonly peakMb: number;
  /** Largest of the workers. */
  readonly growth: number;
  readonly exact: boolean;
}

export async function benchDataflow(options: BenchOptions): Promise<Result> {
  const { quick, say, cleanup } = options;
  const rows = options.rows ?? (quick ? 200_000 : ROWS);
  const part = Math.min(PACED_ROWS, rows);
  const server = cleanup.use(await startPostgres());
  const client = await server.client();
  for (const { create } of [orders(rows), ordersPart(part)]) for (const sql of create) await client.query(sql);
  await client.end();
  const scene = cleanup.use(await DataflowScene.make({ onDisk: true }));
  scene.extractor = extractorHere;
  scene.environment = { [PASSWORD_VARIABLE]: server.password };
  const loads: readonly Load[] = [
    { name: 'four', table: 'orders', workers: 4, paced: false },
    ...[1, 2].map((workers) => ({ name: `straight_${workers}`, table: 'orders_part', workers, paced: false })),
    ...[1, 2, 4].map((workers) => ({ name: `paced_${workers}`, table: 'orders_part', workers, paced: true })),
  ];
  const measured: Measured[] = [];
  const noisy: string[] = [];
  for (const load of loads.filter(({ name }) => options.only?.includes(name) ?? true)) {
    if (!(await waitForQuiet(quick ? 1 : 60))) noisy.push(load.name);
    const one = await measure(load, scene, server);
    measured.push(one);
    const rate = Math.round(one.rows / one.seconds).toLocaleString('en');
    say(
      `${one.name}: ${round(one.seconds)} s, ${rate} rows/s, ${one.peakMb} MB a worker at most, ${one.exact ? 'exact' : 'DIFFERS'}`,
    );
  }
  return resultOf(measured, noisy);
}

async function measure(load: Load, scene: DataflowScene, server: PostgresServer): Promise<Measured> {
  await using proxy = load.paced ? await startPacedProxy(server.port, PACE_MB << 20) : null;
  const { host, database, user } = server;
  const connection = { kind: 'postgres', host, database, user, tls: 'disable', secret: 'db-password' } as const;
  let over = false;
  const sampling = sample(scene, () => over);
  const began = performance.now();
  const { outcome, job } = await scene.load(
    load.name,
    { ...connection, port: proxy?.port ?? server.port },
    {
      table: `public.${load.table}`,
      load: { strategy: 'catalog' },
      execution: { mode: 'dataflow', maxWorkers: load.workers },
    },
    (request) => openPostgres(request as Parameters<typeof openPostgres>[0]),
  );
  const runSeconds = (performance.now() - began) / 1000;
  over = true;
  const memory = await sampling;
  if (outcome.problem !== null) throw TributaryError.from(outcome.problem);
  if (job === null) throw new Error(`${load.name} was not launched`);
  const exact = JSON.stringify(await sumsOf(scene, load)) === JSON.stringify(await sumsOfSource(server, load));
  return { ...load, ...memory, rows: outcome.summary.rows.extracted, seconds: job.seconds, runSeconds, exact };
}

/** What each worker and its extractor hold, once a second. */
async function sample(scene: DataflowScene, isOver: () => boolean): Promise<{ peakMb: number; growth: number }> {
  const held = new Map<number, number[]>();
  while (!isOver()) {
    for (const worker of scene.workers()) {
      const extractors = extractorsOf(worker);
      if (extractors.length === 0) continue;
      const mb = [worker, ...extractors].reduce((sum, pid) => sum + residentMb(pid), 0);
      held.set(worker, [...(held.get(worker) ?? []), mb]);
    }
    await sleep(1000);
  }
  const growths = [...held.values()].map((mbs) => {
    const third = Math.max(1, Math.floor(mbs.length / 3));
    return median(mbs.slice(-third)) / median(mbs.slice(0, third));
  });
  const peak = Math.max(0, ...[...held.values()].flat());
  return { peakMb: Math.round(peak), growth: round(Math.max(0, ...growths)) };
}

const NAMES = ['n', 'ids', 'customers', 'amounts', 'prices', 'notes', 'days', 'moments', 'texts'];

async function sumsOf(scene: DataflowScene, { name }: Load): Promise<readonly string[]> {
  await using warehouse = await scene.warehouse();
  const [sums = {}] = await warehouse.query(`SELECT CAST(COUNT(*) AS STRING) AS n, CAST(SUM(id) AS STRING) AS ids,
    CAST(SUM(customer_id) AS STRING) AS customers, CAST(SUM(qty) AS STRING) AS amounts,
    CAST(CAST(SUM(price) * 100 AS INT64) AS STRING) AS prices, CAST(COUNT(note) AS STRING) AS notes,
    CAST(COUNT(DISTINCT day) AS STRING) AS days, CAST(SUM(UNIX_MICROS(updated_at) - 1640995200000000) AS STRING) AS moments,
    CAST(SUM(CAST(CONCAT('0x', SUBSTR(TO_HEX(MD5(CONCAT(sku, token, COALESCE(note, '')))), 1, 8)) AS INT64)) AS STRING) AS texts
    FROM acme_raw.${name}`);
  return NAMES.map((column) => String(sums[column]));
}

async function sumsOfSource(server: PostgresServer, { table }: Load): Promise<readonly string[]> {
  const client = await server.client();
  const { rows } = await client.query(`SELECT count(*)::text AS n, sum(id)::text AS ids,
    sum(customer_id)::text AS customers, sum(qty)::text AS amounts, (sum(price) * 100)::bigint::text AS prices,
    count(note)::text AS notes, count(DISTINCT day)::text AS days,
    sum((extract(epoch FROM updated_at) * 1000000)::bigint - 1640995200000000)::text AS moments,
    sum(('x' || substr(md5(sku || token || coalesce(note, '')), 1, 8))::bit(32)::bigint)::text AS texts FROM ${table}`);
  await client.end();
  return NAMES.map((column) => String(rows[0][column]));
}

function resultOf(measured: readonly Measured[], noisy: readonly string[]): Result {
  const cases = measured.map(
    (one): Case => ({
      ...{ name: titleOf(one), wall: round(one.seconds), cpu: 0, serverCpu: 0, rssMb: one.peakMb, rows: one.rows },
      ...{ rounds: [round(one.seconds)], result: one.exact ? 'exact' : 'differs' },
      disturbed: noisy.includes(one.name) ? 1 : 0,
      note: `the whole run ${round(one.runSeconds)} s; memory of the last third ${one.growth} × the first`,
    }),
  );
  const ratio = (to: string, from: string) => {
    const [a, b] = [from, to].map((name) => measured.find((one) => one.name === name)?.seconds);
    return a === undefined || b === undefined ? null : round(a / b);
  };
  const pairs = { 'straight, 1 → 2': ratio('straight_2', 'straight_1'), 'paced, 1 → 2': ratio('paced_2', 'paced_1') };
  const more = { 'paced, 1 → 4': ratio('paced_4', 'paced_1') };
  const ratios = Object.fromEntries(Object.entries({ ...pairs, ...more }).filter(([, value]) => value !== null));
  const [four] = measured;
  const paced = pairs['paced, 1 → 2'];
  return {
    name: 'dataflow',
    machine: describeMachine('PostgreSQL'),
    cases,
    ratios: ratios as Readonly<Record<string, number>>,
    targets: [
      { name: 'runs that differ from the source', want: '0', got: measured.filter(({ exact }) => !exact).length },
      ...(four === undefined
        ? []
        : [{ name: 'memory, last third : first', want: `≤ ${WANTED_GROWTH}`, got: four.growth }]),
      ...(paced === null ? [] : [{ name: 'paced, 1 → 2 workers', want: `≥ ${WANTED_RATIO}`, got: paced }]),
    ].map((target) => ({
      ...target,
      ok: target.want.startsWith('≥')
        ? target.got >= WANTED_RATIO
        : target.got <= (target.want === '0' ? 0 : WANTED_GROWTH),
    })),
    notes: [
      `Wall is that of the job: start of the pipeline, all extractors, Parquet files in a server that speaks the API of Cloud Storage. Straight, the cores of this machine are the limit, which server, workers and storage share: two workers cannot be twice one. Paced, each connection gets ${PACE_MB} MB/s through a proxy, as from a busy server or over a network.`,
      'Peak RSS is that of one worker with its extractor, sampled once a second. CPU was not measured. Dataflow starts machines first, which takes minutes and is not in here.',
      ...noisy.map((name) => `${name}: the machine was busy with something else.`),
    ],
  };
}

function titleOf({ workers, paced, name }: Measured): string {
  const how = paced ? `each ${PACE_MB} MB/s` : name === 'four' ? 'all rows' : 'straight';
  return `${workers} worker${workers === 1 ? '' : 's'}, ${how}`;
}
