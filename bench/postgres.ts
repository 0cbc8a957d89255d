/** PostgreSQL into a DuckDB file: the raw limit, our own modes and the peers, side by side in one run. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type PostgresServer, postgresBin, startPostgres } from '../test/servers/postgres.ts';
import { differences, type Sums, sumsQuery } from './checksum.ts';
import type { BenchOptions } from './main.ts';
import { type Command, type Measured, measure, waitForQuiet } from './measure.ts';
import { type Peer, peerCommand, peers, preparePeers, versions } from './peers.ts';
import { type Case, describeMachine, type Result } from './report.ts';
import { alternate, describeSample, type Plan, type Sample, summarise } from './rounds.ts';
import { changeOrders, orders, ordersPart, ordersTimesFour, type Table, texts } from './tables.ts';
import { judge, ratios } from './targets.ts';
import { type BenchSource, checkCommand, readReport, runCommand, warehouseFile, writeTenant } from './tributary.ts';

const execute = promisify(execFile);

const STANDARD_ROWS = 5_000_000;
const QUICK_ROWS = 200_000;
/** The slowest peer gets this share of the rows. */
const PART = 10;

const caseNames = [
  'startup',
  'copy-csv',
  'replace',
  'append',
  'merge',
  'connectorx',
  'dlt-connectorx',
  'sling',
  'dlt-default',
  'memory20m',
  'wide4k',
  'huge',
  'merge-changes',
] as const;
const memoryCases = ['memory20m', 'wide4k', 'huge'] as const;
export type CaseName = (typeof caseNames)[number];

const replace: BenchSource['load'] = { strategy: 'catalog', history: 'replace' };
const append = { strategy: 'transactional', mode: 'append', cursor: 'updated_at' };
const merge = { ...append, mode: 'merge', key: ['id'] };
const sources: Readonly<Record<string, BenchSource>> = {
  replace: { table: 'orders', load: replace },
  append: { table: 'orders', load: append },
  merge: { table: 'orders', load: merge },
  memory20m: { table: 'orders_times_four', load: replace },
  wide4k: { table: 'texts_4k', load: replace },
  huge: { table: 'texts_50m', load: replace },
};

