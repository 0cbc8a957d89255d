/** Builds the Pulumi CLI with Go, once for this checkout. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { once } from '../setup/lock.ts';
import { findProgram } from '../setup/programs.ts';
import { builtEngine, ENGINE_VERSION, type Engine, type EnginePlaces, enginePlaces, findEngine } from './engine.ts';

const COMMAND = 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi';
const CLIPBOARD = 'github.com/tgummerer/clipboard v0.0.0-20241001131231-d02d263e614e';
const VERSION_VARIABLE = 'github.com/pulumi/pulumi/sdk/v3/go/common/version.Version';

/** What `setup` and `npm run engine` say before they start. */
export const buildTitle = `go build ${COMMAND}@v${ENGINE_VERSION} into .cache/engine (Go's module proxy; some minutes)`;

export const withoutGo =
  `No pulumi on PATH, and no Go to build it with. Install Pulumi (https://www.pulumi.com/docs/install/), ` +
  'or install Go 1.26 or newer (https://go.dev/dl/) and run npm run engine.';

export interface BuildOptions extends EnginePlaces {
  readonly go: string | null;
  readonly say: (line: string) => void;
}

/** The engine that is there, or else a new one. Two at once build one: the second waits for the first. */
export async function getEngine(options: BuildOptions): Promise<Engine> {
  const found = findEngine(options);
  if (found !== null) return found;
  if (options.go === null) throw new Error(withoutGo);
  const { go } = options;
  return once(
    join(options.cache, 'building'),
    () => findEngine(options),
    () => build(go, options),
  );
}

export function goProgram(): string | null {
  return findProgram('go') ?? findProgram('go', ['/usr/local/go/bin']);
}

async function build(go: string, { cache, say }: BuildOptions): Promise<Engine> {
  const engine = builtEngine({ cache });
  const folder = mkdtempSync(join(cache, 'build-'));
  say(`building ${buildTitle}`);
  try {
    const head = `module engine\n\ngo 1.26\n\ntool ${COMMAND}\n`;
    const require_ = `require ${COMMAND.replace('/cmd/pulumi', '')} v${ENGINE_VERSION}`;
    writeFileSync(
      join(folder, 'go.mod'),
      `${head}\n${require_}\n\nreplace github.com/atotto/clipboard => ${CLIPBOARD}\n`,
    );
    await run(go, ['mod', 'tidy'], folder);
    const flags = `-s -w -X ${VERSION_VARIABLE}=${ENGINE_VERSION}`;
    await run(go, ['build', '-ldflags', flags, '-o', 'pulumi', COMMAND], folder);
    mkdirSync(dirname(engine.path), { recursive: true });
    renameSync(join(folder, 'pulumi'), engine.path);
    return engine;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(go: string, arguments_: readonly string[], folder: string): Promise<void> {
  return new Promise((done, fail) => {
    let said = '';
    const child = spawn(go, arguments_, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2000);
    });
    child.on('error', fail);
    child.on('close', (code) => {
      if (code === 0) done();
      else fail(new Error(`go ${arguments_[0]} failed (exit ${code}):\n${said.trim()}`));
    });
  });
}

export const hereOptions = (say: (line: string) => void): BuildOptions => ({ ...enginePlaces, go: goProgram(), say });
