/** Files by size and by number: what a run of ten times as much takes, in memory and for each file. */
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { DuckDBInstance } from '@duckdb/node-api';
import { startStorage } from '../test/servers/storage.ts';
import type { Part } from './files-staging.ts';
import type { BenchOptions } from './main.ts';
import { measure, round, waitForQuiet } from './measure.ts';
import type { Case, Target } from './report.ts';
import { alternate, type Plan } from './rounds.ts';

const cli = join(import.meta.dirname, '..', 'runner', 'cli.js');
const texts = ['csv', 'json', 'csv.gz', 'json.gz'] as const;
const SIZES = { '100mb': 100e6, '300mb': 300e6, '1gb': 1e9 } as const;
const MANY = { 'many-small-1000': 1000, 'many-small': 10_000 } as const;
export const scaleCases: readonly string[] = [
  ...Object.keys(MANY),
  ...texts.flatMap((format) => Object.keys(SIZES).map((size) => `${format}-${size}`)),
];
/** Bytes of a row, about, before it is packed. */
const ROW_BYTES = { csv: 90, json: 190 } as const;
const ROWS_OF_SMALL = 20;
const PUTS_AT_ONCE = 8;
const MOST_GROWTH = 1.15;
const MOST_CPU_GROWTH = 1.2;
const MOST_MEMORY = 650;

export async function scaleOfFiles(options: BenchOptions): Promise<Part> {
  const { say, quick } = options;
  const chosen = new Set<string>(options.only ?? scaleCases);
  const cases: Case[] = [];
  for (const [name, count] of Object.entries(MANY))
    if (chosen.has(name)) cases.push(...(await small(options, name, quick ? count / 10 : count)));
  for (const format of texts)
    for (const [size, bytes] of Object.entries(SIZES))
      if (chosen.has(`${format}-${size}`)) {
        say(`Writing ${size} of ${format}`);
        cases.push(...(await large(options, `${format}-${size}`, format, quick ? bytes / 10 : bytes)));
      }
  return {
    cases,
    ...judged(cases, quick),
    notes: ['The objects lie on disk: in memory the emulator looks for each among all.'],
  };
}

function judged(cases: readonly Case[], quick: boolean): Pick<Part, 'ratios' | 'targets'> {
  const ratios: Record<string, number> = {};
  const targets: Target[] = [];
  const find = (name: string) => cases.find((one) => one.name === name);
  const atMost = (name: string, limit: number, got: number, unit = '') => {
    if (!quick) targets.push({ name, want: `≤ ${limit}${unit}`, got, ok: got <= limit });
  };
  for (const format of texts) {
    const [one, three, ten] = Object.keys(SIZES).map((size) => find(`${format}-${size}`));
    if (ten === undefined) continue;
    atMost(`${format}-1gb: peak RSS`, MOST_MEMORY, ten.rssMb, ' MB');
    if (one !== undefined) ratios[`${format}: RSS of 1gb/100mb`] = round(ten.rssMb / one.rssMb, 3);
    if (three === undefined) continue;
    const growth = round(ten.rssMb / three.rssMb, 3);
    ratios[`${format}: RSS of 1gb/300mb`] = growth;
    atMost(`${format}: peak RSS of 1 GB / of 300 MB`, MOST_GROWTH, growth);
  }
  const [few, many] = [find('many-small-1000'), find('many-small')];
  if (many !== undefined) atMost('many-small: peak RSS', MOST_MEMORY, many.rssMb, ' MB');
  if (few !== undefined && many !== undefined) {
    const growth = round(many.cpu / many.rows / (few.cpu / few.rows), 3);
    ratios['many-small: CPU for each file, 10,000/1,000'] = growth;
    atMost('many-small: CPU for each file, 10,000 / 1,000', MOST_CPU_GROWTH, growth);
  }
  return { ratios, targets };
}

