/** One read of PostgreSQL by several workers of the pipeline of Dataflow, each a process of this machine. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import type { SplitsOffer } from '../runner/core/contracts/offer.ts';
import type { Written } from '../runner/core/contracts/staging.ts';
import type { Warehouse } from '../runner/core/contracts/warehouse.ts';
import { TributaryError } from '../runner/core/errors.ts';
import { openPostgres } from '../runner/sources/postgres/index.ts';
import { DataflowScene, PASSWORD_VARIABLE } from '../test/runner/dataflow/scene.ts';
import { extractorHere } from '../test/servers/beam.ts';
import { type PostgresServer, startPostgres } from '../test/servers/postgres.ts';
import { differences, type Sums, sumsQuery } from './checksum.ts';
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
  let sums: Sums = {};
  const { outcome, job } = await scene.load(
    load.name,
    { ...connection, port: proxy?.port ?? server.port },
    {
      table: `public.${load.table}`,
      load: { strategy: 'catalog' },
      execution: { mode: 'dataflow', maxWorkers: load.workers },
    },
    (request) => openPostgres(request as Parameters<typeof openPostgres>[0]),
    {
      around: (warehouse) =>
        upToStaging(warehouse, async (written) => {
          over = true;
          sums = await sumsOfParts(scene, written);
        }),
    },
  );
  over = true;
  const memory = await sampling;
  if (outcome.problem !== null && outcome.problem.code !== 'INTERRUPTED') throw TributaryError.from(outcome.problem);
  if (job === null) throw new Error(`${load.name} was not launched`);
  const exact = differences(await sumsOfSource(server, load), sums).length === 0;
  return { ...load, ...memory, rows: Number(sums.count), seconds: job.seconds, exact };
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

/**
 * Ends a run once its rows are staged and looked at. BigQuery loads them by itself; its emulator would take minutes on
 * the cores that are measured.
 */
function upToStaging(warehouse: Warehouse, look: (written: Written) => Promise<void>): Warehouse {
  const stageOffer = warehouse.stageOffer.bind(warehouse);
  return Object.assign(warehouse, {
    stageOffer: ((spec, offer, watch) => {
      if (offer.way !== 'splits') return stageOffer(spec, offer, watch);
      const write: SplitsOffer['write'] = async (...given) => {
        await look(await offer.write(...given));
        throw new TributaryError('INTERRUPTED');
      };
      return stageOffer(spec, { ...offer, write }, watch);
    }) satisfies Warehouse['stageOffer'],
  });
}

/** Count and weighted sums of every column, of the parts as BigQuery would load them. */
async function sumsOfParts({ objects }: DataflowScene, { manifest }: Written): Promise<Sums> {
  const files = manifest.parts.map(({ uri }) => `'${join(objects, uri.slice('gs://'.length))}'`);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const parts = `read_parquet([${files.join(', ')}])`;
  const reader = await connection.runAndReadAll(sumsQuery('duckdb', parts, orders(0).columns));
  connection.closeSync();
  instance.closeSync();
  return reader.getRowObjectsJson()[0] as Sums;
}

async function sumsOfSource(server: PostgresServer, { table }: Load): Promise<Sums> {
  const client = await server.client();
  const { rows } = await client.query<Sums>(sumsQuery('postgres', table, orders(0).columns));
  await client.end();
  return rows[0] ?? {};
}

function resultOf(measured: readonly Measured[], noisy: readonly string[]): Result {
  const cases = measured.map(
    (one): Case => ({
      ...{ name: titleOf(one), wall: round(one.seconds), cpu: 0, serverCpu: 0, rssMb: one.peakMb, rows: one.rows },
      ...{ rounds: [round(one.seconds)], result: one.exact ? 'exact' : 'differs' },
      disturbed: noisy.includes(one.name) ? 1 : 0,
      note: `memory of the last third ${one.growth} × the first`,
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
      `Wall is that of the job: start of the pipeline, all extractors, Parquet files in a server that speaks the API of Cloud Storage. There it ends: the rows are compared, by weighted sums of all twelve columns, in the files that BigQuery would load. Straight, the cores of this machine are the limit, which server, workers and storage share: two workers cannot be twice one. Paced, each connection gets ${PACE_MB} MB/s through a proxy, as from a busy server or over a network.`,
      'Peak RSS is that of one worker with its extractor, sampled once a second. CPU was not measured. Dataflow starts machines first, which takes minutes and is not in here.',
      ...noisy.map((name) => `${name}: the machine was busy with something else.`),
    ],
  };
}

function titleOf({ workers, paced, name }: Measured): string {
  const how = paced ? `each ${PACE_MB} MB/s` : name === 'four' ? 'all rows' : 'straight';
  return `${workers} worker${workers === 1 ? '' : 's'}, ${how}`;
}
