/** What somebody changed past Pulumi: one issue per stack. */
import type { Drift, DriftClass } from '../provision/contract.ts';
import { BODY_LIMIT, code, fitted, nameOf, plain } from './markdown.ts';

/** What `tributary refresh --json` says of one stack. */
export interface DriftResult {
  readonly stack: string;
  readonly drift?: readonly Drift[];
  /** Why it could not be looked at. */
  readonly error?: string;
}

export interface Issue {
  /** First line of the body; by it the issue is found again. */
  readonly marker: string;
  readonly title: string;
  readonly body: string;
  readonly labels: readonly string[];
}

/** Label of every such issue. */
export const DRIFT_LABEL = 'drift';

const MEANINGS: Readonly<Record<DriftClass, string>> = {
  'iam-added': 'Somebody was granted something',
  deleted: 'Deleted',
  image: 'Runs another image',
  label: 'Other labels',
  other: 'Changed',
};

export function driftMarker(stack: string): string {
  return `<!-- tributary drift ${stack} -->`;
}

/** Whether somebody is to be woken: a grant that nobody reviewed. */
export function isUrgent({ drift = [] }: DriftResult): boolean {
  return drift.some((one) => one.class === 'iam-added');
}

/** The issue of a stack; `null` where it has not drifted. */
export function driftIssue(result: DriftResult): Issue | null {
  const { stack, drift = [] } = result;
  if (drift.length === 0) return null;
  const classes = Object.keys(MEANINGS).filter((name) => drift.some((one) => one.class === name)) as DriftClass[];
  const sections = classes.map((name) => {
    const lines = drift.filter((one) => one.class === name).map(driftLine);
    return `#### ${MEANINGS[name]}\n\n${lines.join('\n')}`;
  });
  const marker = driftMarker(stack);
  const advice = `Adopt it (\`tributary refresh ${plain(stack.split('.')[0] ?? stack)} --adopt\`) or take it back (\`tributary up\`): a person decides.`;
  const body = fitted(
    [`${marker}\n\nWhat is there differs from what was last applied. ${advice}`, ...sections],
    BODY_LIMIT,
    (count) => `_${count} parts left out._`,
  );
  return { marker, title: `Drift: ${stack}`, body, labels: [DRIFT_LABEL, ...classes.map((name) => `drift: ${name}`)] };
}

function driftLine({ urn, type, paths }: Drift): string {
  const keys = paths.slice(0, 10).map((path) => plain(path, 100));
  return `- ${code(type)} ${plain(nameOf(urn))}${keys.length === 0 ? '' : `: ${keys.join(', ')}`}`;
}
