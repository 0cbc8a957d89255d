/** Completion in a real bash. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const cli = join(import.meta.dirname, '..', '..', '..', 'runner', 'cli.js');
let folder: string;

const tenant = (name: string, source: string) => `tenant: ${name}
connections:
  shop: {kind: postgres, host: h, database: d, user: u, tls: prefer, secret: main-password}
sources:
  ${source}: {connection: shop, table: public.${source}, load: {strategy: catalog}}
  other: {connection: shop, table: public.other, load: {strategy: catalog}}
`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-completion-'));
  for (const name of ['bin', 'tenants', 'elsewhere']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'tenants', 'acme.yaml'), tenant('acme', 'orders'));
  writeFileSync(join(folder, 'tenants', 'broken.yaml'), 'tenant: [');
  writeFileSync(join(folder, 'elsewhere', 'globex.yaml'), tenant('globex', 'parts'));
  writeFileSync(join(folder, 'bin', 'tributary'), `#!/bin/sh\nexec "${process.execPath}" "${cli}" "$@"\n`);
  chmodSync(join(folder, 'bin', 'tributary'), 0o755);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What bash offers when Tab is pressed after these words, the last one begun. */
function offered(...words: string[]): string[] {
  const script = `eval "$(tributary completion bash)"
COMP_LINE="tributary $*"; COMP_POINT=\${#COMP_LINE}
_tributary; printf '%s\\n' "\${COMPREPLY[@]}"; complete -p tributary >&2`;
  const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}` };
  const said = execFileSync('bash', ['-euc', script, 'bash', ...words], {
    cwd: folder,
    env,
    encoding: 'utf8',
    stdio: 'pipe',
  });
  return said.split('\n').filter((line) => line !== '');
}

test('commands, options and their values come from the program', () => {
  expect(offered('')).toEqual(expect.arrayContaining(['check', 'run', 'quarantine', 'completion']));
  expect(offered('')).not.toContain('complete');
  expect(offered('qu')).toEqual(['quarantine']);
  expect(offered('quarantine', '')).toEqual(['list', 'replay']);
  expect(offered('quarantine', 'replay', 'acme', 'orders', '--d')).toEqual(['--dry-run']);
  expect(offered('backfill', '--')).toEqual(expect.arrayContaining(['--from', '--to', '--tenants', '--json']));
  expect(offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
});

test('tenants, sources and connections come from the tenant files', () => {
  expect(offered('run', '')).toEqual(['acme', 'broken']);
  expect(offered('run', 'acme', '')).toEqual(['orders', 'other']);
  expect(offered('run', '--json', 'acme', 'or')).toEqual(['orders']);
  expect(offered('test', 'acme', '')).toEqual(['shop']);
  expect(offered('discover', 'acme', 'shop', 'public.or')).toEqual(['public.orders']);
  expect(offered('quarantine', 'replay', 'acme', '')).toEqual(['orders', 'other']);
  expect(offered('--tenants', 'elsewhere', 'run', 'globex', 'p')).toEqual(['parts']);
  expect(offered('--tenants=elsewhere', '--warehouse', 'duckdb:x.duckdb', 'run', '')).toEqual(['globex']);
});

test('where it knows nothing it leaves the word to the shell', () => {
  expect(offered('run', 'broken', '')).toEqual([]);
  expect(offered('run', 'nobody', '')).toEqual([]);
  expect(offered('--tenants', 'ten')).toEqual([]);
  expect(offered('nonsense', '')).toEqual([]);
});

test('every shell has its script, no other', () => {
  for (const shell of ['bash', 'zsh', 'fish'])
    expect(execFileSync(process.execPath, [cli, 'completion', shell], { encoding: 'utf8' })).toContain('tributary');
  expect(() => execFileSync(process.execPath, [cli, 'completion', 'csh'], { stdio: 'pipe' })).toThrow('bash|zsh|fish');
});
