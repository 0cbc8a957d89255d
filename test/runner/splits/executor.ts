/** Executes splits as processes of this machine; a few of them meet what machines meet. */
import type { SplitExecutor, SplitJob } from '../../../runner/core/contracts/splits.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { ask, type Child, type Ended, type Environment, startChild } from './child.ts';

export interface LocalExecutorOptions {
  readonly environment: Environment;
  /** Before the first split is read. */
  readonly onStart?: (job: SplitJob) => Promise<void>;
  /** Environment of an attempt, the first is 1. */
  readonly attempt?: (split: string, attempt: number) => Environment;
}

export interface LocalExecutor extends SplitExecutor {
  /** Children that are alive, by split. */
  readonly live: ReadonlyMap<string, Child>;
  readonly ended: readonly (Ended & { readonly split: string; readonly attempt: number })[];
  readonly jobs: readonly SplitJob[];
  readonly cancelled: readonly string[];
}

const TRIES = 4;

export function localExecutor({ environment, onStart, attempt }: LocalExecutorOptions): LocalExecutor {
  const live = new Map<string, Child>();
  const ended: (Ended & { split: string; attempt: number })[] = [];
  const jobs: SplitJob[] = [];
  const cancelled: string[] = [];

  async function one(work: string, split: string, signal: AbortSignal): Promise<void> {
    for (let nth = 1; nth <= TRIES; nth++) {
      signal.throwIfAborted();
      const env = { ...environment, ...attempt?.(split, nth) };
      const child = startChild('extract-split', JSON.stringify({ work, split }), env);
      const stop = () => child.process.kill('SIGTERM');
      signal.addEventListener('abort', stop, { once: true });
      live.set(split, child);
      const end = await child.ended;
      live.delete(split);
      signal.removeEventListener('abort', stop);
      ended.push({ ...end, split, attempt: nth });
      if (end.code === 0) return;
    }
    throw new TributaryError('INTERNAL', { message: `split ${split} failed ${TRIES} times` });
  }

  return {
    kind: 'tasks',
    ...{ live, ended, jobs, cancelled },
    async execute(job, { signal, onProgress }) {
      jobs.push(job);
      await onStart?.(job);
      const listed = await ask('list-splits', { work: job.work }, environment);
      const waiting = (listed.said.at(-1)?.splits ?? []).values();
      const seen = { state: 'running', job: 'local', link: null, rows: 0, bytes: 0, rejected: 0, splits: 0 } as const;
      onProgress(seen);
      const worker = async () => {
        for (const split of waiting) await one(job.work, split, signal);
      };
      await Promise.all(Array.from({ length: Math.min(2, job.workers) }, worker));
      onProgress({ ...seen, state: 'ended', splits: job.splits });
    },
    async cancel({ runId }) {
      cancelled.push(runId);
    },
    async [Symbol.asyncDispose]() {},
  };
}
