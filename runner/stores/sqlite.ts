/** Leases, runs and events in one SQLite file: the run store of a laptop. */
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { RunEvent, RunRecord, RunStatus, RunStore, Step } from '../core/contracts/run-store.ts';
import { type Problem, TributaryError } from '../core/errors.ts';
import { isGone, type Owner, thisProcess } from '../core/owner.ts';
import { guarded, openFile, transaction } from './sqlite-file.ts';

type Row = Record<string, SQLOutputValue>;

export interface SqliteStore extends RunStore {
  /** Forgets ended runs, their events and schedule ticks older than this (ISO 8601, UTC). @returns runs forgotten */
  prune(before: string): Promise<number>;
}

/**
 * Opens, and where needed creates, the store. Safe for many processes and threads on one machine.
 *
 * @throws STORE_FAILED where the file cannot be written, is damaged, or has a newer format
 */
export function openSqliteStore(file: string): SqliteStore {
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

  const leaseRow = (tenant: string, source: string): Row | undefined =>
    one('SELECT * FROM lease WHERE tenant = ? AND source = ?', tenant, source);
  /** The lease while its holder lives. */
  const heldBy = (row: Row | undefined): Row | null =>
    row === undefined || row.run_id === null || Number(row.expires_at) <= Date.now() || isGone(ownerOf(row), self)
      ? null
      : row;

  return {
    claim: ({ tenant, source, runId, ttlMs }) =>
      write(() => {
        const before = leaseRow(tenant, source);
        const held = heldBy(before);
        if (held !== null) throw leaseHeld(held);
        createRun(runId, tenant, source);
        const token = Number(before?.token ?? 0) + 1;
        const expires = Date.now() + ttlMs;
        change(
          `INSERT INTO lease VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
             token = excluded.token, run_id = excluded.run_id, expires_at = excluded.expires_at,
             host = excluded.host, pid = excluded.pid, started = excluded.started, namespace = excluded.namespace`,
          ...[tenant, source, token, runId, expires, self.host, self.pid, self.started, self.namespace],
        );
        return { tenant, source, runId, fencingToken: token, expiresAt: iso(expires) };
      }),

    renew: (lease, ttlMs) =>
      write(() => {
        const expires = Date.now() + ttlMs;
        const kept = change(
          'UPDATE lease SET expires_at = ? WHERE tenant = ? AND source = ? AND token = ? AND run_id = ?',
          ...[expires, lease.tenant, lease.source, lease.fencingToken, lease.runId],
        );
        if (kept === 0) throw new TributaryError('LEASE_LOST', { tenant: lease.tenant, source: lease.source });
        return { ...lease, expiresAt: iso(expires) };
      }),

    // The row stays, so that the token grows for ever.
    release: (lease) =>
      write(() => {
        change(
          'UPDATE lease SET run_id = NULL, expires_at = 0 WHERE tenant = ? AND source = ? AND token = ? AND run_id = ?',
          ...[lease.tenant, lease.source, lease.fencingToken, lease.runId],
        );
      }),

    append: (event) =>
      write(() => {
        change(
          `INSERT INTO event SELECT ?1, coalesce(max(sequence), 0) + 1, ?2, ?3, ?4, ?5 FROM event WHERE run_id = ?1`,
          ...[event.runId, event.at, event.type, event.step ?? null, event.data ? JSON.stringify(event.data) : null],
        );
      }),

    finish: (runId, status, summary, problem) =>
      write(() => {
        const ended = change(
          `UPDATE run SET status = ?, ended_at = ?, summary = ?, problem = ? WHERE run_id = ? AND status = 'running'`,
          ...[status, iso(Date.now()), JSON.stringify(summary), problem && JSON.stringify(problem), runId],
        );
        if (ended === 0 && one('SELECT 1 FROM run WHERE run_id = ?', runId) === undefined) {
          throw new TributaryError('RUN_NOT_FOUND', { run: runId });
        }
      }),

    get: (runId) =>
      read(() => {
        const row = one('SELECT * FROM run WHERE run_id = ?', runId);
        return row === undefined ? null : runOf(row);
      }),

    list: ({ tenant = null, source = null, limit }) =>
      read(() =>
        all(
          `SELECT * FROM run WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR source = ?2)
           ORDER BY number DESC LIMIT ?3`,
          ...[tenant, source, limit],
        ).map(runOf),
      ),

    events: (runId, after = 0) =>
      read(() =>
        all('SELECT * FROM event WHERE run_id = ? AND sequence > ? ORDER BY sequence', runId, after).map(eventOf),
      ),

    abandoned: (tenant, source) =>
      write(() =>
        all(
          `SELECT * FROM run WHERE tenant = ? AND source = ? AND status = 'running' AND run_id IS NOT ?
           ORDER BY number DESC`,
          ...[tenant, source, heldBy(leaseRow(tenant, source))?.run_id ?? null],
        ).map(runOf),
      ),

    deduplicate: async (key, runId) => {
      const answer = () => one('SELECT run_id FROM tick WHERE key = ?', key)?.run_id;
      // An answer never changes, so most callers need no lock.
      const known = await read(answer);
      if (known !== undefined) return text(known);
      return write(() => {
        change('INSERT INTO tick VALUES (?, ?, ?) ON CONFLICT DO NOTHING', key, runId, iso(Date.now()));
        return text(answer());
      });
    },

    prune: (before) =>
      write(() => {
        change(
          `DELETE FROM event WHERE at < ?1 AND run_id NOT IN
             (SELECT run_id FROM run WHERE status = 'running' OR ended_at >= ?1)`,
          before,
        );
        change('DELETE FROM tick WHERE at < ?', before);
        return change(`DELETE FROM run WHERE status <> 'running' AND ended_at < ?`, before);
      }),

    [Symbol.asyncDispose]: async () => {
      statements.clear();
      if (database.isOpen) database.close();
    },
  };

  /** A run that is started again under its id (a retried job) goes on; an ended one does not come back. */
  function createRun(runId: string, tenant: string, source: string): void {
    const known = one('SELECT tenant, source, status FROM run WHERE run_id = ?', runId);
    if (known === undefined) {
      const now = iso(Date.now());
      change(
        `INSERT INTO run (run_id, tenant, source, status, started_at) VALUES (?, ?, ?, 'running', ?)`,
        ...[runId, tenant, source, now],
      );
    } else if (known.tenant !== tenant || known.source !== source || known.status !== 'running') {
      const reason = `Run ${runId} of ${known.tenant}/${known.source} exists already (${known.status}).`;
      throw new TributaryError('USAGE', { reason, advice: 'Start a new run with an id of its own.' });
    }
  }
}

