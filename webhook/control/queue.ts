/** Runs that are accepted and have not begun. */
import type { RunFilter, RunRecord } from '../../runner/core/contracts/run-store.ts';
import type { Control } from './context.ts';
import { kindOf, needsLease } from './kinds.ts';

const PAGE = 200;
const MOST_PAGES = 20;

/** All such runs, oldest first; of several thousand the newest. */
export async function runsOf(
  { store }: Control,
  filter: Omit<RunFilter, 'before' | 'limit'>,
): Promise<readonly RunRecord[]> {
  const found: RunRecord[] = [];
  for (let page = 0; page < MOST_PAGES; page++) {
    const before = found.at(-1)?.runId;
    const next = await store.list({ ...filter, limit: PAGE, ...(before === undefined ? {} : { before }) });
    found.push(...next);
    if (next.length < PAGE) break;
  }
  return found.reverse();
}

/** The queued runs of a source that need its lease, oldest first: the order in which they start. */
export async function waiting(control: Control, tenant: string, source: string): Promise<readonly RunRecord[]> {
  const queued = await runsOf(control, { tenant, source, statuses: ['queued'] });
  return queued.filter((run) => needsLease(kindOf(run)));
}
