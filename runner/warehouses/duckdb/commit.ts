/** The one transaction: table, state, run, quarantine and schema changes appear together or not at all. */

import type { Engine } from '../../columnar/engine.ts';
import type { Parameter } from '../../columnar/protocol.ts';
import { quoteName, quoteText } from '../../columnar/sql.ts';
import { sqlType } from '../../columnar/types.ts';
import type { ChangeCounts, CommitSpec, SchemaChange } from '../../core/contracts/warehouse.ts';
import { TributaryError } from '../../core/errors.ts';
import { typeName } from '../../core/types.ts';
import { brakeOnDeletes } from './brake.ts';
import { applyChange } from './change.ts';
import type { ChangeTables } from './change-tables.ts';
import { insertFiles } from './files.ts';
import { evidence, qualified, stagingOf } from './names.ts';
import { type ReplayedRows, settleQuarantine } from './restage.ts';
import type { StagedRows } from './stage.ts';

const ADDED = ['_run_id', '_extracted_at'];

export async function commitRun(
  engine: Engine,
  spec: CommitSpec,
  staged: StagedRows | ReplayedRows,
  exists: boolean,
): Promise<ChangeCounts> {
  const { run, target } = spec;
  const committedAt = new Date().toISOString();
  const replay = 'replay' in staged ? staged.replay : null;
  const dated = spec.change.kind === 'partition' ? ['_snapshot_date'] : [];
  const tables: ChangeTables = {
    target: qualified(target),
    targetName: quoteName(target.table),
    staging: qualified(stagingOf(run, target)),
    keys: qualified(stagingOf(run, target, true)),
    exists,
    columns: [...spec.columns.map(({ column }) => column.name), ...ADDED, ...dated],
    added: addedColumns(spec),
    staged: staged.rows - (replay?.twins ?? 0),
    committedAt,
  };
  await engine.execute('BEGIN TRANSACTION');
  try {
    await guard(engine, spec);
    if (exists && spec.change.kind !== 'replace') await evolve(engine, tables.target, spec.schemaChanges);
    if (exists) await softDeleteColumn(engine, spec, tables);
    await brakeOnDeletes(engine, spec, tables);
    const changed = await applyChange(engine, spec.change, tables);
    const counts =
      replay === null ? changed : { ...changed, unchanged: staged.rows - changed.inserted - changed.updated };
    if (!exists) await softDeleteColumn(engine, spec, tables);
    await describeColumns(engine, spec, tables.target, exists);
    if (spec.latestView !== undefined) await latestView(engine, spec, tables.target);
    await record(engine, spec, staged, counts, committedAt);
    if (replay !== null) await settleQuarantine(engine, spec.run, replay);
    for (const table of [tables.staging, tables.keys]) await engine.execute(`DROP TABLE IF EXISTS ${table}`);
    await engine.execute('COMMIT');
    return counts;
  } catch (error) {
    await engine.execute('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Refuses a run that is committed already and one whose lease went on to a newer run. */
async function guard(engine: Engine, { run }: CommitSpec): Promise<void> {
  const [found] = await engine.query(
    `SELECT (SELECT count(*) FROM ${evidence(run.tenant, '_runs')} WHERE run_id = $1) AS done,
            (SELECT max(fencing_token) FROM ${evidence(run.tenant, '_state')} WHERE source = $2) AS token`,
    [run.runId, run.source],
  );
  if (Number(found?.done ?? 0) > 0 || Number(found?.token ?? -1) > run.fencingToken) {
    throw new TributaryError('LEASE_LOST', { tenant: run.tenant, source: run.source });
  }
}

function addedColumns({ schemaChanges }: CommitSpec): string[] {
  return schemaChanges.flatMap((change) => (change.kind === 'add' ? [change.column.name] : []));
}

async function evolve(engine: Engine, target: string, changes: readonly SchemaChange[]): Promise<void> {
  for (const change of changes) {
    if (change.kind === 'add')
      await engine.execute(
        `ALTER TABLE ${target} ADD COLUMN ${quoteName(change.column.name)} ${sqlType(change.column.type)}`,
      );
    if (change.kind === 'widen')
      await engine.execute(
        `ALTER TABLE ${target} ALTER COLUMN ${quoteName(change.column)} SET DATA TYPE ${sqlType(change.to)}`,
      );
  }
}

/** A table has `_deleted_at` from the first commit on that marks deletes. */
async function softDeleteColumn(engine: Engine, { change }: CommitSpec, { target }: ChangeTables): Promise<void> {
  if (change.kind !== 'merge' || change.deletes !== 'soft') return;
  await engine.execute(`ALTER TABLE ${target} ADD COLUMN IF NOT EXISTS _deleted_at TIMESTAMPTZ`);
}

async function describeColumns(engine: Engine, spec: CommitSpec, target: string, exists: boolean): Promise<void> {
  const added = addedColumns(spec);
  for (const { column } of spec.columns) {
    const fresh = !exists || spec.change.kind === 'replace' || added.includes(column.name);
    if (!fresh || column.description === undefined || column.description === column.name) continue;
    await engine.execute(`COMMENT ON COLUMN ${target}.${quoteName(column.name)} IS ${quoteText(column.description)}`);
  }
}

async function latestView(engine: Engine, spec: CommitSpec, target: string): Promise<void> {
  const view = qualified(spec.latestView ?? spec.target);
  await engine.execute(
    `CREATE OR REPLACE VIEW ${view} AS SELECT * FROM ${target} WHERE _snapshot_date = (SELECT max(_snapshot_date) FROM ${target})`,
  );
}

async function record(
  engine: Engine,
  spec: CommitSpec,
  staged: StagedRows,
  counts: ChangeCounts,
  at: string,
): Promise<void> {
  const { run, evidence: facts } = spec;
  const insert = (table: string, values: readonly Parameter[]) =>
    engine.execute(
      `INSERT INTO ${evidence(run.tenant, table)} VALUES (${values.map((_, i) => `$${i + 1}`).join(', ')})`,
      values,
    );
  const key = spec.change.kind === 'merge' ? spec.change.key : [];
  const columns = JSON.stringify(
    spec.columns.map(({ column }) => ({
      ...column,
      type: typeName(column.type),
      ...(key.includes(column.name) ? { key: true } : {}),
    })),
  );
  await engine.execute(`DELETE FROM ${evidence(run.tenant, '_state')} WHERE source = $1`, [run.source]);
  await insert('_state', [run.source, spec.cursor, run.runId, run.fencingToken, at, columns]);
  await insert('_runs', [
    run.runId,
    run.source,
    facts.strategy,
    facts.mode,
    facts.modeReason,
    facts.window?.column ?? null,
    facts.window?.from ?? null,
    facts.window?.to ?? null,
    facts.boundProof,
    facts.extracted,
    staged.rows,
    counts.inserted,
    counts.updated,
    counts.deleted,
    counts.unchanged,
    staged.rejected + staged.uncastable,
    facts.nullified,
    facts.bytesExtracted,
    staged.vectorPath,
    JSON.stringify(facts.seconds),
    run.startedAt,
    at,
  ]);
  if (spec.files !== undefined && spec.files.length > 0)
    await engine.execute(insertFiles(run.tenant), [run.source, run.runId, at, JSON.stringify(spec.files)]);
  for (const reject of staged.rejects)
    await insert('_quarantine', [run.source, run.runId, reject.column, reject.reason, reject.row, at, null]);
  for (const change of spec.schemaChanges) {
    const column = change.kind === 'add' ? change.column.name : change.column;
    const from = change.kind === 'widen' ? typeName(change.from) : null;
    const to =
      change.kind === 'widen' ? typeName(change.to) : change.kind === 'add' ? typeName(change.column.type) : null;
    await insert('_schema_changes', [run.source, run.runId, change.kind, column, from, to, at]);
  }
}
