/** What a run costs, as people see it. */
import { expect, it } from 'vitest';
import type { CostEstimate } from '../../../runner/core/contracts/warehouse.ts';
import { type PlanFacts, planText } from '../../../runner/display/plan.ts';
import { RunDisplay } from '../../../runner/display/run.ts';
import { usdText } from '../../../runner/display/text.ts';
import { summarise } from '../../../runner/pipeline/summary.ts';
import type { UndoSummary } from '../../../runner/pipeline/undo.ts';
import { merge } from '../../../runner/strategies/merge.ts';

const display = new RunDisplay({ json: false, terminal: false });
const billed = { bytes: 1_200_000_000, slotMs: 3450, usd: 0.0075 };

it.each([
  [0, '$0.00'],
  [0.0075, '$0.0075'],
  [0.000_012_3, '$0.000012'],
  [0.25, '$0.25'],
  [1234.5, '$1234.50'],
])('%d US dollars are %s', (usd, text) => {
  expect(usdText(usd)).toBe(text);
});

it('a run tells what it was billed, where anything is', () => {
  const facts = {
    ...{ runId: 'r', tenant: 'acme', source: 'orders', status: 'succeeded', startedAt: '', seconds: { total: 1 } },
    ...{ plan: null, read: null, staged: null, counts: null, keepsCursor: false },
  };
  const run = summarise({ ...facts, billed });
  expect(run.billed).toEqual(billed);
  expect(display.summary(run)).toContain('\n  billed 1.2 GB, 3.5 s of slots, $0.0075\n');
  expect(display.summary(summarise({ ...facts, billed: null }))).not.toContain('billed');
});

it('an undo tells what is left and what went with it', () => {
  const undone = { runId: 'run_2', rows: 1200, cursor: '2026-01-01', runs: ['run_2', 'run_3', 'run_4'] };
  const summary: UndoSummary = {
    ...{ runId: 'u', tenant: 'acme', source: 'orders', mode: 'undo', destination: 'acme_raw.orders', billed },
    ...{ undone, seconds: { total: 2 }, startedAt: '', status: 'succeeded' },
  };
  expect(display.undone(summary).split('\n')).toEqual([
    '✓ orders → acme_raw.orders: as it was before run_2, 1,200 rows',
    '  next run reads from 2026-01-01',
    '  undone with it: run_3, run_4',
    '  in 2 s',
    '  billed 1.2 GB, 3.5 s of slots, $0.0075',
    '',
  ]);
  const first = { ...summary, undone: { runId: 'run_1', rows: 0, cursor: null, runs: ['run_1'] }, billed: null };
  expect(display.undone(first)).toContain('0 rows\n  next run reads from the beginning\n  in 2 s\n');
});

it('a plan tells what the commit will cost, and why it reads the whole table', () => {
  const plan = {
    strategy: merge(0, 'ignore'),
    target: { dataset: 'acme_raw', table: 'orders' },
    design: {
      ...{ partitionBy: { column: 'at', by: 'day' }, clusterBy: ['id'], requirePartitionFilter: true },
      ...{ labels: {}, key: [] },
    },
    ...{ window: null, bound: null, estimate: { rows: 10, bytes: 100 }, modeReason: 'few rows', schemaChanges: [] },
    ...{ before: null, nullRows: 0, columns: [], predictions: [] },
  } as unknown as PlanFacts;
  const cost: CostEstimate = { bytes: 2_000_000_000, usd: 0.0125, unpruned: 'at is no part of the key' };
  const said = planText(plan, cost);
  expect(said).toContain('\nlies    partitioned by day of at, queries need a filter, clustered by id\n');
  expect(said).toContain(
    '\ncosts   about 2.0 GB, $0.01\n      ! each run reads the whole table: at is no part of the key\n',
  );
  expect(planText(plan, { ...cost, bytes: 1000 })).not.toContain('!');
  expect(planText(plan, null)).not.toContain('costs');
});
