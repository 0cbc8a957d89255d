/** The end of a laptop's platform: nothing new is launched, and what runs is told to stop while it can still report. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Launcher } from '../../runner/core/contracts/launcher.ts';
import type { RunStore } from '../../runner/core/contracts/run-store.ts';
import { TributaryError } from '../../runner/core/errors.ts';

/** A launcher that can be told to launch nothing any more; what it refuses stays queued and is launched after the next start. */
export interface GatedLauncher extends Launcher {
  shut(): void;
}

const POLL_MS = 100;
const MANY = 1000;

export function gatedLauncher(launcher: Launcher): GatedLauncher {
  let open = true;
  return {
    kind: launcher.kind,
    launch: (request, signal) => {
      if (open) return launcher.launch(request, signal);
      const facts = { launcher: launcher.kind, run: request.runId, reason: 'the platform is being stopped' };
      return Promise.reject(new TributaryError('LAUNCH_FAILED', facts));
    },
    find: (request) => launcher.find(request),
    status: (execution) => launcher.status(execution),
    cancel: (execution) => launcher.cancel(execution),
    [Symbol.asyncDispose]: () => launcher[Symbol.asyncDispose](),
    shut: () => {
      open = false;
    },
  };
}

/**
 * Asks every run that was launched to end, and waits for their reports.
 *
 * @returns the runs that had not ended by then.
 */
export async function stopRuns(options: {
  readonly store: RunStore;
  readonly launcher: Launcher;
  readonly seconds: number;
}): Promise<readonly string[]> {
  const { store, launcher, seconds } = options;
  const asked = new Set<string>();
  for (const end = Date.now() + seconds * 1000; ; await sleep(POLL_MS)) {
    const open = await store.list({ statuses: ['queued', 'running'], limit: MANY });
    const launched = open.filter(({ execution }) => execution !== null);
    for (const { runId, execution } of launched) {
      if (execution === null || asked.has(runId)) continue;
      asked.add(runId);
      await launcher.cancel(execution).catch(() => {});
    }
    const living: string[] = [];
    for (const { runId, execution } of launched)
      if (execution !== null && (await isLiving(launcher, execution))) living.push(runId);
    if (living.length === 0 || Date.now() >= end) return living;
  }
}

async function isLiving(launcher: Launcher, execution: string): Promise<boolean> {
  const { state } = await launcher.status(execution);
  return state === 'starting' || state === 'running';
}
