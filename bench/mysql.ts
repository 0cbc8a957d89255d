/** MariaDB into a DuckDB file: the raw limit, our own run and ConnectorX, side by side in one run. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startMysql } from '../test/servers/mysql.ts';
import { differences, type Sums } from './checksum.ts';
import type { BenchOptions } from './main.ts';
import { type Command, type Measured, measure, round, waitForQuiet } from './measure.ts';
import { mysqlOrders, mysqlSums } from './mysql-tables.ts';
import { peerCommand, peers, preparePeers, versions } from './peers.ts';
import { type Case, describeMachine, type Result, type Target } from './report.ts';
import { alternate, JUDGED_ROUNDS, type Plan, type Sample, wallRatio } from './rounds.ts';
import { readReport, runCommand, warehouseFile, writeTenant } from './tributary.ts';

const execute = promisify(execFile);

const STANDARD_ROWS = 2_000_000;
const QUICK_ROWS = 200_000;
const ROWS_TO_JUDGE = 1_000_000;
const caseNames = ['client', 'replace', 'connectorx'] as const;
/** `[case, compared with, at most]`, by wall: the median of the rounds' own ratios. */
const LIMITS = [
  ['replace', 'client', 1.15],
  ['replace', 'connectorx', 0.75],
] as const;
const MOST_MB = 450;

export async function benchMysql(options: BenchOptions): Promise<Result> {
  const { say, cleanup, folder, quick, only } = options;
  const unknown = only?.filter((name) => !caseNames.includes(name as (typeof caseNames)[number])) ?? [];
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(',')}: the cases are ${caseNames.join(', ')}`);
  const rounds = options.rounds ?? (quick ? 1 : JUDGED_ROUNDS);
  const notes: string[] = [];
  const noisy = new Set<string>();

  say('Starting MariaDB');
  const disk = await mkdtemp(join(tmpdir(), 'tributary-bench-mysql-'));
  const server = cleanup.use(await startMysql({ disk, settings: { 'innodb-buffer-pool-size': '1G' } }));
  if (server.program === null) throw new Error('The bench needs the client of MariaDB (mariadb-client).');
  const program = server.program;
  const client = await server.client();
  cleanup.defer(() => client.end());
  const table = mysqlOrders(options.rows ?? (quick ? QUICK_ROWS : STANDARD_ROWS));
  say(`Making ${table.name}: ${table.rows.toLocaleString('en')} rows`);
  await client.query("SET time_zone = '+00:00'");
  for (const statement of table.create) await client.query(statement);
  const [[sums]] = (await client.query(mysqlSums(table))) as unknown as [[Sums]];

  const compare = async (file: string, result: string): Promise<string> => {
    if (!existsSync(file)) return 'no file';
    const child = join(import.meta.dirname, 'checksum.ts');
    const { stdout } = await execute(process.execPath, [child, file, result, JSON.stringify(table.columns)]);
    const different = differences(sums, JSON.parse(stdout) as Sums);
    return different.length === 0 ? 'exact' : `differs: ${different.join(' ')}`;
  };
  const cost = async (name: string, command: Command): Promise<Measured> => {
    if (!(await waitForQuiet(quick ? 5 : 60))) noisy.add(name);
    const measured = await measure(command, [server.pid]);
    if (measured.exitCode === 0) return measured;
    throw new Error(
      `${name} ended with ${measured.exitCode}\n${measured.stderr.slice(-2000)}\n${measured.stdout.slice(-2000)}`,
    );
  };
  const endpoint = server;
  const at = ['-h', server.host, '-P', String(server.port), '-u', server.user, server.database];
  const raw: Command = {
    argv: [program, '--no-defaults', '--protocol=TCP', '--quick', '-B', ...at, '-e', 'SELECT * FROM orders'],
    env: { MYSQL_PWD: server.password },
    stdout: 'discard',
  };
  const replace = async (workspace: string): Promise<Sample> => {
    writeTenant(workspace, endpoint, {
      replace: { table: 'orders', load: { strategy: 'catalog', history: 'replace' } },
    });
    const measured = await cost('replace', runCommand(workspace, endpoint, 'replace'));
    const result = await compare(warehouseFile(workspace), 'bench."replace"');
    return { ...measured, report: readReport(measured.stdout), result };
  };
  const url = `mysql://${server.user}:${server.password}@${server.host}:${server.port}/${server.database}`;
  const connectorx = async (workspace: string): Promise<Sample> => {
    const measured = await cost('connectorx', peerCommand(peers.connectorx, url, table.name, workspace));
    return { ...measured, result: await compare(join(workspace, 'peer.duckdb'), peers.connectorx.result) };
  };
  const missing = only === undefined || only.includes('connectorx') ? preparePeers(say) : undefined;
  if (missing) notes.push(`ConnectorX was left out, its environment could not be made: ${missing}`);
  const plan = (name: (typeof caseNames)[number], run: Plan['run'], note?: string): Plan => {
    return { name, rows: table.rows, rounds, run, ...(note === undefined ? {} : { note }) };
  };
  const plans = [
    plan('client', async () => ({ ...(await cost('client', raw)), result: '-' }), 'mariadb --quick -B to /dev/null'),
    plan('replace', replace),
    plan('connectorx', connectorx, `ConnectorX ${versions.connectorx}, 2 partitions, price as double`),
  ].filter(({ name }) => (only?.includes(name) ?? true) && !(missing && name === 'connectorx'));

  await measure(raw);
  const cases = await alternate(plans, folder, say);
  if (noisy.size > 0) notes.push(`The machine was busy with something else before: ${[...noisy].join(', ')}.`);
  for (const { name, disturbed } of cases)
    if (disturbed > 0) notes.push(`${name}: something else took the machine in ${disturbed} of its rounds.`);
  const [[version]] = (await client.query('SELECT VERSION() AS v')) as unknown as [[{ v: string }]];
  return {
    name: 'mysql',
    machine: describeMachine(`MariaDB ${version.v.replace(/-mariadb.*$/i, '')}`),
    cases,
    ratios: ratios(cases),
    targets: judge(cases, notes),
    notes,
  };
}

function ratios(cases: readonly Case[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [one, other] of LIMITS) {
    const ratio = wallRatio(cases, one, other);
    if (Number.isFinite(ratio)) found[`${one}/${other}`] = round(ratio, 3);
  }
  return found;
}

function judge(cases: readonly Case[], notes: string[]): Target[] {
  const targets: Target[] = [];
  const own = cases.find(({ name }) => name === 'replace');
  const big = (own?.rows ?? 0) >= ROWS_TO_JUDGE;
  if (!big) notes.push(`Times are judged from ${ROWS_TO_JUDGE.toLocaleString('en')} rows up.`);
  const found = ratios(cases);
  for (const [one, other, limit] of LIMITS) {
    const got = found[`${one}/${other}`];
    if (big && got !== undefined)
      targets.push({ name: `${one}: wall / ${other}`, want: `≤ ${limit}`, got, ok: got <= limit });
  }
  if (own === undefined) return targets;
  targets.push({ name: 'replace: peak RSS', want: `≤ ${MOST_MB} MB`, got: own.rssMb, ok: own.rssMb <= MOST_MB });
  const exact = own.result === 'exact';
  targets.push({ name: `replace: ${own.result}`, want: 'exact', got: exact ? 1 : 0, ok: exact });
  return targets;
}
