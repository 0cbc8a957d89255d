/** The Pulumi CLI: where it is, where it keeps its state, and how its commands are run. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Engine, StackFailure } from './contract.ts';

export const PROJECT = 'tributary';
/** Inline programs run in `refresh` and `destroy` from here on. */
const OLDEST = '3.181.0';

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Run {
  readonly signal?: AbortSignal;
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
}

/**
 * The engine of this environment. Backend and secrets come from the variables that the Pulumi CLI itself takes
 * (`PULUMI_BACKEND_URL`, `PULUMI_CONFIG_PASSPHRASE` …); without a backend, state lies in `.tributary/pulumi` of `base`.
 */
export function findEngine(base: string, environment: NodeJS.ProcessEnv = process.env): Engine | StackFailure {
  const command = programOnPath('pulumi', environment.PATH ?? '') ?? builtEngine();
  if (command === undefined)
    return { code: 'STACK_ENGINE_MISSING', facts: { reason: 'No pulumi is on PATH', oldest: OLDEST } };
  const version = versionOf(command, base, environment);
  if (version === undefined)
    return { code: 'STACK_ENGINE_MISSING', facts: { reason: `${command} does not say its version`, oldest: OLDEST } };
  if (version.localeCompare(OLDEST, 'en', { numeric: true }) < 0)
    return { code: 'STACK_ENGINE_MISSING', facts: { reason: `${command} is version ${version}`, oldest: OLDEST } };
  const laptop = join(base, '.tributary', 'pulumi');
  const given = environment.PULUMI_BACKEND_URL;
  const backend = given ?? pathToFileURL(laptop).href;
  if (given === undefined) mkdirSync(laptop, { recursive: true });
  const folder = projectFolder(base, backend);
  const named = environment.PULUMI_CONFIG_PASSPHRASE ?? environment.PULUMI_CONFIG_PASSPHRASE_FILE;
  return {
    command,
    version,
    folder,
    environment: {
      PULUMI_BACKEND_URL: backend,
      PULUMI_SKIP_UPDATE_CHECK: 'true',
      // Nothing of a stack is secret on a laptop: secrets are created empty and have no outputs.
      ...(given === undefined && named === undefined ? { PULUMI_CONFIG_PASSPHRASE: '' } : {}),
    },
  };
}

/** Asking takes a fifth of a second, hence once for each file that the CLI is. */
function versionOf(command: string, base: string, environment: NodeJS.ProcessEnv): string | undefined {
  const { mtimeMs, size } = statSync(command);
  const known = join(base, '.tributary', 'stacks', 'engine.json');
  const key = `${command} ${mtimeMs} ${size}`;
  try {
    const remembered = JSON.parse(readFileSync(known, 'utf8')) as { readonly key: string; readonly version: string };
    if (remembered.key === key) return remembered.version;
  } catch {
    // It was not asked here yet.
  }
  const env = { ...environment, PULUMI_SKIP_UPDATE_CHECK: 'true' };
  const { stdout } = spawnSync(command, ['version'], { encoding: 'utf8', env, timeout: 60_000 });
  const version = /^v?(\d+\.\d+\.\d+)/.exec(stdout?.trim() ?? '')?.[1];
  mkdirSync(dirname(known), { recursive: true });
  if (version !== undefined) writeFileSync(known, JSON.stringify({ key, version }));
  return version;
}

/** Runs a command of the engine to its end; a refusal is an answer, not an error. */
export function runEngine(engine: Engine, args: readonly string[], run: Run = {}): Promise<Said> {
  const { command, folder, environment } = engine;
  return new Promise((done, fail) => {
    const child = spawn(command, [...args, '--non-interactive'], {
      cwd: run.folder ?? folder,
      env: { ...process.env, ...environment, ...run.environment, PATH: pathWith(command) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // The engine ends what it has begun, writes its state and gives the lock back.
    const stop = () => child.kill('SIGINT');
    run.signal?.addEventListener('abort', stop, { once: true });
    if (run.signal?.aborted) stop();
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
    child.once('error', fail);
    child.once('close', (code) => {
      run.signal?.removeEventListener('abort', stop);
      done({ code: code ?? -1, stdout: stdout(), stderr: stderr() });
    });
  });
}

/** The plugins that come with a CLI lie beside it. */
function pathWith(command: string): string {
  return [dirname(command), process.env.PATH ?? ''].join(delimiter);
}

/** One folder for each backend, as a stack's salt belongs to its state. */
function projectFolder(base: string, backend: string): string {
  const folder = join(base, '.tributary', 'stacks', createHash('sha256').update(backend).digest('hex').slice(0, 8));
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'Pulumi.yaml');
  const contents = `name: ${PROJECT}\nruntime: nodejs\n`;
  if (!existsSync(file) || readFileSync(file, 'utf8') !== contents) {
    const fresh = `${file}.${process.pid}`;
    writeFileSync(fresh, contents);
    renameSync(fresh, file);
  }
  return folder;
}

/** A stack's settings (`Pulumi.<stack>.yaml`: secrets provider, settings of providers) count in another folder too. */
export function adoptSettings(folder: string, from: string, stack: string): void {
  const name = `Pulumi.${stack}.yaml`;
  if (existsSync(join(from, name))) copyFileSync(join(from, name), join(folder, name));
}

function programOnPath(name: string, path: string): string | undefined {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  const places = path.split(delimiter).filter((folder) => folder !== '');
  return places
    .flatMap((folder) => endings.map((ending) => resolve(folder, `${name}${ending}`)))
    .find((file) => existsSync(file));
}

/** The one that `npm run engine` built in a checkout, the newest. */
function builtEngine(): string | undefined {
  const cache = join(import.meta.dirname, '../../.cache/engine');
  const built = globSync('*/bin/pulumi', { cwd: cache });
  const newest = built.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
  return newest === undefined ? undefined : join(cache, newest);
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}
