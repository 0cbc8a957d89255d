/** Metrics of the webhook, in Prometheus' names and text. Labels have few values: never a tenant, a path or a run. */
import { Counter, Histogram, Registry } from 'prom-client';

/** What happened to a run, as the control plane tells it. */
export type RunHappening =
  | { readonly type: 'accepted'; readonly kind: string; readonly trigger: string }
  | { readonly type: 'skipped' | 'joined' | 'missed' | 'abandoned' | 'launch-failed' | 'untold' | 'trouble' }
  | { readonly type: 'launched'; readonly waitedMs: number }
  | { readonly type: 'ended'; readonly kind: string; readonly status: string };

export interface WebhookMetrics {
  answered(request: { route: string; method: string; status: number; seconds: number }): void;
  happened(happening: RunHappening): void;
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export function webhookMetrics(): WebhookMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Histogram({
    name: 'tributary_http_request_duration_seconds',
    help: 'Time to answer a request, by route and status.',
    labelNames: ['route', 'method', 'status'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const accepted = new Counter({
    name: 'tributary_runs_accepted_total',
    help: 'Runs accepted, by kind and by what began them.',
    labelNames: ['kind', 'trigger'] as const,
    registers,
  });
  const ended = new Counter({
    name: 'tributary_runs_ended_total',
    help: 'Runs that ended, by kind and status.',
    labelNames: ['kind', 'status'] as const,
    registers,
  });
  const queued = new Histogram({
    name: 'tributary_run_launch_delay_seconds',
    help: 'Time from the acceptance of a run to its launch.',
    buckets: [0.1, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3600],
    registers,
  });
  const events = new Counter({
    name: 'tributary_control_events_total',
    help: 'Ticks that were skipped, joined or missed, runs abandoned, launches and notices that failed.',
    labelNames: ['event'] as const,
    registers,
  });
  return {
    answered({ route, method, status, seconds }) {
      requests.observe({ route, method: METHODS.has(method) ? method : 'other', status }, seconds);
    },
    happened(happening) {
      if (happening.type === 'accepted') accepted.inc({ kind: happening.kind, trigger: happening.trigger });
      else if (happening.type === 'ended') ended.inc({ kind: happening.kind, status: happening.status });
      else if (happening.type === 'launched') queued.observe(happening.waitedMs / 1000);
      else events.inc({ event: happening.type });
    },
    text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}
