/** What the backend knows of the stacks: which there are, what they were made from, what the platform put out. */
import { globSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ContractError, type PlatformOutputs, readPlatformOutputs } from '../contract.ts';
import type { Engine, StackFailure } from './contract.ts';
import { runEngine, type Said } from './engine.ts';
import { failureOf } from './failure.ts';
import { HASH_TAG } from './resolved-hash.ts';

/** Names of all stacks of this project: `["acme.dev", "platform.dev"]`. */
export async function listStacks(engine: Engine): Promise<ReadonlySet<string> | StackFailure> {
  let said = await runEngine(engine, ['stack', 'ls', '--json']);
  if (said.code !== 0 && /\bEOF\b/.test(said.stderr) && removeTornFiles(engine))
    said = await runEngine(engine, ['stack', 'ls', '--json']);
  if (said.code !== 0) return refused('stacks', said);
  const found = JSON.parse(said.stdout || '[]') as readonly { readonly name: string }[];
  return new Set(found.map(({ name }) => name.split('/').at(-1) ?? name));
}

/** The hash that the last complete `up` of a stack was made from. */
export async function hashOf(engine: Engine, stack: string): Promise<string | undefined> {
  const { code, stdout } = await runEngine(engine, ['stack', 'tag', 'get', HASH_TAG, '--stack', stack]);
  return code === 0 ? stdout.trim() : undefined;
}

export async function keepHash(engine: Engine, stack: string, hash: string): Promise<void> {
  await runEngine(engine, ['stack', 'tag', 'set', HASH_TAG, hash, '--stack', stack]);
}

/** @returns a failure where the platform is not there yet, or speaks another version of the contract. */
export async function platformOutputs(engine: Engine, stack: string): Promise<PlatformOutputs | StackFailure> {
  const said = await runEngine(engine, ['stack', 'output', '--json', '--stack', stack]);
  if (/no stack named/.test(said.stderr))
    return { code: 'STACK_PLATFORM_MISSING', facts: { stack, reason: `There is no stack ${stack} in this backend.` } };
  if (said.code !== 0) return refused(stack, said);
  try {
    return readPlatformOutputs(JSON.parse(said.stdout) as Record<string, unknown>, stack);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    return { code: 'STACK_PLATFORM_MISSING', facts: { stack, reason: error.message } };
  }
}

/**
 * A file backend keeps attributes beside each file and does not write them atomically: an engine that was killed leaves
 * an empty file, and every command fails on it. Without the file all is well.
 */
function removeTornFiles({ environment }: Engine): boolean {
  const { PULUMI_BACKEND_URL: backend = '' } = environment;
  if (!backend.startsWith('file:///')) return false;
  const folder = join(fileURLToPath(backend), '.pulumi');
  const torn = globSync('**/*.attrs', { cwd: folder }).filter((file) => statSync(join(folder, file)).size === 0);
  for (const file of torn) rmSync(join(folder, file), { force: true });
  return torn.length > 0;
}

export function isFailure(value: object): value is StackFailure {
  return 'code' in value && 'facts' in value;
}

function refused(stack: string, { stderr, stdout }: Said): StackFailure {
  return failureOf({ stack, tenant: stack, text: stderr || stdout, errors: [], policies: [], done: 0 });
}
