/** Failures on demand: `faults.json` in the cloud's folder says which call fails, when and how. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudError } from './errors.ts';
import type { Store } from './store.ts';

export type Operation = 'create' | 'read' | 'update' | 'delete';

export interface Fault {
  /** Type token; left out: any type. */
  readonly type?: string;
  readonly operation: Operation;
  /** Part of the resource's id; left out: any. */
  readonly id?: string;
  /** The first of the matching calls that is hit, from 1, which is the default. */
  readonly nth?: number;
  /** How many are hit from there on; default 1. */
  readonly times?: number;
  /** Before the cloud did anything (default), or when all is done and only the answer is lost. */
  readonly when?: 'before' | 'after';
  /** Milliseconds that the call takes longer. */
  readonly delay?: number;
  readonly how?: keyof typeof errors | 'hang' | 'crash';
}

const errors = {
  quota: ({ type = 'resource' }: Fault) =>
    new CloudError(
      429,
      `Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute' of ${type}, rateLimitExceeded`,
    ),
  'api-disabled': ({ type = '' }: Fault) => {
    const api = `${/^[^:]+:([^/]+)/.exec(type)?.[1] ?? 'service'}.googleapis.com`;
    return new CloudError(
      403,
      `${api} has not been used in project 123 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/${api}/overview then retry., accessNotConfigured`,
    );
  },
  internal: () => new CloudError(500, 'Internal error encountered., backendError'),
  unavailable: () => new CloudError(503, 'The service is currently unavailable., backendError'),
  'iam-lag': () => new CloudError(400, 'Service account does not exist., badRequest'),
  denied: () => new CloudError(403, 'The caller does not have permission, forbidden'),
} as const satisfies Record<string, (fault: Fault) => CloudError>;

const file = (store: Store) => join(store.folder, 'faults.json');

/** Replaces all faults; their counts start anew. */
export function plan(store: Store, faults: readonly Fault[]): void {
  const drill = store.next('drill');
  const draft = `${file(store)}.new`;
  writeFileSync(
    draft,
    `${JSON.stringify(
      faults.map((fault) => ({ ...fault, drill })),
      null,
      2,
    )}\n`,
  );
  renameSync(draft, file(store));
}

export interface Call {
  readonly type: string;
  readonly operation: Operation;
  readonly id: string;
}

/** Does `work` with whatever is planned for this call; `cancelled` ends what hangs. */
export async function underFaults<T>(
  store: Store,
  call: Call,
  cancelled: AbortSignal,
  work: () => T | Promise<T>,
): Promise<T> {
  const due = dueFaults(store, call);
  for (const fault of due) if (fault.when !== 'after') await strike(fault, cancelled);
  const result = await work();
  for (const fault of due) if (fault.when === 'after') await strike(fault, cancelled);
  return result;
}

function dueFaults(store: Store, call: Call): readonly Fault[] {
  return planned(store).filter((fault, i) => {
    if (fault.operation !== call.operation) return false;
    if (fault.type !== undefined && fault.type !== call.type) return false;
    if (fault.id !== undefined && !call.id.includes(fault.id)) return false;
    const count = store.next(`fault ${fault.drill ?? 0} ${i}`);
    const first = fault.nth ?? 1;
    return count >= first && count < first + (fault.times ?? 1);
  });
}

async function strike(fault: Fault, cancelled: AbortSignal): Promise<void> {
  if (fault.delay !== undefined) await sleep(fault.delay);
  if (fault.how === 'crash') process.kill(process.pid, 'SIGKILL');
  if (fault.how === 'hang' || fault.how === 'crash') await forever(cancelled);
  else if (fault.how !== undefined) throw errors[fault.how](fault);
}

function forever(cancelled: AbortSignal): Promise<never> {
  return new Promise((_, fail) => {
    const end = () => fail(new Error('context canceled'));
    if (cancelled.aborted) end();
    else cancelled.addEventListener('abort', end, { once: true });
  });
}

function planned(store: Store): readonly (Fault & { drill?: number })[] {
  try {
    return JSON.parse(readFileSync(file(store), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
