/** A program that is kept alive, as a real process. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Supervised, supervise } from '../../../runner/dev/supervisor.ts';
import { newFolder } from '../../servers/child.ts';

const SECONDS = 30;
const room = join(import.meta.dirname, '..', '..', '..', 'runner', 'dev');
let folder: string;

beforeAll(async () => {
  folder = await newFolder('supervisor');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Watched {
  readonly supervised: Supervised;
  readonly deaths: {
    readonly code: number | null;
    readonly signal: string | null;
    readonly restartMs: number | null;
  }[];
  readonly lines: (string | Readonly<Record<string, unknown>>)[];
}

function watch(code: string): Watched {
  const deaths: Watched['deaths'] = [];
  const lines: Watched['lines'] = [];
  const supervised = supervise({
    program: [process.execPath, '-e', code],
    environment: process.env,
    isReady: ({ ready }) => ready === true,
    onLine: (line) => lines.push(line),
    onDeath: (death) => deaths.push(death),
  });
  return { supervised, deaths, lines };
}

const READY = `console.log(JSON.stringify({ready: true, pid: process.pid}));`;

async function until(what: () => boolean): Promise<void> {
  for (const end = Date.now() + SECONDS * 1000; !what(); await sleep(20))
    if (Date.now() > end) throw new Error('it did not come');
}

test('killed again and again it is started again, later each time', async () => {
  const { supervised, deaths, lines } = watch(`${READY} setInterval(() => {}, 1000)`);
  for (const life of [1, 2, 3]) {
    await until(() => lines.length === life);
    process.kill(supervised.pid() ?? 0, 'SIGKILL');
    await until(() => deaths.length === life);
  }
  expect(deaths.map(({ signal }) => signal)).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL']);
  expect(deaths.map(({ restartMs }) => restartMs)).toEqual([250, 500, 1000]);
  await until(() => lines.length === 4);
  expect(new Set(lines.map((line) => typeof line !== 'string' && line.pid)).size).toBe(4);
  supervised.stop('SIGTERM');
  await supervised.ended;
  expect(deaths.at(-1)).toEqual({ code: null, signal: 'SIGTERM', restartMs: null });
});

test('what dies before it ever worked is not started again', async () => {
  const { supervised, deaths, lines } = watch(`console.error('no such setting'); process.exit(7)`);
  await supervised.ended;
  expect(deaths).toEqual([{ code: 7, signal: null, restartMs: null }]);
  expect(lines).toEqual(['no such setting']);
});

test('stopped while it waits to be started again, it stays down', async () => {
  const { supervised, deaths, lines } = watch(`${READY} setTimeout(() => process.exit(1), 20)`);
  await until(() => deaths.length === 3);
  supervised.stop('SIGINT');
  await supervised.ended;
  expect(lines.length).toBeLessThanOrEqual(4);
  expect(existsSync(`/proc/${supervised.pid()}`)).toBe(false);
});

test('a program that cannot be started ends it', async () => {
  const lines: unknown[] = [];
  const supervised = supervise({
    program: [join(folder, 'nothing')],
    environment: process.env,
    isReady: () => true,
    onLine: (line) => lines.push(line),
    onDeath: () => {},
  });
  await supervised.ended;
  expect(String(lines[0])).toContain('ENOENT');
});

test('when the supervisor is killed, what it kept ends by itself, in its own order', async () => {
  const ended = join(folder, 'ended');
  const keeper = pathToFileURL(join(room, 'keeper.ts')).href;
  const kept = `process.on('SIGTERM', () => { require('node:fs').writeFileSync(${JSON.stringify(ended)}, 'orderly'); process.exit(0) });
    ${READY} setInterval(() => {}, 1000)`;
  const file = join(folder, 'driver.mjs');
  writeFileSync(
    file,
    `import { supervise } from ${JSON.stringify(pathToFileURL(join(room, 'supervisor.ts')).href)};
    supervise({ program: [process.execPath, '--import', ${JSON.stringify(keeper)}, '-e', ${JSON.stringify(kept)}],
      environment: process.env, isReady: () => true, onLine: (line) => console.log(JSON.stringify(line)), onDeath: () => {} });`,
  );
  const driver = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  driver.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  await until(() => said.includes('pid'));
  driver.kill('SIGKILL');
  await until(() => existsSync(ended));
  expect(readFileSync(ended, 'utf8')).toBe('orderly');
  const { pid } = JSON.parse(said) as { pid: number };
  await until(() => !existsSync(`/proc/${pid}`));
});