export async function benchPostgres(options: BenchOptions): Promise<Result> {
  const { say, cleanup, folder, quick } = options;
  const chosen = chooseCases(options.only);
  const rounds = options.rounds ?? (quick ? 1 : 3);
  const notes: string[] = [];
  const noisy = new Set<string>();

  say('Starting PostgreSQL');
  const server = cleanup.use(
    await startPostgres({
      settings: {
        wal_level: 'minimal',
        max_wal_senders: '0',
        max_wal_size: '8GB',
        autovacuum: 'off',
        shared_buffers: '512MB',
      },
    }),
  );
  const { psql, sql } = await shell(server);
  const everything = orders(options.rows ?? (quick ? QUICK_ROWS : STANDARD_ROWS));
  const make = async (table: Table) => {
    say(`Making ${table.name}: ${table.rows.toLocaleString('en')} rows`);
    for (const statement of table.create) await sql(statement);
    return table;
  };
  const expectations = new Map<string, Promise<Sums>>();
  const expected = (table: Table) => {
    const known =
      expectations.get(table.name) ??
      sql(`SELECT row_to_json(sums) FROM (${sumsQuery('postgres', table.name, table.columns)}) sums`).then(
        (text) => JSON.parse(text) as Sums,
      );
    expectations.set(table.name, known);
    return known;
  };
  const compare = async (table: Table, file: string, result: string): Promise<string> => {
    if (!existsSync(file)) return 'no file';
    const child = join(import.meta.dirname, 'checksum.ts');
    const { stdout } = await execute(process.execPath, [child, file, result, JSON.stringify(table.columns)]);
    const different = differences(await expected(table), JSON.parse(stdout) as Sums);
    return different.length === 0 ? 'exact' : `differs: ${different.join(' ')}`;
  };
  const cost = async (name: string, command: Command): Promise<Measured> => {
    if (!(await waitForQuiet(quick ? 5 : 60))) noisy.add(name);
    const measured = await measure(command, [server.pid]);
    if (measured.exitCode === 0) return measured;
    throw new Error(
      `${command.argv.join(' ')} ended with ${measured.exitCode}\n${measured.stderr.slice(-2000)}\n${measured.stdout.slice(-2000)}`,
    );
  };
  const ownRun = async (source: string, table: Table, workspace: string): Promise<Sample> => {
    if (!existsSync(join(workspace, 'tenants'))) writeTenant(workspace, server, sources);
    const measured = await cost(source, runCommand(workspace, server, source));
    const result = await compare(table, warehouseFile(workspace), `bench."${source}"`);
    return { ...measured, report: readReport(measured.stdout), result };
  };
  const url = `postgresql://${server.user}:${server.password}@${server.host}:${server.port}/${server.database}`;
  const peerRun = async (peer: Peer, table: Table, workspace: string): Promise<Sample | undefined> => {
    const measured = await cost(peer.script, peerCommand(peer, url, table.name, workspace)).catch((error: Error) => {
      notes.push(`${peer.script} failed and was left out: ${error.message.trim().split('\n').at(-1)?.slice(0, 300)}`);
      say(error.message);
    });
    if (!measured) return undefined;
    return { ...measured, result: await compare(table, join(workspace, 'peer.duckdb'), peer.result) };
  };

  const needsOrders = [...chosen].some((name) => !['startup', 'wide4k', 'huge'].includes(name));
  if (needsOrders) await make(everything);
  const missing = [...chosen].some((name) => name in peers) ? preparePeers(say) : undefined;
  if (missing) notes.push(`The peers were left out, their environment could not be made: ${missing}`);

  const own = (name: 'replace' | 'append' | 'merge'): Plan => ({
    name,
    rows: everything.rows,
    rounds,
    run: (workspace) => ownRun(name, everything, workspace),
  });
  const other = (name: keyof typeof peers, note: string, turns: number): Plan => ({
    name,
    rows: everything.rows,
    rounds: turns,
    note,
    run: (workspace) => peerRun(peers[name], everything, workspace),
  });
  const copy: Command = {
    argv: [...psql, '-c', 'COPY (SELECT * FROM orders) TO STDOUT (FORMAT csv)'],
    env: { PGPASSWORD: server.password },
    stdout: 'discard',
  };
  const plans: Plan[] = [
    {
      name: 'startup',
      rows: 0,
      rounds: 5,
      note: 'check tenants/demo.yaml',
      run: async () => ({ ...(await cost('startup', checkCommand())), result: '-' }),
    },
    {
      name: 'copy-csv',
      rows: everything.rows,
      rounds,
      note: 'psql to /dev/null, the raw limit',
      run: async () => ({ ...(await cost('copy-csv', copy)), result: '-' }),
    },
    own('replace'),
    own('append'),
    own('merge'),
    other('connectorx', `ConnectorX ${versions.connectorx}, 2 partitions, price as double`, rounds),
    other('dlt-connectorx', `dlt ${versions.dlt}, backend connectorx`, rounds),
    other('sling', `Sling ${versions.sling}, through CSV files into a DuckDB 1.4.4 program`, 1),
  ];

  const cases: Case[] = [];
  const wanted = plans.filter(({ name }) => chosen.has(name as CaseName) && !(missing && name in peers));
  if (chosen.has('copy-csv') || needsOrders) await measure(copy);
  cases.push(...(await alternate(wanted, folder, say)));

  if (chosen.has('dlt-default') && !missing) {
    const part = await make(ordersPart(Math.max(1, Math.floor(everything.rows / PART))));
    const note = `dlt ${versions.dlt}, backend sqlalchemy, on 1/${PART} of the rows`;
    cases.push(
      ...(await alternate(
        [
          {
            name: 'dlt-default',
            rows: part.rows,
            rounds: 1,
            note,
            run: (workspace) => peerRun(peers['dlt-default'], part, workspace),
          },
        ],
        folder,
        say,
      )),
    );
  }
  const extras: Record<(typeof memoryCases)[number], Table> = {
    memory20m: ordersTimesFour(everything.rows),
    wide4k: texts('texts_4k', quick ? 20_000 : 500_000, 4096),
    huge: texts('texts_50m', quick ? 4 : 20, 50_000_000),
  };
  for (const name of memoryCases) {
    const table = extras[name];
    if (!chosen.has(name)) continue;
    await make(table);
    cases.push(
      ...(await alternate(
        [{ name, rows: table.rows, rounds: 1, run: (workspace) => ownRun(name, table, workspace) }],
        folder,
        say,
      )),
    );
  }
  // Last, because it changes the source.
  if (chosen.has('merge-changes')) cases.push(await mergeChanges());

  if (noisy.size > 0) notes.push(`The machine was busy with something else before: ${[...noisy].join(', ')}.`);
  for (const { name, disturbed } of cases)
    if (disturbed > 0) notes.push(`${name}: something else took the machine in ${disturbed} of its rounds.`);
  const targets = judge(cases, notes);
  return {
    name: 'postgres',
    machine: describeMachine(await sql('SHOW server_version').then((v) => `PostgreSQL ${v}`)),
    cases,
    ratios: ratios(cases),
    targets,
    notes,
  };

  async function mergeChanges(): Promise<Case> {
    const updates = Math.min(80_000, Math.floor(everything.rows / 10));
    const inserts = Math.floor(updates / 4);
    const workspace = await mkdtemp(join(folder, 'run-'));
    try {
      say('merge-changes: first load');
      await ownRun('merge', everything, workspace);
      const samples: Sample[] = [];
      for (let turn = 0; turn < rounds; turn++) {
        for (const statement of changeOrders(everything, turn, updates, inserts)) await sql(statement);
        expectations.delete(everything.name);
        samples.push(await ownRun('merge', everything, workspace));
        say(describeSample('merge-changes', samples.at(-1)));
      }
      const note = `${updates.toLocaleString('en')} changed all over ${everything.rows.toLocaleString('en')} + ${inserts.toLocaleString('en')} new`;
      return summarise({ name: 'merge-changes', rows: updates + inserts, note }, samples);
    } finally {
      await rm(workspace, { recursive: true, force: true });
    }
  }
}

function chooseCases(only: readonly string[] | undefined): Set<CaseName> {
  const unknown = only?.filter((name) => !caseNames.includes(name as CaseName)) ?? [];
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(',')}: the cases are ${caseNames.join(', ')}`);
  return new Set(only ? (only as CaseName[]) : caseNames);
}

export async function shell({ host, port, user, database, password }: PostgresServer) {
  const beside = join(await postgresBin(), 'psql');
  const program = existsSync(beside) ? beside : 'psql';
  const psql = [
    program,
    '-X',
    '-q',
    '-v',
    'ON_ERROR_STOP=1',
    '-h',
    host,
    '-p',
    String(port),
    '-U',
    user,
    '-d',
    database,
  ] as const;
  const sql = async (statement: string) => {
    const env = { ...process.env, PGPASSWORD: password };
    const { stdout } = await execute(program, [...psql.slice(1), '-At', '-c', statement], { env });
    return stdout.trim();
  };
  return { psql, sql };
}
