/** The tables of a SQLite run store, version by version: each step makes the next format out of the one before. */

const V1 = `
CREATE TABLE lease (
  tenant TEXT NOT NULL, source TEXT NOT NULL, token INTEGER NOT NULL,
  run_id TEXT, expires_at INTEGER NOT NULL,
  host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL, namespace TEXT NOT NULL,
  PRIMARY KEY (tenant, source)
) STRICT, WITHOUT ROWID;
CREATE TABLE run (
  number INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL UNIQUE,
  tenant TEXT NOT NULL, source TEXT NOT NULL, status TEXT NOT NULL,
  started_at TEXT NOT NULL, ended_at TEXT, summary TEXT NOT NULL DEFAULT '{}', problem TEXT
) STRICT;
CREATE INDEX run_by_source ON run (tenant, source, number);
CREATE TABLE event (
  run_id TEXT NOT NULL, sequence INTEGER NOT NULL, at TEXT NOT NULL, type TEXT NOT NULL, step TEXT, data TEXT,
  PRIMARY KEY (run_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE tick (key TEXT PRIMARY KEY, run_id TEXT NOT NULL, at TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

/**
 * Orders, reservations, cancellation, events with ids. All runs so far were command lines': they had the lease, and their
 * end was seen.
 */
const V2 = `
ALTER TABLE lease ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lease ADD COLUMN bound INTEGER NOT NULL DEFAULT 1;
ALTER TABLE lease ADD COLUMN claimant TEXT;
ALTER TABLE run ADD COLUMN "order" TEXT;
ALTER TABLE run ADD COLUMN execution TEXT;
ALTER TABLE run ADD COLUMN cancel_requested INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN created_at TEXT NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN leased INTEGER NOT NULL DEFAULT 1;
ALTER TABLE run ADD COLUMN announced INTEGER NOT NULL DEFAULT 1;
UPDATE run SET created_at = started_at;
CREATE INDEX run_by_status ON run (status, number);
CREATE INDEX run_unannounced ON run (number) WHERE announced = 0 AND ended_at IS NOT NULL;
ALTER TABLE event ADD COLUMN id TEXT;
CREATE UNIQUE INDEX event_by_id ON event (run_id, id) WHERE id IS NOT NULL;
`;

/** The step at place n makes format n + 1. */
export const STEPS: readonly string[] = [V1, V2];
