/** Our own command line as one of the measured programs, in a folder of its own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Command } from './measure.ts';

const root = join(import.meta.dirname, '..');
const cli = join(root, 'runner', 'cli.js');

export interface BenchSource {
  readonly table: string;
  readonly load: Readonly<Record<string, unknown>>;
}

export interface Endpoint {
  /** Default: PostgreSQL, its schema public. */
  readonly kind?: 'postgres' | 'mysql';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password: string;
}

/** What `run --json` prints, as far as a bench reads it. */
export interface RunReport {
  readonly status: string;
  readonly rows: Readonly<Record<string, number>>;
  readonly seconds: Readonly<Record<string, number>>;
}

/** Writes the tenant `bench` with these sources into a new workspace. */
export function writeTenant(workspace: string, source: Endpoint, sources: Readonly<Record<string, BenchSource>>): void {
  const { kind = 'postgres', host, port, database, user } = source;
  const tenant = {
    tenant: 'bench',
    displayName: 'Benchmark',
    project: 'bench-project',
    location: 'EU',
    region: 'europe-west1',
    owners: ['bench@example.com'],
    connections: {
      source: { kind, host, port, database, user, tls: 'disable', secret: 'bench-password' },
    },
    sources: Object.fromEntries(
      Object.entries(sources).map(([name, { table, load }]) => [
        name,
        {
          connection: 'source',
          table: kind === 'postgres' ? `public.${table}` : table,
          load,
          destination: { dataset: 'bench', table: name },
        },
      ]),
    ),
  };
  mkdirSync(join(workspace, 'tenants'), { recursive: true });
  writeFileSync(join(workspace, 'tenants', 'bench.yaml'), stringify(tenant));
}

export function warehouseFile(workspace: string): string {
  return join(workspace, 'warehouse.duckdb');
}

export function runCommand(workspace: string, source: Endpoint, name: string): Command {
  const warehouse = `duckdb:${warehouseFile(workspace)}`;
  const tenants = join(workspace, 'tenants');
  return {
    argv: [process.execPath, cli, 'run', 'bench', name, '--tenants', tenants, '--warehouse', warehouse, '--json'],
    cwd: workspace,
    env: { TRIBUTARY_SECRET_BENCH_PASSWORD: source.password },
  };
}

export function checkCommand(): Command {
  return { argv: [process.execPath, cli, 'check', join('tenants', 'demo.yaml')], cwd: root };
}

export function readReport(stdout: string): RunReport {
  return JSON.parse(stdout) as RunReport;
}
