/** Kills a run somewhere, lets a fresh process run again, and compares with the source. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type pg from 'pg';
import { openSqliteStore } from '../../runner/stores/sqlite.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import type { ChildJob } from './child.ts';
import { type Ask, compare, createTable, insertRows, sessionsEnded } from './oracle.ts';
import { type Ambush, type ChildEnd, Children } from './process.ts';
import { type Random, seeded } from './random.ts';
import { type Report, wrong } from './report.ts';
import { type Shape, shapes, TENANT, tenantText } from './tenant.ts';

export interface KillOptions {
  readonly server: PostgresServer;
  readonly faults: number;
  readonly seed: number;
  readonly report: Report;
  readonly lanes?: number;
  readonly rows?: number;
  /** How often one table is faulted before the next way of loading has its turn. */
  readonly faultsOfAWorld?: number;
  /** Called after each fault with how many there were. */
  readonly onFault?: (faults: number) => void;
}

type Kill = { readonly child: Pick<ChildJob, 'atEvent' | 'atStatement'> } | { readonly ambush: Ambush };

/** run-start, start and end of plan, extract, check and commit, run-end. */
const BOUNDARIES = 10;
/** About as many as an append needs; the longest commits and the checkpoint after them have more. */
const COMMIT_STATEMENTS = 9;
const LAST_STATEMENT = 24;
const FAULTS_OF_A_WORLD = 8;
const ROWS = 20_000;

/** Half of the kills are at a boundary, all of them in turn; the others inside of something. */
function killOf(number: number, random: Random): Kill {
  if (number % 2 === 0) return { child: { atEvent: (number / 2) % BOUNDARIES } };
  const dice = random.next();
  const event = dice < 0.7 ? 'commit step-start' : dice < 0.85 ? 'extract step-start' : null;
  if (dice < 0.5) {
    const statement = random.between(1, random.chance(0.25) ? LAST_STATEMENT : COMMIT_STATEMENTS);
    return { child: { atStatement: { number: statement, afterMs: random.between(0, 3) } } };
  }
  return { ambush: { event, afterMs: random.between(0, event === null ? 700 : 100) } };
}

/** A database, a warehouse file and a run store of one shape, used for a few faults. */
class World {
  readonly #options: KillOptions;
  readonly #source: pg.Client;
  readonly #children: Children;
  readonly #shape: Shape;
  readonly #random: Random;
  readonly #seed: number;
  readonly #table: string;
  readonly #folder: string;

  constructor(lane: Lane, shape: Shape, seed: number, folder: string) {
    this.#options = lane.options;
    this.#source = lane.source;
    this.#children = lane.children;
    this.#shape = shape;
    this.#random = seeded(seed);
    this.#seed = seed;
    this.#table = `t${seed}`;
    this.#folder = folder;
  }

