/** The work of `npm run setup`, over any table of requirements. */
import { spawnSync } from 'node:child_process';
import type { Requirement } from './requirements.ts';
import { root, type Way } from './ways.ts';

export interface SetupOptions {
  /** Get what is missing. */
  readonly yes: boolean;
  /** Say nothing about what is there. */
  readonly quiet: boolean;
  readonly say: (line: string) => void;
}

/** @returns the exit code: 1 where something is missing; with `yes`, only where it is vital */
export function setup(table: Readonly<Record<string, Requirement>>, options: SetupOptions): number {
  const missing: Requirement[] = [];
  for (const requirement of Object.values(table)) {
    const found = requirement.find() ?? (options.yes ? get(requirement, options) : null);
    if (found === null) missing.push(requirement);
    else if (!options.quiet) options.say(`have     ${requirement.title} (${found})`);
  }
  for (const requirement of missing) {
    options.say(`missing  ${requirement.title}: ${requirement.why}`);
    options.say(`         get it: ${(possibleWays(requirement)[0] ?? requirement.ways.at(-1))?.title}`);
  }
  if (missing.length === 0) return 0;
  if (!options.yes) {
    options.say('Get all of it: npm run setup -- --yes');
    return 1;
  }
  if (missing.some((requirement) => requirement.vital)) return 1;
  options.say('The suites that need what is missing will be skipped.');
  return 0;
}

function get(requirement: Requirement, { say }: SetupOptions): string | null {
  for (const way of possibleWays(requirement)) {
    say(`getting  ${requirement.title} (${requirement.why}): ${way.title}`);
    const failure = carryOut(way);
    const found = requirement.find();
    if (found !== null) return found;
    say(`failed   ${failure ?? 'it ended well, and yet nothing usable was found'}`);
  }
  return null;
}

function possibleWays(requirement: Requirement): readonly Way[] {
  return requirement.ways.filter((way) => way.possible());
}

/** @returns what went wrong, or null */
function carryOut(way: Way): string | null {
  for (const { run, environment, minutes = 10 } of way.commands) {
    const [program, ...arguments_] = run;
    const env = { ...process.env, ...environment };
    const result = spawnSync(program, arguments_, { cwd: root, env, encoding: 'utf8', timeout: minutes * 60_000 });
    if (result.status === 0) continue;
    const words = `${result.stderr ?? ''}`.trim().split('\n').slice(-5).join('\n         ');
    return `${program} ${arguments_[0]}: ${result.error?.message ?? `exit ${result.status ?? result.signal}`}\n         ${words}`;
  }
  return null;
}
