/** Where a read that is too much for this process can go: tasks of its own job, or Dataflow. */
import { labels } from '../../tenants/naming.ts';
import type { SourceSpec, TenantSpec } from '../../tenants/schema/index.ts';
import { executorSettings, openExecutor, provisioned } from '../launchers/executors.ts';
import type { Beyond } from '../pipeline/run.ts';
import { cloudOf } from './connect.ts';
import { environment } from './warehouse.ts';

/** @param traceparent W3C Trace Context of the run; `null`: it has none */
export function beyondOf(
  { tenant, spec }: { readonly tenant: TenantSpec; readonly spec: SourceSpec },
  traceparent: string | null,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Beyond {
  const { maxCostUsd } = spec.execution;
  const of = {
    labels: labels({ tenant: tenant.tenant, env: environment(env), costCenter: tenant.costCenter }),
    ...(maxCostUsd === undefined ? {} : { maxUsd: maxCostUsd }),
  };
  return {
    executors: provisioned(env),
    openExecutor: async (kind) => openExecutor(executorSettings(kind, env, of)),
    cloud: cloudOf(tenant).cloud ?? null,
    traceparent,
  };
}
