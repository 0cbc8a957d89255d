import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ACME } from './scene.ts';

const SERVER = join(import.meta.dirname, '../../../webhook/server.ts');

let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-server-'));
  mkdirSync(join(folder, 'tenants'));
  writeFileSync(join(folder, 'tenants/acme.yaml'), ACME);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  line(match: (line: { message: string; url?: string; problem?: { code: string } }) => boolean): Promise<string>;
}

function start(env: Record<string, string> = {}): Running {
  const laptop = {
    TRIBUTARY_AUTH: 'laptop',
    TRIBUTARY_TENANTS: 'tenants',
    TRIBUTARY_LAUNCHER: 'child-process',
    PORT: '0',
  };
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [SERVER], { cwd: folder, env: { PATH, HOME, ...laptop, ...env } });
  children.push(child);
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stderr.resume();
  const exit = new Promise<number | null>((done) => child.on('close', done));
  return {
    child,
    exit,
    async line(match) {
      for (;;) {
        const found = said
          .split('\n')
          .slice(0, -1)
          .find((line) => match(JSON.parse(line)));
        if (found !== undefined) return found;
        if (child.exitCode !== null) throw new Error(`it ended (${child.exitCode}): ${said}`);
        await new Promise((done) => setTimeout(done, 20));
      }
    },
  };
}

async function urlOf(running: Running): Promise<string> {
  const { url } = JSON.parse(await running.line(({ message }) => message === 'listening')) as { url: string };
  return url;
}

describe('the service on a port', () => {
  test('is for this machine and its own name only', async () => {
    const url = await urlOf(start());
    expect((await fetch(`${url}/v1/tenants`)).status).toBe(200);
    const status = await new Promise((done, fail) => {
      const { port } = new URL(url);
      request({ port, path: '/v1/tenants', headers: { host: 'evil.example' } }, (answer) => done(answer.statusCode))
        .on('error', fail)
        .end();
    });
    expect(status).toBe(401);
  });

  test('reads a body of unknown length, and no more of it than the limit', async () => {
    const url = await urlOf(start());
    const send = (text: string) =>
      fetch(`${url}/v1/runs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: new Blob([text]).stream(),
        duplex: 'half',
      } as RequestInit);
    expect((await send('{"tenant":"acme","source":"nothing"}')).status).toBe(404);
    expect((await send(`{"tenant":"${'x'.repeat(300_000)}"}`)).status).toBe(413);
  });

  test('told to end, it finishes what it is answering and takes nothing new', async () => {
    const running = start();
    const url = await urlOf(running);
    const sent = await fetch(`${url}/v1/tenants/acme/connections:test`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ connection: 'shop' }),
    });
    expect(sent.status).toBe(202);
    const { port } = new URL(url);
    const answered = new Promise<number | undefined>((done, fail) => {
      const slow = request(
        {
          port,
          path: '/v1/runs',
          method: 'POST',
          headers: { 'content-type': 'application/json', expect: '100-continue' },
        },
        (answer) => {
          answer.resume();
          done(answer.statusCode);
        },
      ).on('error', fail);
      // The request is there, its body is not.
      slow.on('continue', async () => {
        slow.write('{"tenant":"acme",');
        running.child.kill('SIGTERM');
        await running.line(({ message }) => message === 'ending');
        slow.end('"source":"nothing"}');
      });
      slow.flushHeaders();
    });
    expect(await answered).toBe(404);
    expect(await running.exit).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('a port that is taken, and settings that are none, are said in a line', async () => {
    const { port } = new URL(await urlOf(start()));
    const second = start({ PORT: port });
    expect(await second.exit).toBe(1);
    expect(await second.line(({ problem }) => problem?.code === 'PORT_IN_USE')).toContain(port);
    const open = start({ HOST: '0.0.0.0' });
    expect(await open.exit).toBe(1);
    expect(await open.line(({ problem }) => problem?.code === 'USAGE')).toContain('TRIBUTARY_AUTH=laptop');
  });
});
