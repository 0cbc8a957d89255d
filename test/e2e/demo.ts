/** `npm run demo`: a real PostgreSQL, three million real rows, two runs of three sources, and a warehouse to ask. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Client } from 'pg';
import { startPostgres } from '../servers/postgres.ts';
import { type AirlineTable, changes, questions, tables } from './airline.ts';
import { demoCloud } from './demo-cloud.ts';
import { demoStacks } from './demo-stacks.ts';

const root = join(import.meta.dirname, '..', '..');
const warehouseFolder = join(root, '.tributary', 'demo');
const warehouse = join(warehouseFolder, 'warehouse.duckdb');
const sources = ['flights', 'airports', 'weather'] as const;

let current: ChildProcess | undefined;
let interrupted = false;

const say = (text = '') => process.stdout.write(`${text}\n`);
const heading = (text: string) => say(`\n── ${text} ${'─'.repeat(Math.max(3, 90 - text.length))}`);
const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Runs a program whose output the person sees. */
function show(program: string, args: readonly string[], options: { cwd: string; env: Record<string, string> }) {
  return new Promise<void>((done, fail) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    current = child;
    child.once('error', fail);
    child.once('close', (code) => {
      if (code === 0) done();
      else fail(new Error(`${args.slice(0, 4).join(' ')} ended with exit code ${code}`));
    });
  });
}

/** DuckDB writes what the server then reads itself: no other program is needed. */
async function load(client: Client, table: AirlineTable, folder: string): Promise<void> {
  const file = join(folder, `${table.name}.csv`);
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  try {
    await connection.run(`COPY (${table.rows}) TO '${file}' (FORMAT csv, HEADER false)`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  await chmod(file, 0o644);
  await client.query(`COPY ${table.name} FROM '${file}' (FORMAT csv)`);
  await rm(file);
}

async function ask(sql: string): Promise<{ names: string[]; rows: string[][] }> {
  const instance = await DuckDBInstance.create(warehouse, { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(sql);
    return { names: reader.columnNames(), rows: reader.getRowsJson().map((row) => row.map(String)) };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function print({ names, rows }: { names: string[]; rows: string[][] }): void {
  const all = [names, ...rows];
  const widths = names.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const lineOf = (row: string[]) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd();
  say(lineOf(names));
  say(`  ${widths.map((width) => '─'.repeat(width)).join('  ')}`);
  for (const row of rows) say(lineOf(row));
}

async function countRows(): Promise<number[]> {
  const counts = sources.map((source) => `(SELECT count(*) FROM demo_raw.${source})`);
  return ((await ask(`SELECT ${counts.join(', ')}`)).rows[0] ?? []).map(Number);
}

async function demo(cleanup: AsyncDisposableStack): Promise<void> {
  const begin = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'tributary-demo-'));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  // The server may run under another account.
  await chmod(folder, 0o711);
  await rm(warehouseFolder, { recursive: true, force: true });
  await mkdir(warehouseFolder, { recursive: true });

  heading('A real PostgreSQL with real data');
  const server = cleanup.use(await startPostgres());
  const client = await server.client();
  cleanup.defer(() => client.end().catch(() => {}));
  for (const table of tables) {
    const since = performance.now();
    await client.query(table.create);
    await load(client, table, folder);
    for (const statement of table.finish) await client.query(statement);
    const { rows } = await client.query(`SELECT count(*)::int AS count FROM ${table.name}`);
    say(`  ${table.name.padEnd(10)} ${rows[0].count.toLocaleString('en').padStart(10)} rows  ${seconds(since)}`);
  }

  const tenants = join(folder, 'tenants');
  await mkdir(tenants);
  const tenant = await readFile(join(root, 'tenants', 'demo.yaml'), 'utf8');
  await writeFile(join(tenants, 'demo.yaml'), tenant.replace('port: 5432', `port: ${server.port}`));
  const runAll = async () => {
    for (const source of sources) {
      say(`\n$ tributary run demo ${source}`);
      const args = [join(root, 'runner', 'cli.js'), 'run', 'demo', source];
      await show(process.execPath, [...args, '--tenants', tenants, '--warehouse', `duckdb:${warehouse}`], {
        cwd: folder,
        env: { TRIBUTARY_SECRET_AIRLINE_PASSWORD: server.password },
      });
    }
    return countRows();
  };

  heading('First run: everything');
  const first = await runAll();

  heading('Meanwhile, at the source');
  for (const { what, sql } of changes) {
    await client.query(sql);
    if (what) say(`  ${what}`);
  }

  heading('Second run: only what changed');
  const second = await runAll();

  heading('The same tenant as infrastructure, on a simulated cloud');
  await demoStacks({ folder, show, say });

  heading('Summary');
  print({
    names: ['source', 'after the first run', 'after the second run', 'difference'],
    rows: sources.map((source, index) => {
      const [before = 0, after = 0] = [first[index], second[index]];
      return [source, before.toLocaleString('en'), after.toLocaleString('en'), String(after - before)];
    }),
  });
  say(`\nThe warehouse is a DuckDB file: ${relative(process.cwd(), warehouse)}`);
  say('Five queries to try on it, with their answers:');
  for (const { title, sql } of questions) {
    say(`\n${title}\n\n${sql.replace(/^/gm, '    ')}\n`);
    print(await ask(sql));
  }
  say(`\nDone in ${seconds(begin)}.`);
}

await using cleanup = new AsyncDisposableStack();
const interrupt = async () => {
  if (interrupted) return;
  interrupted = true;
  current?.kill('SIGINT');
  await cleanup.disposeAsync().catch(() => {});
  process.exit(130);
};
process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
try {
  if (process.argv.includes('--cloud')) await demoCloud({ show, say, heading, cleanup });
  else await demo(cleanup);
} catch (error) {
  if (!interrupted) {
    process.stderr.write(`\nThe demo stopped: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
