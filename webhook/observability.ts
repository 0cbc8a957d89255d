/** Logs, metrics and the audit record of this process. */
import { structuredLog } from '../runner/telemetry/log.ts';
import { webhookMetrics } from '../runner/telemetry/metrics.ts';
import type { ControlEvent } from './control/context.ts';
import type { AuditRecord, Log, Metrics } from './dependencies.ts';

export interface Observability {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly audit: (record: AuditRecord) => void;
  readonly observe: (event: ControlEvent) => void;
}

export function observability(): Observability {
  const log = structuredLog({ project: process.env.TRIBUTARY_PROJECT ?? '' });
  const metrics = webhookMetrics();
  return {
    log,
    metrics,
    audit: (record) =>
      log.notice({ audit: record, traceparent: record.traceparent }, `${record.action}: ${record.status}`),
    observe(event) {
      const { type, ...fields } = event;
      metrics.happened(event);
      log[WRONG.has(type) ? 'warn' : 'info']({ event: type, ...fields }, `run ${type}`);
    },
  };
}

const WRONG: ReadonlySet<ControlEvent['type']> = new Set(['launch-failed', 'missed', 'abandoned', 'untold', 'trouble']);