  async prepare(database: string): Promise<void> {
    await this.#source.query(createTable(this.#table));
    await this.#source.query(insertRows(this.#table, this.#options.rows ?? ROWS));
    await mkdir(join(this.#folder, 'tenants'));
    const text = tenantText(this.#options.server, database, { rows: { table: this.#table, load: this.#shape.load } });
    await writeFile(join(this.#folder, 'tenants', `${TENANT}.yaml`), text);
  }

  async fault(number: number): Promise<void> {
    const { report, onFault } = this.#options;
    const kill = killOf(number, this.#random);
    const job = { folder: this.#folder, warehouse: this.#warehouse, tenant: TENANT, source: 'rows' };
    const killed = await ('ambush' in kill
      ? this.#children.run(job, kill.ambush)
      : this.#children.run({ ...job, ...kill.child }));
    report.runs += 1;
    if (killed.killed) report.faults += 1;
    else this.#expectDone(killed, kill);
    if (this.#random.chance(0.5)) await this.#change();
    await sessionsEnded(this.#source);
    const repeated = await this.#children.run(job);
    report.runs += 1;
    this.#expectDone(repeated, kill);
    await this.#check(kill);
    await this.#change();
    onFault?.(report.faults);
  }

  async drop(): Promise<void> {
    await this.#source.query(`DROP TABLE ${this.#table}; DROP SEQUENCE ${this.#table}_version`);
  }

  get #warehouse(): string {
    return join(this.#folder, 'warehouse.duckdb');
  }

  #wrong(kill: Kill, problem: string): void {
    wrong(this.#options.report, this.#seed, `${this.#shape.name}, ${JSON.stringify(kill)}: ${problem}`);
  }

  #expectDone(end: ChildEnd, kill: Kill): void {
    if (end.hung) this.#options.report.hung += 1;
    if (end.status === 'succeeded') return;
    this.#wrong(
      kill,
      `${end.hung ? 'hung' : `ended ${end.status} ${end.code}`} after ${end.events.at(-1)}: ${end.detail}`,
    );
  }

  async #change(): Promise<void> {
    const table = this.#table;
    await this.#source.query(insertRows(table, this.#random.between(0, 2000)));
    if (this.#random.chance(0.5)) await this.#source.query(insertRows(table, this.#random.between(1, 9), 'NULL'));
    if (this.#shape.updates && this.#random.chance(0.8))
      await this.#source.query(
        `UPDATE ${table} SET amount = amount + 1, stamp = now(), version = nextval('${table}_version') WHERE id % 97 = $1`,
        [this.#random.between(0, 96)],
      );
    if (this.#shape.deletes && this.#random.chance(0.5))
      await this.#source.query(`DELETE FROM ${table} WHERE id % 499 = $1`, [this.#random.between(0, 498)]);
  }

  async #check(kill: Kill): Promise<void> {
    const { report } = this.#options;
    const instance = await DuckDBInstance.create(this.#warehouse, { access_mode: 'READ_ONLY' });
    const connection = await instance.connect();
    try {
      const ask: Ask = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
      const destination = `${TENANT}_raw.rows${this.#shape.name === 'daily' ? '_latest' : ''}`;
      const found = await compare(this.#source, this.#table, ask, destination);
      report.rowsChecked += found.rows;
      report.lost += found.lost;
      report.doubled += found.doubled;
      if (found.lost + found.doubled > 0) this.#wrong(kill, `${found.lost} lost, ${found.doubled} doubled`);
      const staged = await ask(`SELECT table_name FROM duckdb_tables() WHERE table_name LIKE '\\_stage%' ESCAPE '\\'`);
      if (staged.length > 0) this.#wrong(kill, `${staged.length} staging table(s) left`);
      const committed = await ask(`SELECT run_id FROM ${TENANT}_tributary._runs`);
      await this.#checkStore(new Set(committed.map(({ run_id }) => String(run_id))), kill);
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }

  /** What the run store says of every run agrees with what the warehouse committed. */
  async #checkStore(committed: ReadonlySet<string>, kill: Kill): Promise<void> {
    await using store = openSqliteStore(join(this.#folder, '.tributary', 'runs.sqlite'));
    for (const { runId, status } of await store.list({ limit: 1000 })) {
      const fits = status === (committed.has(runId) ? 'succeeded' : 'failed');
      if (!fits) this.#wrong(kill, `run ${runId} is recorded as ${status}, committed: ${committed.has(runId)}`);
    }
  }
}

interface Lane {
  readonly options: KillOptions;
  readonly source: pg.Client;
  readonly children: Children;
}

/** Works through the faults in several lanes, each with a database of its own. */
export async function kills(options: KillOptions): Promise<void> {
  const { server, faults, seed, lanes = 2, faultsOfAWorld = FAULTS_OF_A_WORLD } = options;
  let world = 0;
  let number = 0;
  let flying = 0;
  const wanted = () => options.report.faults + flying < faults;
  const lane = async (index: number) => {
    const database = `kills_${seed}_${index}`;
    const admin = await server.client();
    await admin.query(`CREATE DATABASE ${database}`);
    await admin.end();
    const source = await server.client({ database });
    using children = new Children(server.password);
    try {
      for (const most = number + 2 * faults; wanted() && number < most; ) {
        const shape = shapes[world % shapes.length] as Shape;
        const folder = await mkdtemp(join(tmpdir(), 'tributary-chaos-'));
        try {
          const one = new World({ options, source, children }, shape, seed * 1000 + world++, folder);
          await one.prepare(database);
          for (let i = 0; i < faultsOfAWorld && wanted(); i++) {
            flying += 1;
            await one.fault(number++).finally(() => {
              flying -= 1;
            });
          }
          await one.drop();
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      }
    } finally {
      await source.end();
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index)));
}
