/** The folder that goes first on PATH: the engine finds its plugins there by name. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { providerNames } from './schema.ts';

const packageFolder = dirname(createRequire(import.meta.url).resolve('@pulumi/pulumi/package.json'));

export function writeLaunchers(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const node = quoted(process.execPath);
  for (const name of providerNames) {
    launcher(folder, `pulumi-resource-${name}`, `${node} ${quoted(join(import.meta.dirname, 'plugin.ts'))} ${name}`);
  }
  // What the language host would start for a policy pack in TypeScript or JavaScript.
  const policies = quoted(join(packageFolder, 'cmd/run-policy-pack'));
  launcher(folder, 'pulumi-analyzer-policy-nodejs', `${node} ${policies} "$1" "$2"`);
}

/**
 * Puts our language host there, for programs that Pulumi.yaml names. In a folder of its own: where an engine finds one,
 * it has it start the policy packs as well.
 */
export function writeLanguageHost(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const host = quoted(join(import.meta.dirname, 'language-host.ts'));
  launcher(folder, 'pulumi-language-nodejs', `${quoted(process.execPath)} ${host} "$@"`);
}

function launcher(folder: string, name: string, command: string): void {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\nexec ${command}\n`);
  chmodSync(file, 0o755);
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
