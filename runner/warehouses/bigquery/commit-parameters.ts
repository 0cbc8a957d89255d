/** What the script of a commit takes as parameters: everything that a source or a person has named. */

import type { QueryParameter } from '../../bigquery/sql.ts';
import type { CommitSpec } from '../../core/contracts/warehouse.ts';
import { typeName } from '../../core/types.ts';
import type { Checked } from './check-query.ts';

/** What is known of the staged rows. */
export interface StagedFacts {
  /** With the ranges of the key's columns where the change has a key; without them nothing is pruned by constants. */
  readonly checked: Checked;
  /** Rows that the reader rejected. */
  readonly rejected: number;
  /** Misfits that the reader did not reject. */
  readonly uncastable: number;
  readonly vectorPath: 'fast' | 'safe';
  /** Values nullified in staging and in the check, beside those in `spec.evidence`. */
  readonly nullified: number;
  /** Places of quarantined rows that are not staged because an equal one is; `null` where this is no replay. */
  readonly twins: readonly string[] | null;
}

export function commitParameters(
  spec: CommitSpec,
  staged: StagedFacts,
  seen?: string | null,
): readonly QueryParameter[] {
  const { run, evidence } = spec;
  const text = (name: string, value: string | null): QueryParameter => ({ name, type: 'STRING', value });
  const number = (name: string, value: number): QueryParameter => ({ name, type: 'INT64', value: String(value) });
  return [
    text('run_id', run.runId),
    text('source', run.source),
    number('token', run.fencingToken),
    { name: 'started_at', type: 'TIMESTAMP', value: run.startedAt },
    text('cursor', spec.cursor),
    text('columns', stateColumns(spec)),
    text('strategy', evidence.strategy),
    text('mode', evidence.mode),
    text('mode_reason', evidence.modeReason),
    text('window_column', evidence.window?.column ?? null),
    text('window_from', evidence.window?.from ?? null),
    text('window_to', evidence.window?.to ?? null),
    text('bound_proof', evidence.boundProof),
    number('rows_extracted', evidence.extracted),
    number('rows_staged', staged.checked.rows + (staged.twins?.length ?? 0)),
    number('rows_quarantined', staged.rejected + staged.uncastable),
    number('values_nullified', evidence.nullified + staged.nullified),
    number('bytes_extracted', evidence.bytesExtracted),
    text('vector_path', staged.vectorPath),
    text('seconds', JSON.stringify(evidence.seconds)),
    { name: 'max_delete_ratio', type: 'FLOAT64', value: String(spec.maxDeleteRatio) },
    ...(spec.files === undefined || spec.files.length === 0 ? [] : [text('files', JSON.stringify(spec.files))]),
    ...(seen === undefined ? [] : [text('seen', seen)]),
    ...(staged.twins === null ? [] : [{ name: 'twins', type: 'STRING', values: staged.twins } as const]),
  ];
}

/** The columns of the run as `_state` keeps them. */
function stateColumns({ change, columns }: CommitSpec): string {
  const key = change.kind === 'merge' ? change.key : [];
  const described = columns.map(({ column }) => ({
    ...column,
    type: typeName(column.type),
    ...(key.includes(column.name) ? { key: true } : {}),
  }));
  return JSON.stringify(described);
}
