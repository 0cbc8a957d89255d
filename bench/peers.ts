/** The other tools, each at a pinned version in one Python environment that the bench makes itself. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from './measure.ts';

const root = join(import.meta.dirname, '..');
const folder = join(root, '.cache', 'bench-venv');

/** `duckdb-cli` 1.4.4 is the last whose wheel is the program itself; Sling needs one. */
const packages = [
  'connectorx==0.4.6',
  'dlt[duckdb]==1.31.0',
  'sling-linux-amd64==1.4.11',
  'duckdb==1.5.6',
  'duckdb-cli==1.4.4',
  'pyarrow==26.0.1',
  'pandas==3.1.1',
  'sqlalchemy==2.1.9',
  'psycopg2-binary==2.9.13',
];

export const versions = { connectorx: '0.4.6', dlt: '1.31.0', sling: '1.4.11' } as const;

/** Makes the environment when it is missing or of other versions. Returns why there is none, or `undefined`. */
export function preparePeers(say: (line: string) => void): string | undefined {
  const stamp = join(folder, 'packages.json');
  const wanted = JSON.stringify(packages);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined;
  try {
    say('Preparing the Python environment of the peers (once)');
    rmSync(folder, { recursive: true, force: true });
    execFileSync('python3.11', ['-m', 'venv', folder], { stdio: 'pipe' });
    execFileSync(join(folder, 'bin', 'pip'), ['install', '--quiet', ...packages], { stdio: 'pipe' });
    chmodSync(join(folder, 'bin', 'duckdb'), 0o755);
    writeFileSync(stamp, wanted);
    return undefined;
  } catch (error) {
    const output = (error as { stderr?: Buffer }).stderr?.toString().trim().split('\n').at(-1);
    return output || (error as Error).message;
  }
}

export interface Peer {
  readonly script: string;
  readonly options: readonly string[];
  /** Where it leaves the rows. */
  readonly result: string;
}

export const peers = {
  connectorx: { script: 'connectorx_duckdb.py', options: [], result: 'orders' },
  'dlt-connectorx': { script: 'dlt_duckdb.py', options: ['connectorx'], result: 'loaded.orders' },
  'dlt-default': { script: 'dlt_duckdb.py', options: ['sqlalchemy'], result: 'loaded.orders' },
  sling: { script: 'sling_duckdb.py', options: [], result: 'orders' },
} as const satisfies Record<string, Peer>;

export function peerCommand(peer: Peer, source: string, table: string, workspace: string): Command {
  return {
    argv: [
      join(folder, 'bin', 'python'),
      join(import.meta.dirname, 'peers', peer.script),
      join(workspace, 'peer.duckdb'),
      table,
      ...peer.options,
    ],
    cwd: workspace,
    env: {
      PEER_SOURCE: source,
      PEER_HOME: workspace,
      HOME: workspace,
      TMPDIR: workspace,
      RUNTIME__DLTHUB_TELEMETRY: 'false',
      PYTHONDONTWRITEBYTECODE: '1',
    },
  };
}
