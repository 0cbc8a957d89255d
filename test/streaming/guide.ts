/** The blocks of docs/streaming.md, as people copy them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/ways.ts';

const text = readFileSync(join(root, 'docs/streaming.md'), 'utf8');

/** All blocks of a language below a heading, in their order. */
export function blocks(language: 'sql' | 'ini' | 'yaml', heading?: string): string[] {
  const from = heading === undefined ? 0 : text.indexOf(`\n${heading}\n`);
  if (from < 0) throw new Error(`docs/streaming.md has no ${heading}`);
  const below = text.slice(from + 1 + (heading?.length ?? 0));
  const end = heading === undefined ? -1 : below.search(/\n#{2,3} /);
  const part = end < 0 ? below : below.slice(0, end);
  return [...part.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, block = '']) => block);
}

/** Statements one by one: some refuse to share a transaction. */
export function statements(sql: string): string[] {
  return sql
    .replaceAll(/^--.*$/gm, '')
    .split(/;\s*\n/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** `wal_level = logical` → settings of a server. */
export function settings(ini: string): Record<string, string> {
  return Object.fromEntries(
    ini
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('#'))
      .map((line) => line.split(/\s*=\s*/) as [string, string]),
  );
}
