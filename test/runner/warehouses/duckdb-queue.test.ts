/** Many processes want one file: they get it in the order they came, and nobody who is gone holds the row up. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { thisProcess } from '../../../runner/core/owner.ts';
import { Ticket } from '../../../runner/warehouses/duckdb/queue.ts';
import { newFolder } from '../../servers/child.ts';

const SECONDS = 40;
const room = join(import.meta.dirname, '..', '..', '..', 'runner', 'warehouses', 'duckdb');
let folder: string;

beforeAll(async () => {
  folder = await newFolder('queue');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function until(what: () => boolean): Promise<void> {
  for (const end = Date.now() + SECONDS * 1000; !what(); await sleep(20))
    if (Date.now() > end) throw new Error('it did not come');
}

/** A process that opens the warehouse, says so in a file, holds it, and lets it go. */
function opener(file: string, name: string, holdMs: number): ChildProcess {
  const log = JSON.stringify(join(folder, 'log'));
  const code = `
    import { appendFileSync } from 'node:fs';
    import { openDuckdb } from ${JSON.stringify(pathToFileURL(join(room, 'warehouse.ts')).href)};
    appendFileSync(${log}, 'begun ${name}\\n');
    const warehouse = await openDuckdb({ file: ${JSON.stringify(file)}, memory: '64MB', threads: 1 });
    appendFileSync(${log}, 'has ${name}\\n');
    await new Promise((done) => setTimeout(done, ${holdMs}));
    await warehouse[Symbol.asyncDispose]();`;
  const program = join(folder, `${name}.mjs`);
  writeFileSync(program, code);
  return spawn(process.execPath, [program], { stdio: 'inherit' });
}

function log(): string[] {
  const path = join(folder, 'log');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

function waiting(file: string): number {
  try {
    return readdirSync(`${file}.queue`).length;
  } catch {
    return 0;
  }
}

test('first come, first served; one that is killed in the row is passed over; nothing is left behind', async () => {
  const file = join(folder, 'shared.duckdb');
  const children = [opener(file, 'a', 60_000)];
  await until(() => log().includes('has a'));
  for (const [i, name] of ['b', 'c', 'd', 'e'].entries()) {
    children.push(opener(file, name, 1));
    await until(() => waiting(file) === i + 2);
  }
  const c = children[2];
  c?.kill('SIGKILL');
  children[0]?.kill('SIGKILL');
  await until(() => log().includes('has e'));
  expect(log().filter((line) => line.startsWith('has'))).toEqual(['has a', 'has b', 'has d', 'has e']);
  await Promise.all(
    children.map((child) => child.exitCode ?? child.signalCode ?? new Promise((done) => child.once('exit', done))),
  );
  expect(existsSync(`${file}.queue`)).toBe(false);
});

test('a ticket of nobody, of a process of elsewhere and of a torn write hold nobody up for good', () => {
  const file = join(folder, 'odd.duckdb');
  mkdirSync(`${file}.queue`);
  const elsewhere = join(`${file}.queue`, '000000000000001-1-aaaaaa');
  const torn = join(`${file}.queue`, '000000000000002-1-bbbbbb');
  writeFileSync(elsewhere, JSON.stringify({ host: 'elsewhere', pid: 1, started: '', namespace: '' }));
  writeFileSync(torn, '{');
  using ticket = new Ticket(file);
  expect(ticket.ahead()).toBe(2);
  const old = new Date(Date.now() - 60_000);
  utimesSync(elsewhere, old, old);
  utimesSync(torn, old, old);
  expect(ticket.ahead()).toBe(0);
  expect(readdirSync(`${file}.queue`)).toHaveLength(1);
});

test('a ticket that was taken away keeps its place', async () => {
  const file = join(folder, 'kept.duckdb');
  using ticket = new Ticket(file);
  const later = String(Date.now() + 1000).padStart(15, '0');
  const earlier = String(Date.now() - 1000).padStart(15, '0');
  const other = JSON.stringify({ ...thisProcess(), pid: process.ppid, started: '' });
  await rm(`${file}.queue`, { recursive: true });
  expect(ticket.ahead()).toBe(0);
  writeFileSync(join(`${file}.queue`, `${later}-1-aaaaaa`), other);
  expect(ticket.ahead()).toBe(0);
  writeFileSync(join(`${file}.queue`, `${earlier}-1-aaaaaa`), other);
  expect(ticket.ahead()).toBe(1);
});

test('a file that its holder lets go for a moment, to open it with other options, goes to nobody else', async () => {
  const file = join(folder, 'again.duckdb');
  const program = join(folder, 'holder.mjs');
  const queue = JSON.stringify(pathToFileURL(join(room, 'queue.ts')).href);
  writeFileSync(
    program,
    `import { Ticket } from ${queue}; new Ticket(${JSON.stringify(file)}); setInterval(() => {}, 1000)`,
  );
  const holder = spawn(process.execPath, [program], { stdio: 'inherit' });
  await until(() => waiting(file) === 1);
  const child = opener(file, 'impatient', 1);
  await until(() => waiting(file) === 2);
  // It looks five times a second.
  await sleep(1000);
  expect(log()).not.toContain('has impatient');
  holder.kill('SIGKILL');
  await new Promise((done) => child.once('exit', done));
  expect(log()).toContain('has impatient');
});

test('where nothing can be written there is no order', () => {
  writeFileSync(join(folder, 'file'), '');
  using ticket = new Ticket(join(folder, 'file', 'warehouse.duckdb'));
  expect(ticket.ahead()).toBe(0);
});
