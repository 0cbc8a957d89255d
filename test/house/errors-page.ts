import { type Code, catalogue, type Facts } from '../../runner/core/catalogue.ts';

/** Facts whose absence has its own wording, which is the one to show. */
const OPTIONAL = new Set(['advice', 'grant', 'logs']);

/** Stands for the facts of a real error: each is its own name in angle brackets. */
const placeholders = new Proxy({} as Facts, {
  get: (_, name) => (OPTIONAL.has(String(name)) ? undefined : `<${String(name)}>`),
});

/** docs/errors.md */
export function renderErrors(): string {
  const codes = Object.keys(catalogue) as Code[];
  const lines = [
    '<!-- Written by `npm run generate` from runner/core/catalogue.ts. -->',
    '# Errors',
    '',
    'Every failure has one of these codes, in the terminal, in `--json`, in logs, in the run record and in the API.',
    'Codes never change. **Who acts** says whose configuration or system the cause is in; **again** says whether the',
    'same run may succeed when it is simply repeated.',
  ];
  for (const code of codes) {
    const { title, origin, retryable, detail, fix } = catalogue[code];
    lines.push('', `## ${code}`, '', `${escaped(title)}`, '');
    lines.push(`- What: ${escaped(detail(placeholders))}`);
    lines.push(`- Fix: ${escaped(fix(placeholders))}`);
    lines.push(`- Who acts: ${origin} · again: ${retryable ? 'yes' : 'no'}`);
  }
  return `${lines.join('\n')}\n`;
}

function escaped(text: string): string {
  return text.replaceAll(/[<>*\\]/g, '\\$&');
}
