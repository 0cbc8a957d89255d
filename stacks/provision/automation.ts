/** One stack through the Automation API, with the program inline. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LocalWorkspace, type PulumiCommand, type PulumiFn, Stack } from '@pulumi/pulumi/automation/index.js';
import type { Engine } from './contract.ts';
import { adoptSettings, PROJECT, runEngine } from './engine.ts';

/** A command of the engine ended with a refusal. */
export class EngineRefusal extends Error {
  readonly text: string;

  constructor(text: string) {
    super(text);
    this.name = 'EngineRefusal';
    this.text = text;
  }
}

/** Opens a stack that the backend has. */
export async function openStack(engine: Engine, name: string, program: PulumiFn, signal: AbortSignal): Promise<Stack> {
  const workspace = await LocalWorkspace.create({
    workDir: engine.folder,
    envVars: { ...engine.environment },
    pulumiCommand: commandOf(engine, signal),
    program,
  });
  return Stack.select(name, workspace);
}

export async function createStack(engine: Engine, name: string): Promise<void> {
  const { code, stderr } = await runEngine(engine, ['stack', 'init', name, '--no-select']);
  if (code !== 0 && !stderr.includes('already exists')) throw new EngineRefusal(stderr);
}

/** The engine with an empty backend that is gone afterwards: a stack that is not there yet is previewed in it. */
export function throwaway(engine: Engine, stack: string): Engine & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-preview-'));
  writeFileSync(join(folder, 'Pulumi.yaml'), `name: ${PROJECT}\nruntime: nodejs\n`);
  adoptSettings(folder, engine.folder, stack);
  return {
    ...engine,
    folder,
    environment: {
      ...engine.environment,
      PULUMI_BACKEND_URL: pathToFileURL(folder).href,
      PULUMI_CONFIG_PASSPHRASE: '',
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * The engine as the Automation API calls it, without three of its habits: selecting a stack writes into the home
 * folder, and after an `up` it reads all outputs and the history in clear text, which nobody here looks at.
 */
function commandOf(engine: Engine, signal: AbortSignal): PulumiCommand {
  const answers: readonly (readonly [string, string])[] = [
    ['stack select', ''],
    ['stack output', '{}'],
    ['stack history', '[]'],
  ];
  const command = {
    command: engine.command,
    version: { version: engine.version, toString: () => engine.version },
    run: async (
      args: string[],
      folder: string,
      environment: Record<string, string>,
      onOutput?: (text: string) => void,
    ) => {
      const known = answers.find(([start]) => args.join(' ').startsWith(start));
      if (known !== undefined) return { code: 0, stdout: known[1], stderr: '', toString: () => known[1] };
      const said = await runEngine(engine, args, { folder, environment, signal });
      onOutput?.(said.stdout);
      if (said.code !== 0) throw new EngineRefusal(`${said.stderr}\n${said.stdout}`.trim());
      return { ...said, toString: () => said.stdout };
    },
  };
  return command as unknown as PulumiCommand;
}
