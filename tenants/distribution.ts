/** Which reads other machines may share. The one place that says so: checks, decision, components and quotas ask here. */
import type { ConnectionKind } from './schema/connection.ts';
import type { ExecutionSpec } from './schema/execution.ts';
import type { SourceSpec } from './schema/source.ts';

/** Kinds whose rows never pass through a machine of ours, with the reason. */
export const NEVER_DISTRIBUTED: Partial<Record<ConnectionKind, string>> = {
  bigquery: 'BigQuery reads its own tables itself, on many machines; no worker would see a row',
  gcs: 'BigQuery loads objects of Cloud Storage itself, on many machines; no worker would see a row',
};

/** Whether a source can go to Dataflow: then the template, its account and its grants must exist. */
export function mayExceed({ mode, kind }: { readonly mode: ExecutionSpec['mode']; readonly kind: string }): boolean {
  return mode !== 'cloud_run' && !Object.hasOwn(NEVER_DISTRIBUTED, kind);
}

/** Whether tasks of the tenant's job may share a read of the source: then the runner must be allowed to start it. */
export function mayShare({ tasks, kind }: { readonly tasks: number; readonly kind: string }): boolean {
  return tasks > 1 && !Object.hasOwn(NEVER_DISTRIBUTED, kind);
}

/** Why a read of this source can never be divided, as far as its file says; `null`: its connector is asked. */
export function indivisible(
  kind: ConnectionKind,
  { load, query }: { readonly load?: SourceSpec['load'] | undefined; readonly query?: string | undefined },
): string | null {
  const never = NEVER_DISTRIBUTED[kind];
  if (never !== undefined) return never;
  if (kind === 'mysql' && load?.strategy === 'catalog')
    return 'a snapshot of MySQL belongs to one connection, so only the window of a cursor can be divided';
  if (query !== undefined && load?.strategy === 'catalog')
    return 'a query without a cursor is read over one connection';
  return null;
}
