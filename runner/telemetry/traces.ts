/** Traces of all processes: one id from the request that begins a run to its last step. */
import { type Attributes, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { RunEvent } from '../core/contracts/run-store.ts';
import { scrubbed } from './scrub.ts';

export interface OpenSpan {
  /** W3C Trace Context, for whoever is called next. */
  readonly traceparent: string;
  end(outcome?: {
    /** Where it is known only now. */
    readonly name?: string;
    readonly attributes?: Attributes;
    readonly error?: string | undefined;
    readonly at?: Date;
  }): void;
}

export interface SpanStart {
  readonly name: string;
  /** W3C Trace Context of the caller; `null`, or no such thing: a new trace begins. */
  readonly parent: string | null;
  readonly kind?: 'server' | 'internal';
  readonly attributes?: Attributes;
  readonly at?: Date;
}

export interface Traces extends AsyncDisposable {
  start(span: SpanStart): OpenSpan;
}

/** What a collector that is away may cost at the end of a process. */
const FLUSH_MS = 3_000;

/** Sends to `OTEL_EXPORTER_OTLP_ENDPOINT`; without it ids are made and handed on, and nothing is sent. */
export function openTraces(service: string, env: Readonly<Record<string, string | undefined>> = process.env): Traces {
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, '');
  const exporter = base ? new OTLPTraceExporter({ url: `${base}/v1/traces`, timeoutMillis: FLUSH_MS }) : null;
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: exporter === null ? [] : [new BatchSpanProcessor(exporter)],
    forceFlushTimeoutMillis: FLUSH_MS,
  });
  const tracer = provider.getTracer('tributary');
  return {
    start({ name, parent, kind = 'internal', attributes = {}, at }) {
      const from = parentContext(parent);
      const options = { kind: kind === 'server' ? SpanKind.SERVER : SpanKind.INTERNAL, attributes };
      return opened(tracer.startSpan(name, { ...options, ...(at === undefined ? {} : { startTime: at }) }, from));
    },
    async [Symbol.asyncDispose]() {
      await provider.shutdown().catch(() => undefined);
    },
  };
}

/** The spans of a run are a view of its events. @returns what takes each event */
export function runSpans(traces: Traces, parent: string | null): (event: RunEvent) => void {
  let run: OpenSpan | null = null;
  const steps = new Map<string, OpenSpan>();
  return ({ runId, type, step, at, data }) => {
    const when = new Date(at);
    run ??= traces.start({ name: 'run', parent, at: when, attributes: { 'tributary.run': runId } });
    if (type === 'step-start' && step !== undefined) {
      steps.set(step, traces.start({ name: step, parent: run.traceparent, at: when }));
    } else if (type === 'step-end' && step !== undefined) {
      steps.get(step)?.end({ at: when });
      steps.delete(step);
    } else if (type === 'run-end') {
      const problem = data?.problem as { readonly code?: unknown } | undefined;
      const error = problem === undefined ? undefined : String(problem.code);
      for (const open of steps.values()) open.end({ at: when, error });
      steps.clear();
      run.end({ at: when, error, attributes: { 'tributary.status': String(data?.status ?? '') } });
    }
  };
}

function opened(span: Span): OpenSpan {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    end({ name, attributes = {}, error, at } = {}) {
      if (name !== undefined) span.updateName(name);
      span.setAttributes(attributes);
      if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: scrubbed(error) });
      span.end(at);
    },
  };
}

function parentContext(traceparent: string | null) {
  const [, traceId, spanId, flags] =
    /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags ?? '0', 16);
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
