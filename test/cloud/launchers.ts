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

function launcher(folder: string, name: string, command: string): void {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\nexec ${command}\n`);
  chmodSync(file, 0o755);
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