function ownerOf(row: Row): Owner {
  return {
    host: text(row.host),
    pid: Number(row.pid),
    started: text(row.started),
    namespace: text(row.namespace),
  };
}

function leaseHeld(row: Row): TributaryError {
  return new TributaryError('LEASE_HELD', {
    holder: text(row.run_id),
    tenant: text(row.tenant),
    source: text(row.source),
    pid: Number(row.pid),
    host: text(row.host),
    until: iso(Number(row.expires_at)),
  });
}

function runOf(row: Row): RunRecord {
  return {
    runId: text(row.run_id),
    tenant: text(row.tenant),
    source: text(row.source),
    status: text(row.status) as RunStatus,
    startedAt: text(row.started_at),
    endedAt: row.ended_at === null ? null : text(row.ended_at),
    summary: JSON.parse(text(row.summary)) as RunRecord['summary'],
    problem: row.problem === null ? null : (JSON.parse(text(row.problem)) as Problem),
  };
}

function eventOf(row: Row): RunEvent & { readonly sequence: number } {
  return {
    sequence: Number(row.sequence),
    runId: text(row.run_id),
    at: text(row.at),
    type: text(row.type) as RunEvent['type'],
    ...(row.step === null ? {} : { step: text(row.step) as Step }),
    ...(row.data === null ? {} : { data: JSON.parse(text(row.data)) as Readonly<Record<string, unknown>> }),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function text(value: SQLOutputValue | undefined): string {
  return String(value);
}
