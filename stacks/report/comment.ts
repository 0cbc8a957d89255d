/** The previews of many stacks as the one comment of a pull request. */
import type { PolicyResult, PreviewOp, PreviewOperation, PreviewResult } from '../preview-result.ts';
import { BODY_LIMIT, code, fitted, nameOf, plain } from './markdown.ts';
import { countOf, losesData, type Risk, riskOf, worstRisk } from './risk.ts';

/** First line of the comment; by it the comment is found again. */
export const PREVIEW_MARKER = '<!-- tributary preview -->';

const OPS: readonly PreviewOp[] = ['create', 'update', 'replace', 'delete'];
const SIGNS: Readonly<Record<PreviewOp, string>> = { create: '+', update: '~', replace: '±', delete: '-' };
const HEADLINES: Readonly<Record<Risk, string>> = {
  none: 'Nothing would change.',
  routine: 'Nothing that holds data goes away and nobody may do more than before.',
  access: 'Grants change: needs the label `approved: access`.',
  data: '**Data or identities would go away**: needs the label `approved: data`.',
  blocked: '**Blocked**: a preview failed or a mandatory rule is broken.',
};

/** Rows of the table above which the quiet ones are only counted. */
const MOST_ROWS = 200;

export interface CommentFacts {
  /** What else to say, for example why these tenants were chosen. */
  readonly note?: string;
  readonly limit?: number;
}

/** The comment, never longer than GitHub takes; the most important first. */
export function renderComment(
  results: readonly PreviewResult[],
  { note, limit = BODY_LIMIT }: CommentFacts = {},
): string {
  const sorted = results.toSorted((a, b) => a.stack.localeCompare(b.stack));
  const changing = sorted.filter((result) => riskOf(result) !== 'none');
  const quiet = sorted.length - changing.length;
  const heading = [
    PREVIEW_MARKER,
    `### Preview: ${counted(sorted.length, 'stack')}, ${changing.length} with changes`,
    HEADLINES[worstRisk(sorted)],
    ...(note === undefined ? [] : [plain(note)]),
  ].join('\n\n');
  const blocks = [
    heading,
    ...(changing.length > 0 ? [table(changing, quiet)] : []),
    ...losses(sorted),
    ...policyBlocks(sorted),
    ...changing.map(details),
  ];
  return fitted(
    blocks,
    limit,
    (count) => `_${counted(count, 'part')} left out: too long for a comment. See the artifact of this run._`,
  );
}

function table(results: readonly PreviewResult[], quiet: number): string {
  const shown = results.slice(0, MOST_ROWS);
  const lines = ['| stack | create | update | replace | delete | rules | |', '|---|--:|--:|--:|--:|---|---|'];
  for (const result of shown) {
    const cells = OPS.map((op) => cell(result.operations, op));
    lines.push(`| ${code(result.stack)} | ${cells.join(' | ')} | ${rules(result.policies)} | ${state(result)} |`);
  }
  const more = results.length - shown.length;
  if (more > 0) lines.push(`| … and ${more} more | | | | | | |`);
  if (quiet > 0) lines.push(`| ${counted(quiet, 'stack')} without changes | | | | | | |`);
  return lines.join('\n');
}

function cell(operations: readonly PreviewOperation[], op: PreviewOp): string {
  const count = countOf(operations, op);
  const data = countOf(operations.filter(losesData), op);
  if (count === 0) return '';
  return data > 0 ? `**${count} (${data} of data)**` : String(count);
}

function rules(policies: readonly PolicyResult[]): string {
  const { mandatory = [], other = [] } = Object.groupBy(policies, ({ level }) =>
    level === 'mandatory' ? 'mandatory' : 'other',
  );
  const words = [
    ...(mandatory.length > 0 ? [`**${mandatory.length} broken**`] : []),
    ...(other.length > 0 ? [`${other.length} advised`] : []),
  ];
  return words.join(', ') || 'held';
}

function state({ error, seconds }: PreviewResult): string {
  return error === undefined ? `${seconds.toFixed(1)} s` : '**no preview**';
}

function losses(results: readonly PreviewResult[]): string[] {
  const lines = results.flatMap(({ stack, operations }) =>
    operations.filter(losesData).map(({ op, type, urn, replaceKeys = [] }) => {
      const why = replaceKeys.length > 0 ? ` (${replaceKeys.map(plainKey).join(', ')})` : '';
      return `- **${op} ${plain(nameOf(urn))}** ${code(type)} of ${code(stack)}${why}`;
    }),
  );
  return lines.length === 0 ? [] : [`#### Data and identities that would go away\n\n${lines.slice(0, 100).join('\n')}`];
}

function policyBlocks(results: readonly PreviewResult[]): string[] {
  const lines = results.flatMap(({ stack, policies }) =>
    policies.map(({ policy, level, urn, message }) => {
      const where = urn === undefined ? code(stack) : `${code(nameOf(urn))} of ${code(stack)}`;
      return { level, line: `- ${code(policy)} ${where}: ${plain(message)}` };
    }),
  );
  const of = (mandatory: boolean) => lines.filter(({ level }) => (level === 'mandatory') === mandatory);
  return [
    ...(of(true).length > 0 ? [`#### Broken rules\n\n${texts(of(true))}`] : []),
    ...(of(false).length > 0 ? [collapsed(`${of(false).length} advised`, texts(of(false)))] : []),
  ];
}

function texts(lines: readonly { readonly line: string }[]): string {
  const shown = lines.slice(0, 50).map(({ line }) => line);
  return [...shown, ...(lines.length > 50 ? [`- … and ${lines.length - 50} more`] : [])].join('\n');
}

function details({ stack, digest, operations, error }: PreviewResult): string {
  const lines = operations.slice(0, 150).map(({ op, type, urn, replaceKeys = [], paths = [] }) => {
    const keys = [...new Set([...replaceKeys, ...paths])].slice(0, 10).map(plainKey).join(', ');
    return `- ${SIGNS[op]} ${code(type)} ${plain(nameOf(urn))}${keys === '' ? '' : `: ${keys}`}`;
  });
  if (operations.length > 150) lines.push(`- … and ${operations.length - 150} more`);
  const digestLine = digest === '' ? '' : `\n\nDigest ${code(digest)}`;
  const body = error === undefined ? `${lines.join('\n')}${digestLine}` : `No preview: ${plain(error, 1000)}`;
  return collapsed(
    `${plain(stack)}: ${error === undefined ? counted(operations.length, 'change') : 'no preview'}`,
    body,
  );
}

function collapsed(summary: string, body: string): string {
  return `<details><summary>${summary}</summary>\n\n${body}\n\n</details>`;
}

function plainKey(key: string): string {
  return plain(key, 100);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
