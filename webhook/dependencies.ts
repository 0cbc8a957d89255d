/** What the routes work with; `server.ts` makes it from the environment, a test from what it has. */
import type { HttpBindings } from '@hono/node-server';
import type { RunStore } from '../runner/core/contracts/run-store.ts';
import type { TenantStore } from '../runner/core/contracts/tenant-store.ts';
import type { Traces } from '../runner/telemetry/traces.ts';
import type { Authenticator, Caller } from './auth/caller.ts';
import type { ControlPlane } from './control/contract.ts';

/** The part of a logger that is used here. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Of one answered request. */
export interface Answered {
  /** The pattern, never the path itself: few values. @example "/v1/runs/{run}" */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
}

export interface Metrics {
  answered(request: Answered): void;
  /** In the text format of Prometheus. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** A mutation or a refusal, for the record. Holds no token and no body. */
export interface AuditRecord {
  readonly time: string;
  /** `null`: nobody proved who they are. */
  readonly caller: Caller | null;
  /** @example "POST /v1/runs" */
  readonly action: string;
  /** @example "/v1/tenants/acme" */
  readonly resource: string;
  readonly status: number;
  /** Code of the problem, where it was refused. */
  readonly problem: string | null;
  readonly requestId: string;
  readonly traceparent: string | null;
}

export interface AppSettings {
  /** Whether preview and up are runs here; otherwise they belong to CI. */
  readonly deployments: boolean;
  /** How often a stream of events looks for new ones. */
  readonly eventPollMs: number;
  /** Silence after which a stream of events says that it is alive. */
  readonly heartbeatMs: number;
  /** How long a stream of events lasts at most; the client comes back with Last-Event-ID. */
  readonly streamMs: number;
}

export const appSettings: AppSettings = {
  deployments: false,
  eventPollMs: 500,
  heartbeatMs: 15_000,
  streamMs: 240_000,
};

export interface Dependencies {
  readonly store: RunStore;
  readonly tenants: TenantStore;
  readonly control: ControlPlane;
  readonly authenticator: Authenticator;
  readonly audit: (record: AuditRecord) => void;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Absent: requests are no spans. */
  readonly traces?: Traces | undefined;
  readonly now: () => Date;
  readonly settings: AppSettings;
}

export interface AppEnv {
  Bindings: Partial<HttpBindings>;
  Variables: {
    requestId: string;
    caller: Caller | undefined;
    /** Of the span of this request. */
    traceparent: string | undefined;
    /** Code of the problem of the answer. */
    problem: string | undefined;
  };
}
