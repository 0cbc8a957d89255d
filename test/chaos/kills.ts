/** Kills a run somewhere, lets a fresh process run again, and compares with the source. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { openSqliteStore } from '../../runner/stores/sqlite.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import type { Destination, Destinations, RunEnd, Spoilt, World } from './destination.ts';
import { duckdbDestinations } from './duckdb.ts';
import { compare, createTable, insertRows, sessionsEnded } from './oracle.ts';
import { type Random, seeded } from './random.ts';
import { type Report, wrong } from './report.ts';
import { type Shape, shapes, TENANT, tenantText } from './tenant.ts';

export interface KillOptions {
  readonly server: PostgresServer;
  readonly faults: number;
  readonly seed: number;
  readonly report: Report;
  /** Default: the embedded warehouse. */
  readonly destinations?: Destinations;
  readonly lanes?: number;
  readonly rows?: number;
  /** How often one table is faulted before the next way of loading has its turn. */
  readonly faultsOfAWorld?: number;
  /** Called after each spoilt run with how many faults there were. */
  readonly onFault?: (faults: number) => void;
}

const FAULTS_OF_A_WORLD = 8;
const ROWS = 20_000;

/** How often a run is repeated that met what a dead one still did. */
const TRIES = 4;

interface Scene {
  readonly options: KillOptions;
  readonly destinations: Destinations;
  readonly source: pg.Client;
  readonly destination: Destination;
}

/** A table of the source and its warehouse, used for a few faults. */
class Trial {
  readonly #scene: Scene;
  readonly #report: Report;
  readonly #world: World;
  readonly #random: Random;
  readonly #table: string;

  constructor(scene: Scene, world: World) {
    this.#scene = scene;
    this.#report = scene.options.report;
    this.#world = world;
    this.#random = seeded(world.seed);
    this.#table = tableOf(world);
  }

