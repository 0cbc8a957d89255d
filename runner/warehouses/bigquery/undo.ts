/** A table and the state of its source as they were before a run. */

import { isDuplicate, isTransient } from '../../bigquery/failure.ts';
import type { RunIdentity, TableRef, Undone } from '../../core/contracts/warehouse.ts';
import { TributaryError } from '../../core/errors.ts';
import { dropTable } from './calls.ts';
import { findTable } from './catalog.ts';
import { undoSnapshotOf } from './names.ts';
import { isLeaseLost } from './raised.ts';
import type { Session } from './session.ts';
import { committedCounts, readState } from './state.ts';
import { type UndoInput, undoPlan, undoQuery, undoScript, undoSnapshot } from './undo-script.ts';

export interface UndoneRun {
  readonly undone: Undone;
  /** Statements for now, each best effort. */
  readonly after: readonly string[];
}

/** @throws RUN_NOT_FOUND; UNDO_IMPOSSIBLE with the reason; LEASE_LOST */
export async function undoRun(session: Session, run: RunIdentity, target: TableRef, runId: string): Promise<UndoneRun> {
  const { project } = session.api;
  const rows = await session.query('read', run, undoQuery(project, run, runId));
  if (rows.length === 0) throw new TributaryError('RUN_NOT_FOUND', { run: runId });
  const plan = undoPlan(rows);
  const impossible = (reason: string) => new TributaryError('UNDO_IMPOSSIBLE', { run: runId, reason });
  if (typeof plan === 'string') throw impossible(plan);
  const now = await findTable(session, target);
  if (now === null) throw impossible('the table is gone');
  const snapshot = undoSnapshotOf(run);
  await session.execute('undo', run, undoSnapshot(project, run, target, plan.at)).catch((error: unknown) => {
    if (!isDuplicate(error)) throw error;
  });
  try {
    const before = await findTable(session, snapshot);
    if (before === null) throw impossible('BigQuery keeps no state of the table from before that run');
    return await carryOut(session, { project, run, target, plan, now, before });
  } finally {
    await dropTable(session, snapshot).catch(() => undefined);
  }
}

async function carryOut(session: Session, input: UndoInput): Promise<UndoneRun> {
  const { run, plan } = input;
  const { sql, parameters, after } = undoScript(input);
  try {
    const [row] = await session.query('undo', run, { sql, parameters });
    const cursor = row?.cursor_value;
    return {
      undone: { rows: Number(row?.rows), cursor: cursor == null ? null : String(cursor), runs: plan.runs },
      after,
    };
  } catch (error) {
    const done =
      isTransient(error) || isLeaseLost(error) ? await committedCounts(session, run).catch(() => null) : null;
    if (done !== null) {
      const state = await readState(session, run.tenant, run.source);
      return { undone: { rows: Number(done.inserted), cursor: state?.cursor ?? null, runs: plan.runs }, after };
    }
    if (isLeaseLost(error)) throw new TributaryError('LEASE_LOST', { tenant: run.tenant, source: run.source });
    throw error;
  }
}
