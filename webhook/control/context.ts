/** What the parts of the control plane work with. */
import type { Launcher } from '../../runner/core/contracts/launcher.ts';
import type { Notifier } from '../../runner/core/contracts/notice.ts';
import type { RunStore } from '../../runner/core/contracts/run-store.ts';
import type { TenantStore } from '../../runner/core/contracts/tenant-store.ts';
import type { Problem } from '../../runner/core/errors.ts';
import { type Clock, systemClock } from '../../runner/core/retry.ts';
import { type OpenTenant, tenantReader } from '../tenants.ts';

export interface ControlSettings {
  /** How long a source is kept for a run while it is being launched. */
  readonly reservationMs: number;
  /** How long it is kept for a launched one; prolonged while its execution is starting. */
  readonly pickupMs: number;
  /** One attempt to launch, with its repetitions; less than `reservationMs`. */
  readonly launchMs: number;
  /** Attempts to launch a run before it fails. */
  readonly launchAttempts: number;
  /** Longest wait between two attempts. */
  readonly longestPauseMs: number;
  /** A launched run that has not begun by then fails. */
  readonly startWithinMs: number;
  /** After its tick; a schedule that has not called by then has missed it. */
  readonly missedAfterMs: number;
  /** A tick that is older is history. */
  readonly missedWithinMs: number;
  /** What a run that was asked to stop has for it, before its execution is cancelled. */
  readonly cancelGraceMs: number;
  /** How long a request waits for the notifiers; the sweep tells what is left. */
  readonly announceMs: number;
  /** Nobody is told of an end that is older. */
  readonly announceWithinMs: number;
  /** The sweep leaves ends to their own requests that long. */
  readonly announceAfterMs: number;
  /** A sweep begins nothing new after this. */
  readonly sweepMs: number;
}

const MINUTE = 60_000;

export const DEFAULT_SETTINGS: ControlSettings = {
  reservationMs: 45_000,
  pickupMs: 5 * MINUTE,
  launchMs: 20_000,
  launchAttempts: 10,
  longestPauseMs: 10 * MINUTE,
  startWithinMs: 60 * MINUTE,
  missedAfterMs: 2 * MINUTE,
  missedWithinMs: 24 * 60 * MINUTE,
  cancelGraceMs: MINUTE,
  announceMs: 10_000,
  announceWithinMs: 3 * 24 * 60 * MINUTE,
  announceAfterMs: 15_000,
  sweepMs: 40_000,
};

/** What happened, for logs and metrics. */
export type ControlEvent =
  | {
      readonly type: 'accepted';
      readonly runId: string;
      readonly tenant: string;
      readonly source: string;
      readonly kind: string;
      readonly trigger: string;
    }
  | {
      readonly type: 'skipped' | 'joined';
      readonly tenant: string;
      readonly source: string;
      readonly tick: string | null;
      readonly runId: string;
    }
  | {
      readonly type: 'launched';
      readonly runId: string;
      readonly tenant: string;
      readonly source: string;
      readonly attempt: number;
      readonly waitedMs: number;
    }
  | {
      readonly type: 'launch-failed';
      readonly runId: string;
      readonly tenant: string;
      readonly source: string;
      readonly problem: Problem;
    }
  | { readonly type: 'missed'; readonly tenant: string; readonly source: string; readonly tick: string }
  | { readonly type: 'abandoned'; readonly runId: string; readonly tenant: string; readonly source: string }
  | {
      readonly type: 'ended';
      readonly runId: string;
      readonly tenant: string;
      readonly source: string;
      readonly kind: string;
      readonly status: string;
      readonly problem: Problem | null;
    }
  | { readonly type: 'untold'; readonly notifier: string; readonly problem: Problem }
  /** A part of a sweep, or of what follows an end, met something; the next sweep tries it again. */
  | { readonly type: 'trouble'; readonly during: string; readonly problem: Problem };

export interface ControlDeps {
  readonly store: RunStore;
  readonly tenants: TenantStore;
  readonly launcher: Launcher;
  readonly notifiers: readonly Notifier[];
  /** Project of tenants that name none. */
  readonly project: string;
  /** Where people see a run. */
  readonly link?: (runId: string) => string;
  readonly observe?: (event: ControlEvent) => void;
  /** Time of day. */
  readonly now?: () => Date;
  /** Paces the repetitions of a launch. */
  readonly clock?: Clock;
  readonly settings?: Partial<ControlSettings>;
}

export interface Control {
  readonly store: RunStore;
  readonly tenants: TenantStore;
  readonly openTenant: (name: string) => Promise<OpenTenant | null>;
  readonly launcher: Launcher;
  readonly notifiers: readonly Notifier[];
  readonly project: string;
  readonly link: (runId: string) => string | null;
  readonly observe: (event: ControlEvent) => void;
  readonly now: () => Date;
  readonly clock: Clock;
  readonly settings: ControlSettings;
  /** What this process need not ask again; losing it costs a question only. */
  readonly memory: Memory;
}

export interface Memory {
  /** How often the launcher had no room since there was some for everybody; 0: nothing waits for room. */
  crowds: number;
  /** Tries for room since the last end of a run; `null`: nobody tries. */
  tries: number | null;
  /** Ticks that are settled. */
  readonly ticks: Set<string>;
  /** Of a run, how many of its first attempts met a launcher without room. */
  readonly crowded: Map<string, number>;
}

/** Entries of {@link Memory}, each of a few dozen bytes. */
export const REMEMBERED = 20_000;

export function contextOf(deps: ControlDeps): Control {
  const { store, tenants, launcher, notifiers, project, link, observe = () => undefined } = deps;
  return {
    ...{ store, tenants, launcher, notifiers, project, observe },
    openTenant: tenantReader(tenants),
    link: (runId) => link?.(runId) ?? null,
    now: deps.now ?? (() => new Date()),
    clock: deps.clock ?? systemClock,
    settings: { ...DEFAULT_SETTINGS, ...deps.settings },
    memory: { crowds: 0, tries: null, ticks: new Set(), crowded: new Map() },
  };
}
