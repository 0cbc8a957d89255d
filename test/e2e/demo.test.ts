import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, expect, test } from 'vitest';
import { findEngine } from '../cloud/engine.ts';

const root = join(import.meta.dirname, '..', '..');
const leftovers = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('tributary-demo-'));
let before: string[];
let output: string;

beforeAll(async () => {
  before = await leftovers();
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'test', 'e2e', 'demo.ts')], {
    cwd: root,
    maxBuffer: 2 ** 26,
  });
  output = stdout;
}, 240_000);

async function ask(sql: string) {
  const instance = await DuckDBInstance.create(join(root, '.tributary', 'demo', 'warehouse.duckdb'), {
    access_mode: 'READ_ONLY',
  });
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(sql);
  const rows = reader.getRowsJson();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

test('every flight arrived exactly once', async () => {
  const sql = 'SELECT count(*)::INT, count(DISTINCT id)::INT, min(id)::INT, max(id)::INT FROM demo_raw.flights';
  expect(await ask(sql)).toEqual([[3_005_000, 3_005_000, 1, 3_005_000]]);
});

test('the replaced table lost what the source lost and shows the new name', async () => {
  expect(await ask('SELECT count(*)::INT FROM demo_raw.airports')).toEqual([[3375]]);
  expect(await ask(`SELECT name FROM demo_raw.airports WHERE iata IN ('SEA', '00M')`)).toEqual([
    ['Seattle-Tacoma International'],
  ]);
});

test('corrected days replaced the old ones', async () => {
  const sql = 'SELECT count(*)::INT, count(DISTINCT (location, day))::INT FROM demo_raw.weather';
  expect(await ask(sql)).toEqual([[2923, 2923]]);
  const corrected = `SELECT count(*)::INT FROM demo_raw.weather WHERE updated_at > TIMESTAMPTZ '2020-01-01 00:00:00+00'`;
  expect(await ask(corrected)).toEqual([[32]]);
});

test('the person sees the runs, the file and the answers', () => {
  expect(output).toContain('$ tributary run demo weather');
  expect(output).toContain(join('.tributary', 'demo', 'warehouse.duckdb'));
  expect(output).toContain('Which airports see most departures?');
  expect(output).toMatch(/Done in \d+\.\d s\./);
});

test('the stack is shown where an engine is, and a sentence where none is', () => {
  if (findEngine() === null) {
    expect(output).toContain('no Pulumi engine is here');
    return;
  }
  expect(output).toContain('$ tributary preview demo');
  expect(output).toMatch(/\+ Tenant +demo\n/);
  expect(output).toMatch(/✓ demo\.dev: \d+ created in/);
  expect(output).toMatch(/✓ demo\.dev: no changes in/);
});

test('nothing is left behind', async () => {
  expect((await leftovers()).filter((name) => !before.includes(name))).toEqual([]);
});
