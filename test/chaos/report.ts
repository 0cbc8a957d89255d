/** What chaos prints: the contract's figures, and what went wrong with the seed that shows it again. */

export interface Report {
  faults: number;
  /** How many of the faults were of which kind. */
  readonly kinds: Record<string, number>;
  runs: number;
  rowsChecked: number;
  lost: number;
  doubled: number;
  hung: number;
  /** Runs that were refused or failed where that is allowed. */
  held: number;
  /** Seeds of the worlds or schedules that went wrong. */
  readonly seeds: number[];
  readonly problems: string[];
}

export function emptyReport(): Report {
  return {
    faults: 0,
    kinds: {},
    runs: 0,
    rowsChecked: 0,
    lost: 0,
    doubled: 0,
    hung: 0,
    held: 0,
    seeds: [],
    problems: [],
  };
}

export function wrong(report: Report, seed: number, problem: string): void {
  if (!report.seeds.includes(seed)) report.seeds.push(seed);
  report.problems.push(`seed ${seed}: ${problem}`);
}
