/** Files into rows: a whole run over a store, against DuckDB's own reader on local copies of the same files. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { startStorage } from '../test/servers/storage.ts';
import type { Part } from './files-staging.ts';
import type { BenchOptions } from './main.ts';
import { measure, round, waitForQuiet } from './measure.ts';
import type { Target } from './report.ts';
import { alternate, type Plan } from './rounds.ts';

const formats = ['csv', 'json', 'parquet'] as const;
export const rowCases = formats.flatMap((format) => [
  `${format}-duckdb`,
  `${format}-duckdb-lineage`,
  `${format}-tributary`,
]);
const ROWS = 10_000_000;
const QUICK_ROWS = 300_000;
const MOST_TIME = 1.2;
const BUCKET = 'bench-rows';
const cli = join(import.meta.dirname, '..', 'runner', 'cli.js');

export async function rowsOfFiles(options: BenchOptions): Promise<Part> {
  const { say, folder, quick } = options;
  const rows = options.rows ?? (quick ? QUICK_ROWS : ROWS);
  const rounds = options.rounds ?? (quick ? 1 : 3);
  const chosen = new Set<string>(options.only ?? rowCases);
  say(`Writing ${rows} rows in each format`);
  await writeFiles(folder, rows);
  await using storage = await startStorage();
  await fetch(`${storage.host}/storage/v1/b?project=bench`, { method: 'POST', body: JSON.stringify({ name: BUCKET }) });
  const plans: Plan[] = [];
  for (const format of formats) {
    const file = join(folder, `rows.${format}`);
    const url = `${storage.host}/upload/storage/v1/b/${BUCKET}/o?uploadType=media&name=rows.${format}`;
    const put = await fetch(url, { method: 'POST', body: readFileSync(file) });
    if (!put.ok) throw new Error(`${url}: ${put.status}`);
    const plan = (name: string, note: string, argv: (workspace: string) => [string, ...string[]]): Plan => ({
      ...{ name, rounds, note, rows },
      run: async (workspace) => {
        await waitForQuiet(quick ? 5 : 60);
        const env = { STORAGE_EMULATOR_HOST: storage.host };
        const measured = await measure({ argv: argv(workspace), cwd: workspace, env }, [storage.pid]);
        if (measured.exitCode !== 0) throw new Error(`${name} ended with ${measured.exitCode}\n${measured.stderr}`);
        const said = JSON.parse(measured.stdout) as { rows: number | { inserted: number } };
        const got = typeof said.rows === 'number' ? said.rows : said.rows.inserted;
        return { ...measured, result: got === rows ? 'exact' : `${got} rows` };
      },
    });
    const program = join(import.meta.dirname, 'files-rows-program.ts');
    plans.push(
      plan(`${format}-duckdb`, 'CREATE TABLE AS on a local copy', (workspace) => [
        ...([process.execPath, program, format, file, join(workspace, 'own.duckdb')] as const),
      ]),
      plan(`${format}-duckdb-lineage`, 'the same, with the four columns of lineage', (workspace) => [
        ...([process.execPath, program, format, file, join(workspace, 'own.duckdb'), 'lineage'] as const),
      ]),
      plan(`${format}-tributary`, 'whole run from fake-gcs-server', (workspace) => {
        writeTenant(workspace, format);
        const where = ['--tenants', 'tenants', '--warehouse', 'duckdb:warehouse.duckdb', '--json'];
        return [process.execPath, cli, 'run', 'bench', 'rows', ...where];
      }),
    );
  }
  const cases = await alternate(
    plans.filter(({ name }) => chosen.has(name)),
    folder,
    say,
  );
  const ratios: Record<string, number> = {};
  const targets: Target[] = [];
  const notes = [`Rows: ${rows} of seven columns, one file in each format.`];
  for (const format of formats) {
    const [own, same, ours] = ['duckdb', 'duckdb-lineage', 'tributary'].map((way) =>
      cases.find(({ name }) => name === `${format}-${way}`),
    );
    if (same !== undefined && ours !== undefined) {
      const alike = round(ours.wall / same.wall, 3);
      ratios[`${format}: tributary/duckdb with lineage`] = alike;
      notes.push(`${format}: ${alike} × DuckDB that writes the columns of lineage too.`);
    }
    if (own === undefined || ours === undefined) continue;
    const got = round(ours.wall / own.wall, 3);
    ratios[`${format}: tributary/duckdb`] = got;
    if (!quick)
      targets.push({
        ...{ name: `${format}: whole run / DuckDB's own reader`, want: `≤ ${MOST_TIME}` },
        ...{ got, ok: got <= MOST_TIME },
      });
  }
  return { cases, ratios, targets, notes };
}

async function writeFiles(folder: string, rows: number): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '300MB', temp_directory: folder });
  const connection = await instance.connect();
  const select = `SELECT range AS id, 'Customer ' || (range * 7919 % 1000003) AS name, (range * 31 % 100000) / 100 AS amount,
    TIMESTAMP '2020-09-13 12:26:40' + to_seconds(range) AS created_at, DATE '2020-09-13' + (range // 86400)::INTEGER AS day,
    range % 3 = 0 AS active, ['Berlin, X', 'Warsaw', 'São Paulo', 'Paris'][range % 4 + 1] AS city FROM range(${rows})`;
  for (const format of formats)
    await connection.run(`COPY (${select}) TO '${join(folder, `rows.${format}`)}' (FORMAT ${format})`);
  connection.closeSync();
  instance.closeSync();
}

function writeTenant(workspace: string, format: string): void {
  const tenant = {
    tenant: 'bench',
    connections: { landing: { kind: 'gcs', bucket: BUCKET } },
    sources: {
      rows: { connection: 'landing', files: { match: `*.${format}`, format }, load: { strategy: 'catalog' } },
    },
  };
  mkdirSync(join(workspace, 'tenants'), { recursive: true });
  writeFileSync(join(workspace, 'tenants', 'bench.yaml'), JSON.stringify(tenant));
}
