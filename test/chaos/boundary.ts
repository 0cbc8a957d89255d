/** Writers around the bound of a window: what commits late, ties, out of order or rolls back is neither lost nor doubled. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { RunStore } from '../../runner/core/contracts/run-store.ts';
import type { Warehouse } from '../../runner/core/contracts/warehouse.ts';
import { newRunId } from '../../runner/core/run-id.ts';
import { type RunOutcome, runSource } from '../../runner/pipeline/run.ts';
import { openPostgres } from '../../runner/sources/postgres/index.ts';
import { openSqliteStore } from '../../runner/stores/sqlite.ts';
import { openDuckdb } from '../../runner/warehouses/duckdb/warehouse.ts';
import { parseTenant } from '../../tenants/load.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { compare, createTable, duckdbDialect, insertRows, sessionsEnded } from './oracle.ts';
import { seeded } from './random.ts';
import { type Report, wrong } from './report.ts';
import { type Shape, shapes, TENANT, tenantText } from './tenant.ts';
import { Writers } from './writers.ts';

export interface ScheduleOptions {
  readonly server: PostgresServer;
  readonly schedules: number;
  readonly seed: number;
  readonly report: Report;
  /** At most 3: a load keeps one of libuv's 4 threads busy, and a reader's login needs one. */
  readonly lanes?: number;
  readonly onSchedule?: (done: number) => void;
}

const WRITERS = 4;
const MOST_LANES = 3;
const PATIENCE_MS = 400;
const HUNG_MS = 60_000;
const incremental = shapes.filter(({ deletes }) => !deletes);

/** What one schedule after the other uses. */
interface Lane {
  readonly server: PostgresServer;
  readonly report: Report;
  readonly database: string;
  readonly source: pg.Client;
  readonly writers: readonly pg.Client[];
  readonly warehouse: Warehouse;
  readonly store: RunStore;
}

interface Running {
  readonly outcome: Promise<RunOutcome>;
  /** A bound on numbers waits until writers are done. */
  readonly waits: boolean;
}

/** The lane's warehouse for one run: it stays open when the run is over. */
function borrowed(warehouse: Warehouse): Warehouse {
  return new Proxy(warehouse, {
    get(owned, key) {
      if (key === Symbol.asyncDispose) return async () => undefined;
      const value = Reflect.get(owned, key, owned);
      return typeof value === 'function' ? value.bind(owned) : value;
    },
  });
}

function start(lane: Lane, table: string, shape: Shape): Running {
  const secrets = { get: async () => lane.server.password };
  const text = tenantText(lane.server, lane.database, { [table]: { table, load: shape.load } });
  const { tenant, errors } = parseTenant(text, `${TENANT}.yaml`);
  const spec = tenant?.sources[table];
  const connection = tenant?.connections.db;
  if (tenant === null || spec === undefined || connection?.kind !== 'postgres') throw new Error(JSON.stringify(errors));
  const go = async () => {
    const request = { tenant: TENANT, name: 'db', connection, source: spec, secrets };
    await using source = openPostgres(request, { waitMs: PATIENCE_MS });
    return await runSource({
      tenant,
      sourceName: table,
      spec,
      source,
      store: lane.store,
      secrets,
      signal: new AbortController().signal,
      runId: newRunId(),
      openWarehouse: async () => borrowed(lane.warehouse),
    });
  };
  lane.report.runs += 1;
  return { outcome: go(), waits: shape.load.cursor === 'version' };
}

/** The writers go on only after it: a run that waits for them is held. */
async function finish({ outcome }: Running, report: Report): Promise<void> {
  const { status, problem } = await outcome;
  if (status === 'succeeded') return;
  report.held += 1;
  if (problem?.code !== 'SOURCE_BOUND_HELD')
    throw new Error(`a run between the writers ended ${status}: ${problem?.code} ${problem?.detail}`);
}

