/** PostgreSQL into objects that are ready for the load job: the raw limit, the staging itself, and what each format costs. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { Storage } from '@google-cloud/storage';
import { quoteText } from '../runner/columnar/sql.ts';
import { startPostgres } from '../test/servers/postgres.ts';
import { startStorage } from '../test/servers/storage.ts';
import { differences, type Sums, sumsQuery } from './checksum.ts';
import type { BenchOptions } from './main.ts';
import { type Command, type Measured, measure, round, waitForQuiet } from './measure.ts';
import { shell } from './postgres.ts';
import { type Case, describeMachine, type Result, type Target } from './report.ts';
import { alternate, JUDGED_ROUNDS, type Plan, wallRatio } from './rounds.ts';
import type { StagingReport, StagingTask } from './staging-program.ts';
import { type Kind, orders, type Table, texts } from './tables.ts';
import { writeTenant } from './tributary.ts';

const STANDARD_ROWS = 5_000_000;
const QUICK_ROWS = 200_000;
/** Below this a ratio measures start-up, not throughput. */
const ROWS_TO_JUDGE = 1_000_000;
const BUCKET = 'bench-staging';
const GB = 1e9;
/** In NDJSON all but truth values are strings. */
const JSON_TYPES: Readonly<Record<Kind, string>> = {
  integer: 'BIGINT',
  decimal: 'DECIMAL(38,9)',
  boolean: 'BOOLEAN',
  text: 'VARCHAR',
  json: 'VARCHAR',
  timestamp: 'TIMESTAMPTZ',
  date: 'DATE',
};

/** What is only written to disk, by the options of COPY. */
const formats = {
  'parquet-zstd': undefined,
  'parquet-snappy': 'FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 122880',
  csv: 'FORMAT csv, HEADER false',
  ndjson: 'FORMAT json',
} as const;
const caseNames = [
  'copy-csv',
  'staging',
  ...(Object.keys(formats) as (keyof typeof formats)[]),
  'wide4k',
  'huge',
] as const;
type CaseName = (typeof caseNames)[number];

const limits: Readonly<Partial<Record<CaseName, number>>> = { staging: 450, wide4k: 450, huge: 2048 };
const WALL_LIMIT = 1.1;

