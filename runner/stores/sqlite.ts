/** Leases, runs and events in one SQLite file: the run store of a laptop. */
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import type { RunFilter, RunStore } from '../core/contracts/run-store.ts';
import { TributaryError } from '../core/errors.ts';
import { isGone, thisProcess } from '../core/owner.ts';
import { guarded, openFile, transaction } from './sqlite-file.ts';
import { eventOf, iso, leaseHeld, leaseOf, ownerOf, type Row, runOf, text } from './sqlite-rows.ts';

const OPEN = `('queued', 'running')`;

export interface SqliteStoreOptions {
  /**
   * Leases are taken for runs of other processes, as a webhook does: they end by time alone. Otherwise they end at once
   * with this process.
   */
  readonly onBehalf?: boolean;
}

export interface SqliteStore extends RunStore {
  /** Forgets ended runs, their events and schedule ticks older than this (ISO 8601, UTC). @returns runs forgotten */
  prune(before: string): Promise<number>;
}

/**
 * Opens, and where needed creates, the store. Safe for many processes and threads on one machine.
 *
 * @throws STORE_FAILED where the file cannot be written, is damaged, or has a newer format
 */
export function openSqliteStore(file: string, { onBehalf = false }: SqliteStoreOptions = {}): SqliteStore {
  const database = openFile(file);
  const self = thisProcess();
  const statements = new Map<string, StatementSync>();

  const prepared = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  const one = (sql: string, ...values: SQLInputValue[]): Row | undefined => prepared(sql).get(...values);
  const all = (sql: string, ...values: SQLInputValue[]): Row[] => prepared(sql).all(...values);
  const change = (sql: string, ...values: SQLInputValue[]): number => Number(prepared(sql).run(...values).changes);
  const read = async <T>(body: () => T): Promise<T> => guarded(file, body);
  const write = async <T>(body: () => T): Promise<T> => guarded(file, () => transaction(database, body));

  const runRow = (runId: string): Row | undefined => one('SELECT * FROM run WHERE run_id = ?', runId);
  const knownRun = (runId: string): Row => {
    const row = runRow(runId);
    if (row === undefined) throw new TributaryError('RUN_NOT_FOUND', { run: runId });
    return row;
  };
  const leaseRow = (tenant: string, source: string): Row | undefined =>
    one('SELECT * FROM lease WHERE tenant = ? AND source = ?', tenant, source);
  /** The lease while its holder lives. */
  const heldBy = (row: Row | undefined): Row | null => {
    if (row === undefined || row.run_id === null || Number(row.expires_at) <= Date.now()) return null;
    return row.bound === 1 && isGone(ownerOf(row), self) ? null : row;
  };

  return {
    enqueue: ({ runId, tenant, source, order }) =>
      write(() => {
        if (runRow(runId) === undefined) insertRun(runId, tenant, source, JSON.stringify(order));
        return runOf(knownRun(runId));
      }),

    claim: ({ tenant, source, runId, ttlMs, reserve = false, claimant = null }) =>
      write(() => {
        const before = leaseRow(tenant, source);
        const held = heldBy(before);
        const expires = Date.now() + ttlMs;
        const own = held?.run_id === runId;
        const again = own && held.reserved === Number(reserve) && claimant !== null && held.claimant === claimant;
        const reserved = own && held.reserved === 1 && !reserve;
        if (held !== null && !again && !reserved) throw leaseHeld(held);
        beginRun(runId, tenant, source, reserve);
        if (again) {
          change('UPDATE lease SET expires_at = ? WHERE tenant = ? AND source = ?', expires, tenant, source);
          return leaseOf({ ...held, expires_at: expires });
        }
        change(
          `INSERT INTO lease (tenant, source, token, run_id, expires_at, host, pid, started, namespace, reserved, bound,
             claimant) VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET
             token = token + 1, run_id = excluded.run_id, expires_at = excluded.expires_at, host = excluded.host,
             pid = excluded.pid, started = excluded.started, namespace = excluded.namespace,
             reserved = excluded.reserved, bound = excluded.bound, claimant = excluded.claimant`,
          ...[tenant, source, runId, expires, self.host, self.pid, self.started, self.namespace],
          ...[Number(reserve), Number(!reserve && !onBehalf), claimant],
        );
        return leaseOf({ tenant, source, run_id: runId, token: Number(before?.token ?? 0) + 1, expires_at: expires });
      }),

    renew: (lease, ttlMs) =>
      write(() => {
        const expires = Date.now() + ttlMs;
        const kept = change(
          'UPDATE lease SET expires_at = ? WHERE tenant = ? AND source = ? AND token = ? AND run_id = ?',
          ...[expires, lease.tenant, lease.source, lease.fencingToken, lease.runId],
        );
        if (kept === 0) throw new TributaryError('LEASE_LOST', { tenant: lease.tenant, source: lease.source });
        return { ...lease, expiresAt: iso(expires), cancelRequested: runRow(lease.runId)?.cancel_requested === 1 };
      }),

    // The row stays, so that the token grows for ever.
    release: (lease) =>
      write(() => {
        change(
          'UPDATE lease SET run_id = NULL, expires_at = 0 WHERE tenant = ? AND source = ? AND token = ? AND run_id = ?',
          ...[lease.tenant, lease.source, lease.fencingToken, lease.runId],
        );
      }),

    holder: (tenant, source) =>
      read(() => {
        const held = heldBy(leaseRow(tenant, source));
        return held === null ? null : leaseOf(held);
      }),

    start: (runId) =>
      write(() => {
        knownRun(runId);
        change(
          `UPDATE run SET status = 'running', started_at = ? WHERE run_id = ? AND status = 'queued'`,
          ...[iso(Date.now()), runId],
        );
      }),

    launched: (runId, execution) =>
      write(() => {
        knownRun(runId);
        change('UPDATE run SET execution = ? WHERE run_id = ?', execution, runId);
      }),

    cancel: (runId) =>
      write(() => {
        const row = knownRun(runId);
        if (row.ended_at !== null) return runOf(row);
        change('UPDATE run SET cancel_requested = 1 WHERE run_id = ?', runId);
        if (row.status === 'queued') {
          endRun(row, 'interrupted', '{}', JSON.stringify(new TributaryError('RUN_CANCELLED').problem));
        }
        return runOf(knownRun(runId));
      }),

    append: (event, id) =>
      write(() => {
        const { runId, at, type, step = null, data } = event;
        if (id !== undefined && one('SELECT 1 FROM event WHERE run_id = ? AND id = ?', runId, id) !== undefined) return;
        change(
          `INSERT INTO event (run_id, sequence, at, type, step, data, id)
           SELECT ?1, coalesce(max(sequence), 0) + 1, ?2, ?3, ?4, ?5, ?6 FROM event WHERE run_id = ?1`,
          ...[runId, at, type, step, data ? JSON.stringify(data) : null, id ?? null],
        );
      }),

    finish: (runId, status, summary, problem, only) =>
      write(() => {
        const row = knownRun(runId);
        if (row.ended_at !== null || (only !== undefined && row.status !== only)) return false;
        endRun(row, status, JSON.stringify(summary), problem && JSON.stringify(problem));
        return true;
      }),

    announced: (runId) =>
      write(() => {
        knownRun(runId);
        change('UPDATE run SET announced = 1 WHERE run_id = ?', runId);
      }),

    get: (runId) =>
      read(() => {
        const row = runRow(runId);
        return row === undefined ? null : runOf(row);
      }),

    list: (filter) =>
      read(() => {
        const { sql, values } = listing(
          filter,
          filter.before === undefined ? null : Number(knownRun(filter.before).number),
        );
        return all(sql, ...values).map(runOf);
      }),

    events: (runId, after = 0) =>
      read(() =>
        all('SELECT * FROM event WHERE run_id = ? AND sequence > ? ORDER BY sequence', runId, after).map(eventOf),
      ),

    abandoned: (tenant, source) =>
      write(() =>
        all(
          `SELECT * FROM run WHERE tenant = ? AND source = ? AND status = 'running' AND leased = 1 AND run_id IS NOT ?
           ORDER BY number DESC`,
          ...[tenant, source, heldBy(leaseRow(tenant, source))?.run_id ?? null],
        ).map(runOf),
      ),

    deduplicate: async (key, runId) => {
      // An answer never changes, so most callers need no lock.
      const known = await read(() => tickOf(key));
      if (known !== null) return known;
      return write(() => {
        change('INSERT INTO tick VALUES (?, ?, ?) ON CONFLICT DO NOTHING', key, runId, iso(Date.now()));
        return text(one('SELECT run_id FROM tick WHERE key = ?', key)?.run_id);
      });
    },

    tick: (key) => read(() => tickOf(key)),

    prune: (before) =>
      write(() => {
        change(
          `DELETE FROM event WHERE at < ?1 AND run_id NOT IN
             (SELECT run_id FROM run WHERE status IN ${OPEN} OR ended_at >= ?1)`,
          before,
        );
        change('DELETE FROM tick WHERE at < ?', before);
        return change(`DELETE FROM run WHERE status NOT IN ${OPEN} AND ended_at < ?`, before);
      }),

    [Symbol.asyncDispose]: async () => {
      statements.clear();
      if (database.isOpen) database.close();
    },
  };

  function insertRun(runId: string, tenant: string, source: string, order: string | null): void {
    const now = iso(Date.now());
    change(
      `INSERT INTO run (run_id, tenant, source, status, "order", created_at, started_at, leased, announced)
       VALUES (?, ?, ?, 'queued', ?, ?, ?, 0, ?)`,
      ...[runId, tenant, source, order, now, now, order === null ? 1 : 0],
    );
  }

  /** A run that is started again under its id (a retried job) goes on; an ended one does not come back. */
  function beginRun(runId: string, tenant: string, source: string, reserve: boolean): void {
    if (runRow(runId) === undefined) insertRun(runId, tenant, source, null);
    const known = knownRun(runId);
    const wrong = known.tenant !== tenant || known.source !== source || known.ended_at !== null;
    if (wrong || (reserve && known.status !== 'queued')) {
      const reason = `Run ${runId} of ${known.tenant}/${known.source} exists already (${known.status}).`;
      throw new TributaryError('USAGE', { reason, advice: 'Start a new run with an id of its own.' });
    }
    if (reserve) return;
    const started = known.status === 'queued' ? iso(Date.now()) : text(known.started_at);
    change(`UPDATE run SET status = 'running', leased = 1, started_at = ? WHERE run_id = ?`, started, runId);
  }

  function endRun(row: Row, status: string, summary: string, problem: string | null): void {
    change(
      'UPDATE run SET status = ?, ended_at = ?, summary = ?, problem = ? WHERE number = ?',
      ...[status, iso(Date.now()), summary, problem, text(row.number)],
    );
    if (row.status !== 'queued') return;
    change(
      'UPDATE lease SET run_id = NULL, expires_at = 0 WHERE tenant = ? AND source = ? AND run_id = ?',
      ...[text(row.tenant), text(row.source), text(row.run_id)],
    );
  }

  function tickOf(key: string): string | null {
    const row = one('SELECT run_id FROM tick WHERE key = ?', key);
    return row === undefined ? null : text(row.run_id);
  }
}

function listing(filter: RunFilter, before: number | null): { sql: string; values: SQLInputValue[] } {
  const { tenant, source, statuses, unannounced, limit } = filter;
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const holds = (condition: string, ...given: SQLInputValue[]) => {
    conditions.push(condition);
    values.push(...given);
  };
  if (tenant !== undefined) holds('tenant = ?', tenant);
  if (source !== undefined) holds('source = ?', source);
  if (statuses !== undefined) holds(`status IN (${statuses.map(() => '?').join()})`, ...statuses);
  if (unannounced) holds('announced = 0 AND ended_at IS NOT NULL');
  if (before !== null) holds('number < ?', before);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return { sql: `SELECT * FROM run ${where} ORDER BY number DESC LIMIT ?`, values: [...values, limit] };
}
