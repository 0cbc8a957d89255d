const HIDDEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\$(\w*)\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\//g;
const WRITES =
  /\b(?:insert\s+into|delete\s+from|merge\s+into|update\s+(?:only\s+)?\S+(?:\s+(?:as\s+)?\S+)?\s+set|into|for\s+(?:no\s+key\s+)?update|for\s+(?:key\s+)?share)\b/i;

/**
 * Why a text is not one reading statement; `null` when it looks like one. A cheap look at the
 * words: the connector opens a read-only transaction as well.
 */
export function queryProblem(query: string): string | null {
  if (query.includes('/*!')) return 'holds an executable comment (/*!)';
  const bare = query
    .replace(HIDDEN, (hidden) => (hidden.startsWith('-') || hidden.startsWith('/') ? ' ' : "''"))
    .trim();
  if (bare === '') return 'is empty';
  if (!/^[(\s]*(?:select|with)\b/i.test(bare)) return 'must begin with SELECT or WITH';
  if (bare.replace(/;\s*$/, '').includes(';')) return 'holds more than one statement';
  const write = WRITES.exec(bare)?.[0].split(/\s/)[0];
  return write === undefined ? null : `must only read, but holds ${write.toUpperCase()}`;
}
