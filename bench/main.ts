/** `npm run bench -- <name> [--quick] [--json] [--rounds N] [--rows N] [--only case,case]` */
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { stopMeasured } from './measure.ts';
import { type Result, splice, toMarkdown } from './report.ts';

export interface BenchOptions {
  /** A look, not a measurement: few rows, one round. */
  readonly quick: boolean;
  readonly rounds?: number;
  readonly rows?: number;
  readonly only?: readonly string[];
  /** Progress for the person who waits. */
  readonly say: (line: string) => void;
  /** What must be undone at the end, or at Ctrl-C. */
  readonly cleanup: AsyncDisposableStack;
  /** For anything on disk; removed at the end. */
  readonly folder: string;
}

type Bench = (options: BenchOptions) => Promise<Result>;

const benches = {
  postgres: async () => (await import('./postgres.ts')).benchPostgres,
  mysql: async () => (await import('./mysql.ts')).benchMysql,
  staging: async () => (await import('./staging.ts')).benchStaging,
  files: async () => (await import('./files.ts')).benchFiles,
  preview: async () => (await import('./preview.ts')).benchPreview,
  firestore: async () => (await import('./firestore.ts')).benchFirestore,
  webhook: async () => (await import('./webhook.ts')).benchWebhook,
  dataflow: async () => (await import('./dataflow.ts')).benchDataflow,
  fanout: async () => (await import('./fanout.ts')).benchFanout,
} satisfies Record<string, () => Promise<Bench>>;

const root = join(import.meta.dirname, '..');
/** Every program of Node that is measured has the compile cache, which `runner/cli.js` turns on for a run. */
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'node-compile-cache');

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1, not "${text}"`);
  return value;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      rows: { type: 'string' },
      only: { type: 'string' },
    },
  });
  const name = positionals[0] ?? '';
  if (!Object.hasOwn(benches, name) || positionals.length > 1) {
    throw new Error(
      `usage: npm run bench -- <${Object.keys(benches).join(' | ')}> [--quick] [--json] [--rounds N] [--rows N] [--only case,case]`,
    );
  }
  const rounds = positive('rounds', values.rounds);
  const rows = positive('rows', values.rows);
  const only = values.only?.split(',').map((one) => one.trim());

  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'tributary-bench-'));
  cleanup.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  const interrupt = () => {
    stopMeasured();
    cleanup.disposeAsync().finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);

  const bench = await benches[name as keyof typeof benches]();
  const result = await bench({
    quick: values.quick,
    ...(rounds ? { rounds } : {}),
    ...(rows ? { rows } : {}),
    ...(only ? { only } : {}),
    say: (line) => process.stderr.write(`${line}\n`),
    cleanup,
    folder,
  });
  // Only the whole measurement may stand as the project's result.
  const whole = !values.quick && !rows && !only;
  const file = join(root, 'bench', 'results', `${name}${whole ? '' : '.local'}.json`);
  mkdirSync(join(root, 'bench', 'results'), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  const markdown = toMarkdown(result);
  if (whole) splice(join(root, 'docs', 'benchmarks.md'), name, markdown);
  process.stdout.write(
    values.json ? `${JSON.stringify(result)}\n` : `${markdown}\n\n${relative(process.cwd(), file)}\n`,
  );
  return result.targets.every(({ ok }) => ok) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
