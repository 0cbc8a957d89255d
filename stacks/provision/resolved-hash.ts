/** The hash of everything that decides what a stack is: `--changed` compares it with the one its last `up` left. */
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Tag of a stack that holds the hash its last complete `up` was made from. */
export const HASH_TAG = 'tributary:hash';

/** Independent of the order of keys; a key without a value is as good as none. */
export function resolvedHash(parts: Readonly<Record<string, unknown>>): string {
  return createHash('sha256').update(canonical(parts)).digest('hex');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((one) => canonical(one ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`;
}

const root = join(import.meta.dirname, '../..');
/** What a stack's resources follow from, beside the tenant file. */
const DECIDING = ['components/**/*.ts', 'stacks/*.ts', 'tenants/*.ts'];

/** Version of the package with a hash of the components themselves: `0.1.0+1f3870be`. A changed component changes every stack. */
export function componentsVersion(): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const files = DECIDING.flatMap((pattern) => globSync(pattern, { cwd: root })).sort();
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(readFileSync(join(root, file)));
  return `${version}+${hash.digest('hex').slice(0, 8)}`;
}
