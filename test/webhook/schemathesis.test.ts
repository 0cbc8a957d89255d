import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { expect, test } from 'vitest';
import { describeWith } from '../setup/describe-with.ts';
import { scene } from './routes/scene.ts';
import { findSchemathesis } from './schemathesis/installed.ts';

interface Attempt {
  readonly words: readonly string[];
  /** Values of parameters, so that calls meet what is there. */
  readonly known?: Readonly<Record<string, string>>;
}

/** Answers on a port as a laptop's service does; @returns what Schemathesis said */
async function tried({ words, known }: Attempt): Promise<{ code: number | null; said: string }> {
  await using its = await scene({ streamMs: 200, deployments: true }, 'laptop');
  const server = createAdaptorServer({ fetch: its.app.fetch });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), 'tributary-schemathesis-'));
  const values = known === undefined ? {} : { ...known, run: await newRun(url) };
  const lines = Object.entries(values).map(([name, value]) => `"path.${name}" = ${JSON.stringify(value)}`);
  writeFileSync(join(folder, 'schemathesis.toml'), ['[parameters]', ...lines, ''].join('\n'));
  const common = ['--seed', '7', '--generation-database', 'none', '--no-color', '--request-timeout', '20'];
  const checks = ['--checks', CHECKS.join(',')];
  try {
    const child = spawn(
      findSchemathesis() ?? '',
      ['-m', 'schemathesis.cli', 'run', `${url}/openapi.json`, ...common, ...checks, ...words],
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: 240_000, killSignal: 'SIGKILL' },
    );
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-60_000);
      });
    const code = await new Promise<number | null>((done) => child.on('close', done));
    return { code, said };
  } finally {
    await new Promise<void>((done) => {
      server.close(() => done());
      if ('closeAllConnections' in server) server.closeAllConnections();
    });
    rmSync(folder, { recursive: true, force: true });
  }
}

async function newRun(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/tenants/acme/sources/customers/trigger`, { method: 'POST' });
  expect(response.status).toBe(202);
  return ((await response.json()) as { runId: string }).runId;
}

const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'missing_required_header',
  'unsupported_method',
];

describeWith(['schemathesis'], 'the API as it describes itself', () => {
  test('no error of the server, no answer that is not described', { timeout: 300_000 }, async () => {
    const { code, said } = await tried({ words: ['--phases', 'examples,coverage', '--max-examples', '20'] });
    expect(code, said).toBe(0);
    expect(said).toMatch(/Tested: [1-9]/);
  });

  test('the same where the tenant, the source and the run are there', { timeout: 300_000 }, async () => {
    const known = { tenant: 'acme', source: 'orders', connection: 'shop' };
    const { code, said } = await tried({ words: ['--phases', 'fuzzing', '--max-examples', '20'], known });
    expect(code, said).toBe(0);
    expect(said).toMatch(/Tested: [1-9]/);
  });
});
