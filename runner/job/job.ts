/** What each kind of run works with. */
import type { TenantSpec } from '../../tenants/schema/index.ts';
import type { RunEvent, RunRecord, RunStore } from '../core/contracts/run-store.ts';
import { TributaryError } from '../core/errors.ts';
import type { OpenedSecrets } from '../secrets/open.ts';
import type { RunnerLog } from './log.ts';
import type { RunnerSettings } from './settings.ts';

export interface Job {
  readonly settings: RunnerSettings;
  readonly run: RunRecord;
  readonly order: NonNullable<RunRecord['order']>;
  readonly tenant: TenantSpec;
  readonly store: RunStore;
  readonly secrets: OpenedSecrets;
  readonly log: RunnerLog;
  readonly onEvent: (event: RunEvent) => void;
  /** Whether an earlier attempt of the run began. */
  readonly again: () => boolean;
  /** Somebody wants it to stop: the platform, or a person. */
  readonly signal: AbortSignal;
}

/** A text among the options of an order; `null`: absent. */
export function textOption({ order }: Job, name: string): string | null {
  const value = order.options[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** @throws USAGE */
export function requiredOption(job: Job, name: string): string {
  const value = textOption(job, name);
  if (value === null) throw new TributaryError('USAGE', { reason: `The order names no "${name}".` });
  return value;
}

export function isYes({ order }: Job): boolean {
  return order.options.yes === true || order.options.yes === 'true';
}

/** From where to where, of a backfill or a plan of one. */
export function stretchOf(job: Job): { readonly from: string; readonly to: string } | null {
  const [from, to] = [textOption(job, 'from'), textOption(job, 'to')];
  return from === null || to === null ? null : { from, to };
}