  async fault(number: number): Promise<void> {
    const { destination, destinations, source, options } = this.#scene;
    const writing = destinations.busyWriters && this.#random.chance(0.4) ? this.#changeLater() : Promise.resolve();
    const [spoilt] = await Promise.all([destination.spoil(number, this.#random), writing]);
    this.#report.runs += 1;
    this.#count(spoilt);
    if (this.#random.chance(0.5)) await this.#change();
    await sessionsEnded(source);
    const repeated = await this.#repeat(spoilt);
    if (repeated.status === 'succeeded') await this.#check(spoilt, repeated);
    await this.#change();
    options.onFault?.(this.#report.faults);
  }

  #count(spoilt: Spoilt): void {
    const { end, met, beside, mayFail } = spoilt;
    this.#report.faults += met.length;
    for (const kind of [...met, ...beside]) this.#report.kinds[kind] = (this.#report.kinds[kind] ?? 0) + 1;
    if (end.killed && met.length > 0) return;
    if (end.code !== null && mayFail.includes(end.code)) return;
    this.#expectDone(end, spoilt);
  }

  async #repeat(spoilt: Spoilt): Promise<RunEnd> {
    const { destination, destinations } = this.#scene;
    for (let tries = 1; ; tries++) {
      const end = await destination.run();
      this.#report.runs += 1;
      const conflict = end.code !== null && destinations.conflicts.includes(end.code);
      if (conflict && tries < TRIES) continue;
      this.#expectDone(end, spoilt);
      return end;
    }
  }

  #wrong({ what }: Spoilt, problem: string): void {
    wrong(this.#report, this.#world.seed, `${this.#world.shape.name}, ${what}: ${problem}`);
  }

  #expectDone(end: RunEnd, spoilt: Spoilt): void {
    if (end.hung) this.#report.hung += 1;
    if (end.status === 'succeeded') return;
    this.#wrong(
      spoilt,
      `${end.hung ? 'hung' : `ended ${end.status} ${end.code}`} after ${end.events.at(-1)}: ${end.detail}`,
    );
  }

  async #changeLater(): Promise<void> {
    await sleep(this.#random.between(200, 2500));
    await this.#change();
  }

  async #change(): Promise<void> {
    const { source } = this.#scene;
    const { updates, deletes } = this.#world.shape;
    const table = this.#table;
    await source.query(insertRows(table, this.#random.between(0, 2000)));
    if (this.#random.chance(0.5)) await source.query(insertRows(table, this.#random.between(1, 9), 'NULL'));
    if (updates && this.#random.chance(0.8))
      await source.query(
        `UPDATE ${table} SET amount = amount + 1, stamp = now(), version = nextval('${table}_version') WHERE id % 97 = $1`,
        [this.#random.between(0, 96)],
      );
    if (deletes && this.#random.chance(0.5))
      await source.query(`DELETE FROM ${table} WHERE id % 499 = $1`, [this.#random.between(0, 498)]);
  }

  async #check(spoilt: Spoilt, last: RunEnd): Promise<void> {
    const { source, destination } = this.#scene;
    await using look = await destination.look();
    const { ask, dialect, name } = look;
    const rows = name(`${TENANT}_raw`, `rows${this.#world.shape.name === 'daily' ? '_latest' : ''}`);
    const found = await compare(source, this.#table, { ask, dialect, table: rows });
    this.#report.rowsChecked += found.rows;
    this.#report.lost += found.lost;
    this.#report.doubled += found.doubled;
    if (found.lost + found.doubled > 0) this.#wrong(spoilt, `${found.lost} lost, ${found.doubled} doubled`);
    const staged = await look.staged();
    if (staged.length > 0) this.#wrong(spoilt, `left in staging: ${staged.join(', ')}`);
    const committed = await ask(`SELECT run_id FROM ${name(`${TENANT}_tributary`, '_runs')}`);
    const ids = new Set(committed.map(({ run_id }) => String(run_id)));
    if (ids.size !== committed.length) this.#wrong(spoilt, 'a run is in _runs twice');
    const state = await ask(`SELECT run_id FROM ${name(`${TENANT}_tributary`, '_state')} WHERE source = 'rows'`);
    const states = state.map(({ run_id }) => String(run_id)).join(', ');
    if (states !== last.runId) this.#wrong(spoilt, `_state is of ${states}, the last run is ${last.runId}`);
    await this.#checkStore(ids, spoilt);
  }

  /** What the run store says of every run agrees with what the warehouse committed. */
  async #checkStore(committed: ReadonlySet<string>, spoilt: Spoilt): Promise<void> {
    await using store = openSqliteStore(join(this.#world.folder, '.tributary', 'runs.sqlite'));
    for (const { runId, status } of await store.list({ limit: 1000 })) {
      const fits = status !== 'running' && (status === 'succeeded') === committed.has(runId);
      if (!fits) this.#wrong(spoilt, `run ${runId} is recorded as ${status}, committed: ${committed.has(runId)}`);
    }
  }
}

const tableOf = ({ seed }: World) => `t${seed}`;

/** Works through the faults in several lanes, each with a database of its own. */
export async function kills(options: KillOptions): Promise<void> {
  const { server, faults, seed, lanes = 2, faultsOfAWorld = FAULTS_OF_A_WORLD, rows = ROWS } = options;
  const destinations = options.destinations ?? duckdbDestinations(server.password);
  let worlds = 0;
  let number = 0;
  let flying = 0;
  const wanted = () => options.report.faults + flying < faults;
  const inLane = async (index: number) => {
    const database = `kills_${seed}_${index}`;
    const admin = await server.client();
    await admin.query(`CREATE DATABASE ${database}`);
    await admin.end();
    await using ending = new AsyncDisposableStack();
    const source = await server.client({ database });
    ending.defer(() => source.end());
    const lane = ending.use(await destinations.lane());
    for (const most = number + 2 * faults; wanted() && number < most; ) {
      const shape = shapes[worlds % shapes.length] as Shape;
      await using used = new AsyncDisposableStack();
      const folder = await mkdtemp(join(tmpdir(), 'tributary-chaos-'));
      used.defer(() => rm(folder, { recursive: true, force: true }));
      const world = { folder, shape, seed: seed * 1000 + worlds++ };
      const table = tableOf(world);
      await source.query(createTable(table));
      await source.query(insertRows(table, rows));
      await mkdir(join(folder, 'tenants'));
      const { columns } = destinations;
      const spec = { table, load: shape.load, ...(columns === undefined ? {} : { columns }) };
      const text = tenantText(server, database, { rows: spec });
      await writeFile(join(folder, 'tenants', `${TENANT}.yaml`), text);
      const destination = used.use(await lane.open(world));
      const trial = new Trial({ options, destinations, source, destination }, world);
      for (let i = 0; i < faultsOfAWorld && wanted(); i++) {
        flying += 1;
        await trial.fault(number++).finally(() => {
          flying -= 1;
        });
      }
      await source.query(`DROP TABLE ${table}; DROP SEQUENCE ${table}_version`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, index) => inLane(index)));
}