async function schedule(lane: Lane, seed: number): Promise<void> {
  const { report, source } = lane;
  const random = seeded(seed);
  const shape = random.pick(incremental);
  const table = `s${seed}`;
  await source.query(createTable(table));
  if (random.chance(0.7)) await source.query(insertRows(table, random.between(1, 20)));
  const writers = new Writers(lane.writers, table, random, shape.updates);
  let running: Running | null = null;
  const steps = random.between(12, 40);
  const runs = new Set(Array.from({ length: random.between(1, 4) }, () => random.between(1, steps)));
  for (let step = 1; step <= steps; step++) {
    await writers.step();
    if (!runs.has(step)) continue;
    if (running !== null) await finish(running, report);
    running = start(lane, table, shape);
    if (!running.waits && random.chance(0.5)) {
      await finish(running, report);
      running = null;
    }
  }
  await writers.endAll();
  if (running !== null) await finish(running, report);
  await sessionsEnded(source);
  const { status, problem } = await start(lane, table, shape).outcome;
  if (status !== 'succeeded')
    wrong(report, seed, `${shape.name}: the last run ended ${status} ${problem?.code}: ${problem?.detail}`);
  const ask = (sql: string) => lane.warehouse.query(sql);
  const there = { ask, dialect: duckdbDialect, table: `warehouse.${TENANT}_raw.${table}` };
  const found = await compare(source, table, there);
  report.rowsChecked += found.rows;
  report.lost += found.lost;
  report.doubled += found.doubled;
  if (found.lost + found.doubled > 0)
    wrong(report, seed, `${shape.name}: ${found.lost} lost, ${found.doubled} doubled`);
  await source.query(`DROP TABLE ${table}; DROP SEQUENCE ${table}_version`);
  await lane.warehouse.query(`DROP TABLE IF EXISTS warehouse.${TENANT}_raw.${table}`);
}

async function inLane(options: ScheduleOptions, index: number, next: () => number | null): Promise<void> {
  const { server, report, seed: base } = options;
  const database = `boundary_${base}_${index}`;
  const folder = await mkdtemp(join(tmpdir(), 'tributary-boundary-'));
  await using ending = new AsyncDisposableStack();
  ending.defer(() => rm(folder, { recursive: true, force: true }));
  const admin = await server.client();
  await admin.query(`CREATE DATABASE ${database}`);
  await admin.end();
  const client = async () => {
    const opened = await server.client({ database });
    ending.defer(() => opened.end());
    return opened;
  };
  const source = await client();
  const store = ending.use(openSqliteStore(join(folder, 'runs.sqlite')));
  const warehouse = ending.use(await openDuckdb({ file: join(folder, 'warehouse.duckdb') }));
  let writers: pg.Client[] = [];
  for (let seed = next(); seed !== null; seed = next()) {
    if (writers.length === 0) writers = await Promise.all(Array.from({ length: WRITERS }, client));
    const lane = { server, report, database, source, writers, warehouse, store };
    const hung = sleep(HUNG_MS, 'hung' as const, { ref: false });
    const ended = await Promise.race([schedule(lane, seed).catch((error: unknown) => error), hung]);
    if (ended === undefined) continue;
    if (ended === 'hung') report.hung += 1;
    wrong(report, seed, ended === 'hung' ? `hung for ${HUNG_MS} ms` : String(ended));
    // Its writers may be anywhere: the lane ends here when it hangs, and else goes on with new ones.
    if (ended === 'hung') return;
    await Promise.all(writers.map((writer) => writer.query('ROLLBACK').catch(() => undefined)));
  }
}

export async function schedules(options: ScheduleOptions): Promise<void> {
  const { schedules: count, seed, lanes = MOST_LANES, onSchedule } = options;
  let taken = 0;
  const next = () => {
    onSchedule?.(taken);
    return taken < count ? seed * 100_000 + taken++ : null;
  };
  await Promise.all(
    Array.from({ length: Math.min(lanes, MOST_LANES, count) }, (_, index) => inLane(options, index, next)),
  );
}
