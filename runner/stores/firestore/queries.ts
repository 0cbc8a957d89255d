/** Which documents a list reads, as data: its indexes are held against it. */
import type { RunFilter } from '../../core/contracts/run-store.ts';

export interface RunQuery {
  readonly where: readonly (readonly [field: string, is: '==' | 'in', value: unknown])[];
  readonly orderBy: readonly [field: 'createdAt', direction: 'desc'];
  readonly limit: number;
}

/** Of runs that were accepted in the same microsecond, Firestore puts the larger name first. */
export function runQuery({ tenant, source, statuses, unannounced, limit }: Omit<RunFilter, 'before'>): RunQuery {
  return {
    where: [
      ...(tenant === undefined ? [] : [['tenant', '==', tenant] as const]),
      ...(source === undefined ? [] : [['source', '==', source] as const]),
      ...(statuses === undefined ? [] : [['status', 'in', statuses] as const]),
      ...(unannounced ? [['unannounced', '==', true] as const] : []),
    ],
    orderBy: ['createdAt', 'desc'],
    limit,
  };
}
