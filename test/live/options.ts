/** The command line of `npm run live`. */
import { parseArgs } from 'node:util';
import { pricePerTib } from '../../runner/bigquery/billing.ts';
import { type Budget, budgetOf, expectedUsd } from './budget.ts';
import { type LiveNames, liveNames, newSession, OBJECT_DAYS, TABLE_HOURS } from './names.ts';

export interface LiveOptions {
  readonly project: string;
  readonly location: string;
  readonly budget: Budget;
  readonly dryRun: boolean;
  readonly names: LiveNames;
  /** Only tests whose name has this in it. */
  readonly only?: string;
}

const USAGE = 'usage: npm run live -- --project P [--location EU] [--max-cost 1] [--only name] [--dry-run]';
/** Of the whole suite, as counted on the emulator, rounded up. */
const QUERIES = 500;

/** @throws with the usage. */
export function liveOptions(words: readonly string[], session = newSession()): LiveOptions {
  const { values } = parseArgs({
    args: [...words],
    options: {
      project: { type: 'string' },
      location: { type: 'string', default: 'EU' },
      'max-cost': { type: 'string', default: '1' },
      only: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
    },
  });
  const { project, location, only } = values;
  if (!project) throw new Error(USAGE);
  const maxCost = Number(values['max-cost']);
  if (!(maxCost > 0) || !Number.isFinite(maxCost))
    throw new Error(`--max-cost must be dollars above 0, not ${values['max-cost']}`);
  const names = liveNames(project, session);
  const given = { project, location, names, dryRun: values['dry-run'], ...(only === undefined ? {} : { only }) };
  return { ...given, budget: budgetOf(maxCost) };
}

/** What would be made and what it may cost. */
export function planText({ project, location, budget, names }: LiveOptions): string {
  return [
    `project   ${project}, ${location}`,
    ...names.datasets.map((dataset) => `dataset   ${dataset} (tables expire after ${TABLE_HOURS} h)`),
    `bucket    ${names.bucket} (objects expire after ${OBJECT_DAYS} day)`,
    `label     tenant=${names.tenant} on every job`,
    `queries   about ${QUERIES}, each at most ${Math.round(budget.perQuery / 2 ** 20)} MiB billed`,
    `cost      about $${expectedUsd(QUERIES).toFixed(2)} at $${pricePerTib()} per TiB; stops before $${budget.maxCost}`,
    'removed   all of it at the end, after a failure or Ctrl-C too',
  ].join('\n');
}
