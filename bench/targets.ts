/** What the project promises about PostgreSQL, and whether a measurement keeps it. */
import { round } from './measure.ts';
import { peers } from './peers.ts';
import type { Case, Target } from './report.ts';

/** Below this a ratio measures start-up, not throughput. */
const ROWS_TO_JUDGE = 1_000_000;

/** `[case, compared with, at most]`, per row. */
const limits = [
  ['replace', 'copy-csv', 1.15],
  ['append', 'copy-csv', 1.4],
  ['merge', 'copy-csv', 1.8],
  ['replace', 'connectorx', 0.75],
  ['replace', 'dlt-connectorx', 0.5],
  ['replace', 'sling', 0.15],
] as const;

const memory: Readonly<Record<string, number>> = {
  replace: 450,
  append: 450,
  merge: 450,
  memory20m: 450,
  wide4k: 450,
  huge: 2048,
};

/** Wall of one case for each other, per row: `replace/copy-csv`. */
export function ratios(cases: readonly Case[]): Record<string, number> {
  const pairs = [...limits.map(([one, other]) => [one, other] as const), ['replace', 'dlt-default'] as const];
  const found: Record<string, number> = {};
  for (const [one, other] of pairs) {
    const value = ratio(cases, one, other);
    if (value !== undefined) found[`${one}/${other}`] = value;
  }
  return found;
}

export function judge(cases: readonly Case[], notes: string[]): Target[] {
  const targets: Target[] = [];
  const atMost = (name: string, limit: number, got: number, unit = '') =>
    targets.push({ name, want: `≤ ${limit}${unit}`, got, ok: got <= limit });
  const rows = Math.max(
    0,
    ...cases.filter(({ name }) => name === 'replace' || name === 'merge').map((one) => one.rows),
  );
  const big = rows >= ROWS_TO_JUDGE;
  if (!big) notes.push(`Times are judged from ${ROWS_TO_JUDGE.toLocaleString('en')} rows up.`);
  for (const [one, other, limit] of limits) {
    const value = ratio(cases, one, other);
    if (big && value !== undefined) atMost(`${one}: wall / ${other}`, limit, value);
  }
  for (const { name, rssMb } of cases) {
    const limit = memory[name];
    if (limit) atMost(`${name}: peak RSS`, limit, rssMb, ' MB');
  }
  const five = cases.find(({ name }) => name === 'replace');
  const twenty = cases.find(({ name }) => name === 'memory20m');
  if (big && five && twenty) atMost('memory20m: peak RSS / replace', 1.1, round(twenty.rssMb / five.rssMb, 3));
  for (const { name, wall, seconds } of cases) {
    if (name === 'startup') atMost('startup: wall of check', 0.3, wall, ' s');
    if (name !== 'merge-changes') continue;
    atMost('merge-changes: commit', 0.5, seconds?.commit ?? Number.NaN, ' s');
    const { commit = Number.NaN, total = Number.NaN } = seconds ?? {};
    // The process takes its start and the checkpoint outside of the run's own account.
    atMost('merge-changes: commit, checkpoint and start of the process', 1.5, round(commit + wall - total), ' s');
    atMost('merge-changes: whole run', 4, wall, ' s');
  }
  for (const { name, result } of cases) {
    if (result !== '-' && !(name in peers))
      targets.push({
        name: `${name}: ${result}`,
        want: 'exact',
        got: result === 'exact' ? 1 : 0,
        ok: result === 'exact',
      });
  }
  return targets;
}

function ratio(cases: readonly Case[], one: string, other: string): number | undefined {
  const [a, b] = [one, other].map((name) => cases.find((found) => found.name === name));
  if (!a || !b) return undefined;
  return round(a.wall / a.rows / (b.wall / b.rows), 3);
}
