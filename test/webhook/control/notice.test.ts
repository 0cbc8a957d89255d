import { expect, test } from 'vitest';
import type { Code } from '../../../runner/core/catalogue.ts';
import type { RunKind } from '../../../runner/core/contracts/run-order.ts';
import type { RunRecord } from '../../../runner/core/contracts/run-store.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { dataStateOf, endNotices } from '../../../webhook/control/notice.ts';
import { order } from './scene.ts';

const AT = '2026-11-24T09:00:00.000Z';

function record(of: Partial<RunRecord> & { readonly kind?: RunKind; readonly code?: Code }): RunRecord {
  const { kind = 'run', code, ...rest } = of;
  return {
    ...{ runId: 'r1', tenant: 'acme', source: 'orders', status: 'failed', order: order(kind), execution: 'e1' },
    ...{ cancelRequested: false, createdAt: AT, startedAt: '2026-11-24T09:00:05.000Z' },
    ...{ endedAt: '2026-11-24T09:01:00.000Z', summary: {} },
    problem: code === undefined ? null : new TributaryError(code).problem,
    ...rest,
  };
}

const rows = (loaded: number, quarantined = 0) => ({ rows: { loaded, quarantined }, destination: 'acme_raw.orders' });

test.each<[string, Parameters<typeof record>[0], string]>([
  ['rows', { status: 'succeeded', summary: rows(12) }, '12 rows are committed in acme_raw.orders.'],
  ['one row', { status: 'succeeded', summary: rows(1) }, '1 row is committed in acme_raw.orders.'],
  [
    'rows aside',
    { status: 'succeeded', summary: rows(12, 3) },
    '12 rows are committed in acme_raw.orders; 3 went into quarantine.',
  ],
  ['nothing new', { status: 'succeeded', summary: rows(0) }, 'There was nothing new; acme_raw.orders is up to date.'],
  ['settled without a summary', { status: 'succeeded' }, 'All that the run read is committed.'],
  [
    'failed',
    { code: 'INTERNAL' },
    'Nothing of this run was committed: the table and its cursor are as they were, and the next run loads the same rows.',
  ],
  [
    'never begun',
    { code: 'LAUNCH_FAILED', startedAt: AT },
    'The run never began: the table and its cursor are as they were, and the next run loads the same rows.',
  ],
  [
    'cancelled after its begin',
    { status: 'interrupted', code: 'RUN_CANCELLED', kind: 'backfill' },
    'Nothing of this run was committed: the table is as it was. A backfill is not repeated by itself.',
  ],
  ['deployed', { status: 'succeeded', kind: 'up' }, 'The resources of the tenant are as its file says.'],
  [
    'deployed in part',
    { code: 'INTERNAL', kind: 'up' },
    'Some resources may have changed; what is left to do shows: tributary preview acme',
  ],
  ['never deployed', { code: 'LAUNCH_REFUSED', kind: 'up', startedAt: AT }, 'Nothing was changed.'],
])('the state of the data is a sentence: %s', (_, of, sentence) => {
  expect(dataStateOf(record(of))).toBe(sentence);
});

test('a run that goes on has no end to tell of', () => {
  expect(endNotices(record({ status: 'running', endedAt: null }), { link: null, publishes: true })).toEqual([]);
});
