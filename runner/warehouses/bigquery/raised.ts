/** What a script of a commit raised, in the words of the catalogue. */

import { BigqueryFailure } from '../../bigquery/failure.ts';
import type { CommitSpec } from '../../core/contracts/warehouse.ts';
import { TributaryError } from '../../core/errors.ts';
import { brakeAmong, raisedOf } from './brake.ts';

export function isLeaseLost(error: unknown): boolean {
  return error instanceof BigqueryFailure && raisedOf(error.failure.message)?.code === 'LEASE_LOST';
}

/** The problem of a failed commit, or the failure itself where it is BigQuery's own. */
export function commitProblem(error: unknown, spec: CommitSpec): unknown {
  if (!(error instanceof BigqueryFailure)) return error;
  const { run, target } = spec;
  const table = `${target.dataset}.${target.table}`;
  const { reason, message } = error.failure;
  if (reason === 'bytesBilledLimitExceeded') {
    const limit = `${spec.maxBytesBilled} bytes`;
    const words = 'BigQuery stopped a statement that would be billed more';
    return new TributaryError('BRAKE_COST', { table, limit, reason: words, command: spec.command }, { cause: error });
  }
  const raised = raisedOf(message);
  switch (raised?.code) {
    case 'LEASE_LOST':
      return new TributaryError('LEASE_LOST', { tenant: run.tenant, source: run.source }, { cause: error });
    case 'CONFLICT':
      return new TributaryError('WAREHOUSE_CONFLICT', { table }, { cause: error });
    case 'BRAKE_DELETES':
      return new TributaryError('BRAKE_DELETES', {
        rows: raised.gone,
        before: raised.before,
        table: `${table}${brakeAmong(spec)}`,
        limit: spec.maxDeleteRatio,
        command: spec.command,
      });
    default:
      return error;
  }
}
