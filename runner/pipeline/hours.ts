/** Hours in which a server may be read. */
import { isOpen, nextOpening } from '../../tenants/hours.ts';
import type { TenantSpec } from '../../tenants/schema/index.ts';
import { type Problem, TributaryError } from '../core/errors.ts';

/** Why a run of the source may not begin at that moment; `null`: it may. */
export function hoursProblem(
  { connections, sources }: Pick<TenantSpec, 'connections' | 'sources'>,
  source: string,
  at: Date,
): Problem | null {
  const name = sources[source]?.connection ?? '';
  const connection = connections[name];
  const hours = connection !== undefined && 'protect' in connection ? connection.protect?.hours : undefined;
  if (hours === undefined || isOpen(hours, at)) return null;
  const { from, to, timeZone } = hours;
  const opens = nextOpening(hours, at).toISOString().replace(':00.000Z', 'Z');
  return new TributaryError('BRAKE_HOURS', { source, connection: name, from, to, timeZone, opens }).problem;
}

/** @throws BRAKE_HOURS */
export function requireOpenHours(tenant: Pick<TenantSpec, 'connections' | 'sources'>, source: string, at: Date): void {
  const problem = hoursProblem(tenant, source, at);
  if (problem !== null) throw TributaryError.from(problem);
}
