/** Where Schemathesis is: a virtual environment of Python in `.cache`, one for each list of versions. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../setup/ways.ts';

export const packages = join(import.meta.dirname, 'requirements.txt');
export const cache = join(root, '.cache/schemathesis');

/** The folder's name is the digest of the list: another list is another environment. */
export function schemathesisFolder(): string {
  return join(cache, createHash('sha256').update(readFileSync(packages)).digest('hex').slice(0, 12));
}

/** Its Python; `null` where it is missing. An environment gets its name only when it is whole. */
export function findSchemathesis(): string | null {
  const python = join(schemathesisFolder(), 'bin/python');
  return existsSync(python) ? python : null;
}
