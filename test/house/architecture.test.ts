import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { free, rooms } from './arrows.ts';
import { forbiddenImports } from './cruise.ts';
import { root, sourceFiles } from './tree.ts';

const files = sourceFiles();

describe('arrows', () => {
  test('nobody imports what it may not', async () => {
    const parts = ['tenants', 'components', 'runner', 'webhook', 'stacks', 'policies', 'docs', 'test', 'bench'];
    const there = parts.filter((part) => files.some((file) => file.startsWith(`${part}/`)));
    expect(await forbiddenImports(root, there)).toEqual([]);
  });

  test('every file belongs to one room', () => {
    const matches = (file: string) => (path: string) => new RegExp(path).test(file);
    const homes = (file: string) => [
      ...rooms.filter(({ path, pathNot = [] }) => matches(file)(path) && !pathNot.some(matches(file))),
      ...free.filter(matches(file)),
    ];
    const lost = files.filter((file) => homes(file).length !== 1);
    expect(lost).toEqual([]);
  });

  /** [file, its import, whether it is allowed] */
  const planted: readonly (readonly [string, string, boolean])[] = [
    ['tenants/a.ts', `import 'zod'`, true],
    ['tenants/b.ts', `import 'pg'`, false],
    ['tenants/c.ts', `import { x } from '../runner/core/x.ts'`, false],
    ['tenants/d.ts', `import type { X } from '../runner/core/x.ts'`, false],
    ['runner/core/a.ts', `import type { X } from '../../tenants/x.ts'`, true],
    ['runner/core/b.ts', `import { x } from '../../tenants/x.ts'`, false],
    ['runner/core/c.ts', `import 'zod'`, false],
    ['runner/core/d.ts', `import { x } from '../pipeline/x.ts'`, false],
    ['runner/core/e.ts', `import 'node:crypto'`, true],
    ['runner/sources/postgres/a.ts', `import pg from 'pg'`, true],
    ['runner/sources/postgres/b.ts', `import { x } from '../mysql/x.ts'`, false],
    ['runner/sources/postgres/c.ts', `import { x } from '../../warehouses/duckdb/x.ts'`, false],
    ['runner/sources/postgres/d.ts', `import '@duckdb/node-api'`, false],
    ['runner/sources/postgres/e.ts', `import { x } from './x.ts'`, true],
    ['runner/columnar/a.ts', `import '@duckdb/node-api'`, true],
    ['runner/columnar/b.ts', `import { x } from '../warehouses/duckdb/x.ts'`, false],
    ['runner/staging/a.ts', `import { x } from '../columnar/x.ts'`, true],
    ['runner/staging/b.ts', `import { x } from '../warehouses/duckdb/x.ts'`, false],
    ['runner/warehouses/duckdb/a.ts', `import { x } from '../../columnar/x.ts'`, true],
    ['runner/warehouses/bigquery/a.ts', `import { x } from '../../columnar/x.ts'`, false],
    ['runner/sources/mysql/a.ts', `import { x } from './x.ts'`, true],
    ['runner/sources/mysql/b.ts', `import { x } from '../postgres/x.ts'`, false],
    ['runner/sources/mysql/c.ts', `import 'pg'`, false],
    ['runner/sources/registry.ts', `export const load = () => import('./postgres/x.ts')`, true],
    ['runner/sources/other.ts', `export const load = () => import('../stores/x.ts')`, false],
    ['runner/stores/a.ts', `import type { X } from '../pipeline/x.ts'`, false],
    ['runner/pipeline/a.ts', `import { x } from '../strategies/x.ts'`, true],
    ['runner/pipeline/b.ts', `import { x } from '../stores/x.ts'`, false],
    ['runner/pipeline/c.ts', `export const late = () => import('pg')`, false],
    ['runner/cli.js', `import { x } from './pipeline/x.ts'`, true],
    ['runner/main.ts', `import { x } from '../components/x.ts'`, false],
    ['runner/commands/a.ts', `export const late = () => import('../../stacks/provision/provisioner.ts')`, true],
    ['runner/commands/b.ts', `export const late = () => import('../../stacks/provision/x.ts')`, false],
    ['runner/secrets/laptop.ts', `import { x } from '../../test/x.ts'`, false],
    ['components/a.ts', `import { x } from '../runner/core/x.ts'`, false],
    ['stacks/a.ts', `import type { X } from '../runner/core/contracts/x.ts'`, true],
    ['stacks/b.ts', `import type { X } from '../runner/core/x.ts'`, false],
    ['webhook/a.ts', `import { x } from '../runner/stores/x.ts'`, true],
    ['webhook/b.ts', `import { x } from '../runner/sources/postgres/x.ts'`, false],
    ['webhook/c.ts', `import { x } from '../components/x.ts'`, false],
    ['policies/a.ts', `import { x } from '../components/x.ts'`, false],
    ['runner/sources/postgres/f.ts', `import { x } from './nowhere.ts'`, false],
  ];

  test('planted imports are caught, and only the forbidden ones', { timeout: 120_000 }, async () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tributary-arrows-')));
    const put = (file: string, content: string) => {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), content);
    };
    try {
      const names = ['zod', 'pg', '@duckdb/node-api'];
      put(
        'package.json',
        JSON.stringify({ type: 'module', dependencies: Object.fromEntries(names.map((n) => [n, '1'])) }),
      );
      for (const name of names) {
        put(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
        put(`node_modules/${name}/index.js`, '');
      }
      const targets = ['tenants', 'components', 'test', 'runner/core', 'runner/pipeline', 'runner/strategies'];
      targets.push(
        'runner/stores',
        'runner/sources/postgres',
        'runner/sources/mysql',
        'runner/warehouses/duckdb',
        'runner/columnar',
      );
      for (const target of targets) put(`${target}/x.ts`, 'export const x = 1; export type X = 1;');
      put('runner/core/contracts/x.ts', 'export type X = 1;');
      for (const name of ['provisioner', 'x']) put(`stacks/provision/${name}.ts`, 'export const x = 1;');
      for (const [file, code] of planted) put(file, `${code};\n`);
      const tops = ['tenants', 'components', 'runner', 'webhook', 'stacks', 'policies', 'test'];
      const found = await forbiddenImports(folder, tops);
      const caught = new Set(found.map((line) => line.split(' → ')[0]));
      const expected = planted.filter(([, , allowed]) => !allowed).map(([file]) => file);
      expect([...caught].sort()).toEqual(expected.sort());
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('files', () => {
  const contents = (file: string) => readFileSync(join(root, file), 'utf8');

  test('none has more than 500 lines', () => {
    const long = files.map((file) => [file, contents(file).split('\n').length - 1] as const);
    expect(long.filter(([, lines]) => lines > 500)).toEqual([]);
  });

  test('names are full words in kebab-case', () => {
    const name = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*)(?:\.(?:test|config|d))?\.ts$/;
    const banned = /^(?:utils?|helpers?|misc|common)\.ts$/;
    const wrong = files.filter((file) => {
      const parts = file.split('/');
      const last = parts.at(-1) ?? '';
      return !name.test(last) || banned.test(last) || parts.slice(0, -1).some((part) => !/^\.?[a-z0-9-]+$/.test(part));
    });
    expect(wrong).toEqual([]);
  });

  test('no default exports, except where a tool demands one', () => {
    const demanded = new Set(['vitest.config.ts']);
    const pattern = /^export\s+default\b|^export\s*\{[^}]*\bas\s+default\b/m;
    expect(files.filter((file) => !demanded.has(file) && pattern.test(contents(file)))).toEqual([]);
  });

  test('a test mirrors a file that exists', () => {
    const mirrors = files.filter((file) =>
      /^test\/(?:runner|tenants|webhook|components|policies)\/.*\.test\.ts$/.test(file),
    );
    const room = (file: string) => dirname(file).replace(/^test\//, '');
    expect(mirrors.filter((file) => !existsSync(join(root, room(file))))).toEqual([]);
  });
});
