/** Cases in alternating rounds, and what remains of them: medians. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Measured, median, round } from './measure.ts';
import type { Case } from './report.ts';
import type { RunReport } from './tributary.ts';

export interface Sample extends Measured {
  readonly report?: RunReport;
  readonly result: string;
}

/** A case as it is run: once a round, in a workspace of its own. */
export interface Plan {
  readonly name: string;
  readonly rows: number;
  readonly rounds: number;
  readonly note?: string;
  /** `undefined`: it cannot be measured here; the notes say why. */
  run(workspace: string): Promise<Sample | undefined>;
}

/** Of cases whose ratio is judged: a machine's speed may change by a third within minutes. */
export const JUDGED_ROUNDS = 9;
const ATTEMPTS = 3;
/** A case that takes longer is so far from the others that noise does not matter. */
const REPEATED_SECONDS = 60;

/** Round by round through all cases, so that a slow minute of the machine hits them all alike. */
export async function alternate(plans: readonly Plan[], folder: string, say: (line: string) => void): Promise<Case[]> {
  const samples = new Map(plans.map((plan) => [plan, [] as Sample[]]));
  for (let turn = 0; plans.some(({ rounds }) => turn < rounds); turn++) {
    for (const [plan, done] of samples) {
      if (turn >= plan.rounds) continue;
      const sample = await quietest(plan, folder, say);
      if (sample) done.push(sample);
    }
  }
  return [...samples].filter(([, done]) => done.length > 0).map(([plan, done]) => summarise(plan, done));
}

/** Takes a disturbed sample again, at most {@link ATTEMPTS} times in all, and keeps the one with the least noise. */
async function quietest(plan: Plan, folder: string, say: (line: string) => void): Promise<Sample | undefined> {
  let best: Sample | undefined;
  for (let attempt = 0; attempt < ATTEMPTS && (best === undefined || mayRepeat(best)); attempt++) {
    const workspace = await mkdtemp(join(folder, 'run-'));
    try {
      const sample = await plan.run(workspace);
      say(describeSample(plan.name, sample));
      if (sample === undefined) return best;
      if (best === undefined || noise(sample) < noise(best)) best = sample;
    } finally {
      await rm(workspace, { recursive: true, force: true });
    }
  }
  return best;
}

function mayRepeat(sample: Sample): boolean {
  return isDisturbed(sample) && sample.wall < REPEATED_SECONDS;
}

/** CPU seconds of everything else, per second of the sample. */
const noise = ({ otherCpu, wall }: Sample) => otherCpu / wall;

/** Whether something else ran meanwhile; a short sample cannot tell. */
export function isDisturbed(sample: Sample): boolean {
  return sample.wall > 2 && noise(sample) > 0.15;
}

export function summarise(
  { name, rows, note }: Pick<Plan, 'name' | 'rows' | 'note'>,
  samples: readonly Sample[],
): Case {
  const middle = (of: (sample: Sample) => number) => round(median(samples.map(of)), 3);
  const wrong = samples.find(({ result }) => result !== 'exact' && result !== '-');
  const seconds = samples[0]?.report?.seconds;
  return {
    name,
    wall: middle(({ wall }) => wall),
    cpu: middle(({ cpu }) => cpu),
    serverCpu: middle(({ serverCpu }) => serverCpu),
    rssMb: Math.max(...samples.map(({ rssMb }) => rssMb)),
    rows,
    rounds: samples.map(({ wall }) => wall),
    result: (wrong ?? samples[0])?.result ?? '-',
    disturbed: samples.filter(isDisturbed).length,
    ...(note ? { note } : {}),
    ...(seconds
      ? {
          seconds: Object.fromEntries(
            Object.keys(seconds).map((step) => [step, middle(({ report }) => report?.seconds[step] ?? 0)]),
          ),
        }
      : {}),
  };
}

/** Wall of one case by that of another, per row: the median over the rounds, in each of which one follows the other. NaN without both. */
export function wallRatio(cases: readonly Case[], name: string, by: string): number {
  const perRow = (wanted: string) => {
    const found = cases.find((one) => one.name === wanted);
    return found?.rounds.map((wall) => wall / found.rows) ?? [];
  };
  const others = perRow(by);
  const ratios = perRow(name).flatMap((wall, i) => (others[i] === undefined ? [] : [wall / others[i]]));
  return ratios.length === 0 ? Number.NaN : median(ratios);
}

export function describeSample(name: string, sample: Sample | undefined): string {
  if (!sample) return `${name.padEnd(15)} failed`;
  const { wall, cpu, serverCpu, otherCpu, rssMb, result } = sample;
  return `${name.padEnd(15)} ${wall.toFixed(2).padStart(7)} s  cpu ${cpu}  server ${serverCpu}  other ${otherCpu}  ${rssMb} MB  ${result}`;
}