export async function benchStaging(options: BenchOptions): Promise<Result> {
  const { say, cleanup, folder, quick } = options;
  const unknown = options.only?.filter((name) => !caseNames.includes(name as CaseName)) ?? [];
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(',')}: the cases are ${caseNames.join(', ')}`);
  const chosen = new Set<string>(options.only ?? caseNames);
  const rounds = options.rounds ?? (quick ? 1 : 3);
  const judged = options.rounds ?? (quick ? 1 : JUDGED_ROUNDS);
  const noisy = new Set<string>();

  say('Starting PostgreSQL and fake-gcs-server');
  const settings = {
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_wal_size: '8GB',
    autovacuum: 'off',
    shared_buffers: '512MB',
  };
  const server = cleanup.use(await startPostgres({ settings }));
  const storage = cleanup.use(await startStorage());
  const bucket = (await new Storage({ projectId: 'bench', apiEndpoint: storage.host }).createBucket(BUCKET))[0];
  const { psql, sql } = await shell(server);
  const everything = orders(options.rows ?? (quick ? QUICK_ROWS : STANDARD_ROWS));
  const wide = texts('texts_4k', quick ? 20_000 : 500_000, 4096);
  const huge = texts('texts_50m', quick ? 4 : 20, 50_000_000);
  const made = new Set<string>();
  const make = async (table: Table) => {
    if (made.has(table.name)) return;
    made.add(table.name);
    say(`Making ${table.name}: ${table.rows.toLocaleString('en')} rows`);
    for (const statement of table.create) await sql(statement);
  };
  const cost = async (name: string, command: Command): Promise<Measured> => {
    if (!(await waitForQuiet(quick ? 5 : 60))) noisy.add(name);
    const measured = await measure(command, [server.pid, storage.pid]);
    if (measured.exitCode === 0) return measured;
    throw new Error(`${name} ended with ${measured.exitCode}\n${measured.stderr.slice(-2000)}`);
  };
  const program = join(import.meta.dirname, 'staging-program.ts');
  const tasks = async (workspace: string, table: Table, more: Pick<StagingTask, 'format'> & Partial<StagingTask>) => {
    writeTenant(workspace, server, {
      staged: { table: table.name, load: { strategy: 'catalog', history: 'replace' } },
    });
    await mkdir(join(workspace, 'files'));
    const task: StagingTask = {
      tenantFile: join(workspace, 'tenants', 'bench.yaml'),
      source: 'staged',
      runId: `r${Date.now()}`,
      folder: join(workspace, 'files'),
      bucket: BUCKET,
      endpoint: storage.host,
      ...more,
    };
    return {
      argv: [process.execPath, program, JSON.stringify(task)],
      env: { BENCH_PASSWORD: server.password },
    } as const;
  };
  const objects = (name: CaseName, table: Table, format: StagingTask['format'], turns: number): Plan => ({
    name,
    rows: table.rows,
    rounds: turns,
    run: async (workspace) => {
      await make(table);
      const measured = await cost(name, await tasks(workspace, table, { format }));
      const report = JSON.parse(measured.stdout) as StagingReport;
      const result = await compare(table, report, workspace);
      await bucket.deleteFiles({ force: true });
      return { ...measured, result, report: { status: 'succeeded', rows: {}, seconds: report.seconds } };
    },
  });
  const compare = async (table: Table, report: StagingReport, workspace: string): Promise<string> => {
    const files: string[] = [];
    for (const [i, uri] of report.uris.entries()) {
      files.push(join(workspace, `${i}${/\.\w+$/.exec(uri)?.[0]}`));
      const name = encodeURIComponent(uri.slice(`gs://${BUCKET}/`.length));
      const object = await fetch(`${storage.host}/storage/v1/b/${BUCKET}/o/${name}?alt=media`);
      await writeFile(files[i] as string, Buffer.from(await object.arrayBuffer()));
    }
    const list = files.map(quoteText).join(', ');
    const casts = Object.entries(table.columns).map(([column, kind]) => `${column}::${JSON_TYPES[kind]} AS ${column}`);
    const reader = files[0]?.endsWith('.parquet')
      ? `read_parquet([${list}])`
      : `(SELECT ${casts.join(', ')} FROM read_ndjson([${list}], maximum_object_size = 200000000))`;
    const found = await duckdbSums(sumsQuery('duckdb', reader, table.columns));
    const sums = await sql(`SELECT row_to_json(sums) FROM (${sumsQuery('postgres', table.name, table.columns)}) sums`);
    const different = differences(JSON.parse(sums) as Sums, found);
    return different.length === 0 ? 'exact' : `differs: ${different.join(' ')}`;
  };
  const sizes = new Map<string, number>();
  const written = (name: keyof typeof formats): Plan => ({
    name,
    rows: everything.rows,
    rounds,
    note: 'to disk only',
    run: async (workspace) => {
      const format = name === 'ndjson' ? 'ndjson' : 'parquet';
      const copy = formats[name] ?? (await import('../runner/staging/copy.ts')).copying('parquet', 200).options;
      const measured = await cost(name, await tasks(workspace, everything, { format, copy }));
      sizes.set(name, (JSON.parse(measured.stdout) as StagingReport).bytes);
      return { ...measured, result: '-' };
    },
  });
  const copy: Command = {
    argv: [...psql, '-c', 'COPY (SELECT * FROM orders) TO STDOUT (FORMAT csv)'],
    env: { PGPASSWORD: server.password },
    stdout: 'discard',
  };

  await make(everything);
  const counting = `"$@" | wc -c`;
  const counted = await measure({ ...copy, argv: ['bash', '-c', counting, 'count', ...copy.argv], stdout: 'collect' });
  const csvBytes = Number(counted.stdout.trim());
  const plans: Plan[] = [
    {
      name: 'copy-csv',
      rows: everything.rows,
      rounds: judged,
      note: 'psql to /dev/null, the raw limit',
      run: async () => ({ ...(await cost('copy-csv', copy)), result: '-' }),
    },
    objects('staging', everything, 'parquet', judged),
    ...(Object.keys(formats) as (keyof typeof formats)[]).map(written),
    objects('wide4k', wide, 'parquet', 1),
    objects('huge', huge, 'ndjson', 1),
  ];
  const cases = await alternate(
    plans.filter(({ name }) => chosen.has(name)),
    folder,
    say,
  );
  const notes = [
    `The table is ${round(csvBytes / GB, 3)} GB as CSV. CPU seconds of the client per GB of it, from the wire to files on disk, and the size of the files:`,
    ...cases
      .filter(({ name }) => name in formats)
      .map(
        ({ name, cpu }) =>
          `${name}: ${round(cpu / (csvBytes / GB))} CPU s per GB, ${Math.round((sizes.get(name) ?? 0) / 1e6)} MB`,
      ),
  ];
  if (noisy.size > 0) notes.push(`The machine was busy with something else before: ${[...noisy].join(', ')}.`);
  for (const { name, disturbed } of cases)
    if (disturbed > 0) notes.push(`${name}: something else took the machine in ${disturbed} of its rounds.`);
  const ratio = wallRatio(cases, 'staging', 'copy-csv');
  return {
    name: 'staging',
    machine: describeMachine(await sql('SHOW server_version').then((v) => `PostgreSQL ${v}`)),
    cases,
    ratios: Number.isFinite(ratio) ? { 'staging/copy-csv': round(ratio, 3) } : {},
    targets: judge(cases, ratio, everything.rows),
    notes,
  };
}

function judge(cases: readonly Case[], ratio: number, rows: number): Target[] {
  const targets: Target[] = [];
  if (Number.isFinite(ratio) && rows >= ROWS_TO_JUDGE)
    targets.push({
      name: 'staging: wall / copy-csv',
      want: `≤ ${WALL_LIMIT}`,
      got: round(ratio, 3),
      ok: ratio <= WALL_LIMIT,
    });
  for (const { name, rssMb, result } of cases) {
    const limit = limits[name as CaseName];
    if (limit !== undefined)
      targets.push({ name: `${name}: peak RSS`, want: `≤ ${limit} MB`, got: rssMb, ok: rssMb <= limit });
    if (result !== '-')
      targets.push({
        name: `${name}: ${result}`,
        want: 'exact',
        got: Number(result === 'exact'),
        ok: result === 'exact',
      });
  }
  return targets;
}

async function duckdbSums(query: string): Promise<Sums> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '4GB' });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  const sums = (await connection.runAndReadAll(query)).getRowObjectsJson()[0] as Sums;
  connection.closeSync();
  instance.closeSync();
  return sums;
}