async function small(options: BenchOptions, name: string, count: number): Promise<Case[]> {
  options.say(`Putting ${count} files`);
  return await against(options, 'csv', { name, rows: count * ROWS_OF_SMALL, note: `${count} files` }, async (put) => {
    const waiting = Array.from({ length: count }, (_, i) => i).values();
    const work = async () => {
      for (const i of waiting) {
        const lines = Array.from(
          { length: ROWS_OF_SMALL },
          (_, k) => `${i * ROWS_OF_SMALL + k},Customer ${k},${k}.5\n`,
        );
        await put(`${i}.csv`, `id,name,amount\n${lines.join('')}`);
      }
    };
    await Promise.all(Array.from({ length: PUTS_AT_ONCE }, work));
  });
}

async function large(
  options: BenchOptions,
  name: string,
  ending: (typeof texts)[number],
  bytes: number,
): Promise<Case[]> {
  const format = ending.startsWith('csv') ? 'csv' : 'json';
  const rows = Math.round(bytes / ROW_BYTES[format]);
  const file = join(options.folder, `rows.${ending}`);
  await write(options.folder, file, format, ending.endsWith('.gz'), rows);
  const packed = (await stat(file)).size;
  const note = `${Math.round(packed / 1e6)} MB in the bucket`;
  try {
    return await against(options, format, { name, rows, note }, (put) =>
      put(`rows.${ending}`, Readable.toWeb(createReadStream(file)) as ReadableStream),
    );
  } finally {
    await rm(file);
  }
}

type Put = (name: string, body: string | ReadableStream) => Promise<void>;

async function against(
  { folder, say, quick, rounds = quick ? 1 : 3 }: BenchOptions,
  format: 'csv' | 'json',
  { name, rows, note }: { readonly name: string; readonly rows: number; readonly note: string },
  fill: (put: Put) => Promise<void>,
): Promise<Case[]> {
  await using storage = await startStorage({ onDisk: true });
  const bucket = 'bench-scale';
  await fetch(`${storage.host}/storage/v1/b?project=bench`, { method: 'POST', body: JSON.stringify({ name: bucket }) });
  await fill(async (object, body) => {
    const url = `${storage.host}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${object}`;
    const put = await fetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit);
    if (!put.ok) throw new Error(`${url}: ${put.status}`);
    await put.arrayBuffer();
  });
  const plan: Plan = {
    ...{ name, rounds, note, rows },
    run: async (workspace) => {
      await waitForQuiet(quick ? 5 : 60);
      writeTenant(workspace, bucket, format);
      const where = ['--tenants', 'tenants', '--warehouse', 'duckdb:warehouse.duckdb', '--json'];
      const measured = await measure(
        {
          argv: [process.execPath, cli, 'run', 'bench', 'rows', ...where],
          ...{ cwd: workspace, env: { STORAGE_EMULATOR_HOST: storage.host } },
        },
        [storage.pid],
      );
      if (measured.exitCode !== 0) throw new Error(`${name} ended with ${measured.exitCode}\n${measured.stderr}`);
      const said = JSON.parse(measured.stdout) as { rows: { inserted: number } };
      return { ...measured, result: said.rows.inserted === rows ? 'exact' : `${said.rows.inserted} rows` };
    },
  };
  return await alternate([plan], folder, say);
}

async function write(folder: string, file: string, format: 'csv' | 'json', packed: boolean, rows: number) {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '300MB', temp_directory: folder });
  const connection = await instance.connect();
  const select = `SELECT range AS id, 'Customer ' || (range * 7919 % 1000003) AS name, (range * 31 % 100000) / 100 AS amount,
    TIMESTAMP '2020-09-13 12:26:40' + to_seconds(range % 100000000) AS created_at, range % 3 = 0 AS active,
    md5(range::VARCHAR) AS token FROM range(${rows})`;
  await connection.run(`COPY (${select}) TO '${file}' (FORMAT ${format}${packed ? ', COMPRESSION gzip' : ''})`);
  connection.closeSync();
  instance.closeSync();
}

function writeTenant(workspace: string, bucket: string, format: 'csv' | 'json'): void {
  const tenant = {
    tenant: 'bench',
    connections: { landing: { kind: 'gcs', bucket } },
    sources: {
      rows: {
        connection: 'landing',
        files: { match: '*', format },
        load: { strategy: 'transactional', mode: 'append' },
      },
    },
  };
  mkdirSync(join(workspace, 'tenants'), { recursive: true });
  writeFileSync(join(workspace, 'tenants', 'bench.yaml'), JSON.stringify(tenant));
}
