/** The embedded warehouse under chaos: a child composed as the command line does, killed at events and statements. */
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { ChildJob } from './child.ts';
import type { Destination, Destinations, World } from './destination.ts';
import { duckdbDialect } from './oracle.ts';
import { type Ambush, Children } from './process.ts';
import type { Random } from './random.ts';
import { TENANT } from './tenant.ts';

type Kill = { readonly child: Pick<ChildJob, 'atEvent' | 'atStatement'> } | { readonly ambush: Ambush };

/** run-start, start and end of plan, extract, check and commit, run-end. */
const BOUNDARIES = 10;
/** About as many as an append needs; the longest commits and the checkpoint after them have more. */
const COMMIT_STATEMENTS = 9;
const LAST_STATEMENT = 24;

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

function open(children: Children, { folder }: World): Destination {
  const file = join(folder, 'warehouse.duckdb');
  const job = { folder, warehouse: file, tenant: TENANT, source: 'rows' };
  return {
    async spoil(number, random) {
      const kill = killOf(number, random);
      const end = await ('ambush' in kill ? children.run(job, kill.ambush) : children.run({ ...job, ...kill.child }));
      return { end, what: JSON.stringify(kill), met: end.killed ? ['kill'] : [], beside: [], mayFail: [] };
    },
    run: () => children.run(job),
    async look() {
      const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' });
      const connection = await instance.connect();
      const ask = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
      return {
        ask,
        dialect: duckdbDialect,
        name: (dataset, table) => `${dataset}.${table}`,
        async staged() {
          const found = await ask(
            `SELECT table_name FROM duckdb_tables() WHERE table_name LIKE '\\_stage%' ESCAPE '\\'`,
          );
          return found.map(({ table_name }) => String(table_name));
        },
        async [Symbol.asyncDispose]() {
          connection.closeSync();
          instance.closeSync();
        },
      };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

export function duckdbDestinations(password: string): Destinations {
  return {
    conflicts: [],
    busyWriters: false,
    async lane() {
      const children = new Children(password);
      return {
        open: async (world) => open(children, world),
        async [Symbol.asyncDispose]() {
          children[Symbol.dispose]();
        },
      };
    },
  };
}
