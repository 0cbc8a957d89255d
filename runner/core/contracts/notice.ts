/** What the platform tells the world about runs: topic, webhook, chat. Types only. */
import type { Problem } from '../errors.ts';

/** Permanent names; `run.landed` follows a commit of a source with `after.publish`. */
export type NoticeType =
  | 'run.started'
  | 'run.succeeded'
  | 'run.failed'
  | 'run.refused'
  | 'run.interrupted'
  | 'run.landed'
  | 'schedule.missed';

export interface Notice {
  /** Raised when a field changes its meaning or goes; a new field raises nothing. */
  readonly schemaVersion: 1;
  /** Of the occurrence: it may be delivered twice, under one id. @example "20261124t0900_1f2e3d4c.run.succeeded" */
  readonly id: string;
  readonly type: NoticeType;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly tenant: string;
  readonly source: string;
  readonly runId: string | null;
  /** What `run --json` prints; empty before its end. */
  readonly summary: Readonly<Record<string, unknown>>;
  readonly problem: Problem | null;
  /** What became of the data, in a sentence. */
  readonly dataState: string;
  /** The run in the console or API. */
  readonly link: string | null;
}

/** One way out. */
export interface Notifier {
  readonly name: string;
  /** Resolves once it is delivered for good. @throws NOTICE_FAILED */
  send(notices: readonly Notice[]): Promise<void>;
}
