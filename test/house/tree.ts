/** The TypeScript files of this repository, as paths from its root. */
import { globSync } from 'node:fs';
import { join, sep } from 'node:path';

export const root = join(import.meta.dirname, '../..');

const NOT_OURS = new Set(['node_modules', '.git', '.cache', '.tributary']);

export function sourceFiles(): readonly string[] {
  const exclude = (path: string) => NOT_OURS.has(path.split(/[\\/]/).at(-1) ?? '');
  return globSync('**/*.ts', { cwd: root, exclude })
    .map((file) => file.split(sep).join('/'))
    .sort();
}
