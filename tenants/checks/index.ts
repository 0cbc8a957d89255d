/** What a schema cannot say: rules between the parts of a tenant file. */
import type { Finding } from '../issues.ts';
import type { TenantSpec } from '../schema/tenant.ts';
import { checkColumns } from './columns.ts';
import { checkConnections } from './connections.ts';
import { checkDesigns } from './designs.ts';
import { checkDestinations } from './destinations.ts';
import { type Draft, draftOf } from './draft.ts';
import { checkKinds } from './kinds.ts';
import { checkLoads } from './loads.ts';
import { checkNames } from './names.ts';
import { checkPlace } from './place.ts';
import { checkQuality } from './quality.ts';
import { checkSchedules } from './schedules.ts';
import { checkSecrets } from './secrets.ts';
import { checkStreams } from './streams.ts';

const CHECKS: readonly ((draft: Draft) => Iterable<Finding>)[] = [
  checkNames,
  checkPlace,
  checkConnections,
  checkKinds,
  checkLoads,
  checkColumns,
  checkQuality,
  checkSchedules,
  checkDestinations,
  checkDesigns,
  checkStreams,
  checkSecrets,
];

/** All rules on as much of the file as could be read. */
export function runChecks(
  data: Readonly<Record<string, unknown>>,
  tenant: TenantSpec | undefined,
  file: string,
): Finding[] {
  const draft = draftOf(data, tenant, file);
  return CHECKS.flatMap((check) => [...check(draft)]);
}
