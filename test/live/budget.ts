/** What a session may be billed: a cap for each query, and one for all of them. */

import { pricePerTib, usdOf } from '../../runner/bigquery/billing.ts';

export interface Budget {
  /** In dollars, for all jobs of the session. */
  readonly maxCost: number;
  /** In bytes, for each query. */
  readonly perQuery: number;
}

export interface Spent {
  readonly jobs: number;
  readonly bytes: number;
  readonly usd: number;
}

/** A query is billed at least 10 MB for each table that it names; the suite's name ten at most. */
const LEAST_PER_QUERY = 100 * 2 ** 20;
/** The suite's tables have a handful of rows: no query of it comes near. */
const MOST_PER_QUERY = 2 ** 30;

export function budgetOf(maxCost: number, price = pricePerTib()): Budget {
  const all = price === 0 ? MOST_PER_QUERY : Math.floor((maxCost / price) * 2 ** 40);
  return { maxCost, perQuery: Math.max(LEAST_PER_QUERY, Math.min(MOST_PER_QUERY, all)) };
}

/** A query of the suite names three tables at most on average, each billed at least 10 MB. */
export function expectedUsd(queries: number, price = pricePerTib()): number {
  return usdOf(queries * 3 * 10 * 2 ** 20, price);
}

/** A job as `jobs.list` gives it. */
export interface ListedJob {
  readonly configuration?: { readonly labels?: Readonly<Record<string, string>> };
  readonly statistics?: { readonly query?: { readonly totalBytesBilled?: string } };
}

/** What the jobs with this tenant's label were billed so far. A job that runs is not in it yet: its cap is. */
export function spentOf(jobs: readonly ListedJob[], tenant: string, price = pricePerTib()): Spent {
  const ours = jobs.filter(({ configuration }) => configuration?.labels?.tenant === tenant);
  const bytes = ours.reduce((sum, { statistics }) => sum + Number(statistics?.query?.totalBytesBilled ?? 0), 0);
  return { jobs: ours.length, bytes, usd: usdOf(bytes, price) };
}

/** @throws where what was spent, or one more query at its cap, is past the budget. */
export function checkBudget(spent: Spent, budget: Budget, price = pricePerTib()): void {
  const next = usdOf(budget.perQuery, price);
  if (spent.usd + next <= budget.maxCost) return;
  throw new Error(
    `--max-cost ${budget.maxCost} is used up: ${spent.jobs} jobs were billed $${spent.usd.toFixed(4)}, and one more may cost $${next.toFixed(4)}.`,
  );
}
