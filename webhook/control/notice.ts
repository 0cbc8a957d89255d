/** A run's record → what the world is told. Pure. */

import type { Code } from '../../runner/core/catalogue.ts';
import type { Notice, NoticeType } from '../../runner/core/contracts/notice.ts';
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import { hasEnded, isTold, kindOf, needsLease } from './kinds.ts';

export interface NoticeOptions {
  readonly link: string | null;
  /** Whether the source publishes that its rows have landed. */
  readonly publishes: boolean;
}

/** What is told of a run that has ended, in order. */
export function endNotices(run: RunRecord, options: NoticeOptions): readonly Notice[] {
  if (!hasEnded(run) || !isTold(kindOf(run))) return [];
  const landed = run.status === 'succeeded' && options.publishes && needsLease(kindOf(run));
  return [
    noticeOf(run, `run.${run.status}` as NoticeType, run.endedAt ?? run.createdAt, options),
    ...(landed ? [noticeOf(run, 'run.landed', run.endedAt ?? run.createdAt, options)] : []),
  ];
}

export function startNotices(run: RunRecord, options: NoticeOptions): readonly Notice[] {
  return isTold(kindOf(run)) ? [noticeOf(run, 'run.started', run.startedAt, options)] : [];
}

/** A schedule did not call. */
export function missedNotice(run: RunRecord, tick: string, link: string | null): Notice {
  return {
    ...noticeOf(run, 'schedule.missed', run.createdAt, { link, publishes: false }),
    summary: { tick },
    problem: null,
    dataState: 'Nothing is lost: a run was started in its place, and loads all that has come since the last one.',
  };
}

function noticeOf(run: RunRecord, type: NoticeType, time: string, { link }: NoticeOptions): Notice {
  const { runId, tenant, source, summary, problem } = run;
  const dataState = type === 'run.started' ? 'The table is as it was; the run has only begun.' : dataStateOf(run);
  return {
    schemaVersion: 1,
    id: `${runId}.${type}`,
    type,
    time,
    tenant,
    source,
    runId,
    summary,
    problem,
    dataState,
    link,
  };
}

const NEVER_BEGAN: ReadonlySet<Code> = new Set<Code>([
  'LAUNCH_FAILED',
  'LAUNCH_REFUSED',
  'LEASE_HELD',
  'RUN_CANCELLED',
]);

/** What became of the data, in a sentence. */
export function dataStateOf(run: RunRecord): string {
  const kind = kindOf(run);
  if (!needsLease(kind)) return deploymentState(run);
  if (run.status === 'succeeded') return landedState(run);
  const begun = run.problem === null || !NEVER_BEGAN.has(run.problem.code) || run.startedAt !== run.createdAt;
  const before = begun ? 'Nothing of this run was committed' : 'The run never began';
  if (kind === 'run')
    return `${before}: the table and its cursor are as they were, and the next run loads the same rows.`;
  return `${before}: the table is as it was. A ${kind} is not repeated by itself.`;
}

function landedState({ summary }: RunRecord): string {
  const rows = summary.rows as Readonly<Record<string, unknown>> | undefined;
  const loaded = rows?.loaded;
  const where = typeof summary.destination === 'string' ? summary.destination : 'the table';
  if (typeof loaded !== 'number') return 'All that the run read is committed.';
  const aside = typeof rows?.quarantined === 'number' && rows.quarantined > 0 ? rows.quarantined : 0;
  if (loaded === 0 && aside === 0) return `There was nothing new; ${where} is up to date.`;
  return `${loaded} ${loaded === 1 ? 'row is' : 'rows are'} committed in ${where}${aside === 0 ? '' : `; ${aside} went into quarantine`}.`;
}

function deploymentState({ status, tenant, problem }: RunRecord): string {
  if (status === 'succeeded') return 'The resources of the tenant are as its file says.';
  if (problem !== null && NEVER_BEGAN.has(problem.code)) return 'Nothing was changed.';
  return `Some resources may have changed; what is left to do shows: tributary preview ${tenant}`;
}
