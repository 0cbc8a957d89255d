/** What every executor of splits keeps to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SplitExecutor, SplitJob, SplitProgress } from '../../runner/core/contracts/splits.ts';
import type { WatchSettings } from '../../runner/core/split-jobs.ts';
import { executorSettings, openExecutor } from '../../runner/launchers/executors.ts';
import { exists, refusedWith, until } from './launcher.ts';

/** The program that carries splits out; give it SEEN, the folder that it writes to, and SPLITS, how many there are. */
export const WORKER = [process.execPath, join(import.meta.dirname, 'split-executor-worker.ts')] as const;
export const SPLITS = 5;
export const QUICK = {
  pollMs: [20, 50],
  budget: { attempts: 8, seconds: 20, firstMs: 20, longestMs: 100 },
} as const satisfies WatchSettings;

export interface SplitPlatform extends AsyncDisposable {
  readonly kind: SplitExecutor['kind'];
  /** Reaches the platform from any process. */
  readonly environment: Readonly<Record<string, string>>;
  /** Oldest first. */
  jobs(): readonly { readonly job: string; readonly active: boolean }[];
  /** A person cancels it. */
  cancel(job: string): void;
  /** The platform forgets it. */
  vanish(job: string): void;
  /** The next launch happens, and its answer is lost. */
  loseAnswer(): void;
  /** The next so many questions for a job are not answered. */
  goAway(questions: number): void;
  /** Asked to end, a job goes on until it is told to finish. */
  beStubborn(): void;
}

/** What the id of a run makes its workers do: `wait` until they may finish. */
export type Does = 'exit0' | 'exit3' | 'wait' | 'read';

export function jobOf(does: Does, over: Partial<SplitJob['run']> = {}): SplitJob {
  const run = {
    ...{ tenant: 'acme', source: 'orders', fencingToken: 4, startedAt: '2026-11-24T09:00:00.000Z' },
    runId: `20261124t090000_${randomBytes(4).toString('hex')}_${does}`,
    ...over,
  };
  const work = `gs://acme-staging/acme/orders/${run.runId}/${run.fencingToken}/splits/work.json`;
  return { run, work, splits: SPLITS, workers: 2, traceparent: null };
}

/** The same run, taken over by the next process. */
export function laterOf({ run }: SplitJob): SplitJob {
  return jobOf('wait', { ...run, fencingToken: run.fencingToken + 1 });
}

/** @param start the platform, whose workers write to this folder */
export function splitExecutorSuite(name: string, start: (seen: string) => Promise<SplitPlatform>): void {
  describe(`${name}: executor of splits`, () => {
    let folder: string;
    let platform: SplitPlatform;
    let executor: SplitExecutor;
    let children: ChildProcess[];

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'tributary-splits-'));
      platform = await start(folder);
      executor = await open();
      children = [];
    });

    afterEach(async () => {
      for (const child of children) child.kill('SIGKILL');
      await executor[Symbol.asyncDispose]();
      await platform[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    });

    const open = (over: WatchSettings = {}) =>
      openExecutor({ ...executorSettings(platform.kind, platform.environment, { labels: {} }), ...QUICK, ...over });

    /** Lines that the workers of a run wrote: token, what, process. */
    const log = ({ run }: SplitJob) => {
      const file = join(folder, `${run.runId}.log`);
      return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
    };
    const begun = (job: SplitJob) => log(job).filter((line) => line.startsWith(`${job.run.fencingToken} begun`));
    const pids = (job: SplitJob) => begun(job).map((line) => Number(line.split(' ')[2]));
    const read = (job: SplitJob) =>
      log(job)
        .flatMap((line) => /split-\d+/.exec(line) ?? [])
        .sort();
    const all = Array.from({ length: SPLITS }, (_, split) => `split-${split}`);
    const finish = ({ run }: SplitJob) => writeFileSync(join(folder, `${run.runId}.go`), '');
    const active = () => platform.jobs().filter((job) => job.active);

    function execute(job: SplitJob, by: SplitExecutor = executor) {
      const abort = new AbortController();
      const seen: SplitProgress[] = [];
      const done = by.execute(job, { signal: abort.signal, onProgress: (progress) => seen.push(progress) });
      done.catch(() => undefined);
      return { abort, seen, done };
    }

    /** A process that watches a job. */
    function watcher(job: SplitJob) {
      const program = join(import.meta.dirname, 'split-executor-watcher.ts');
      const child = spawn(process.execPath, [program, JSON.stringify({ kind: platform.kind, job })], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { PATH: process.env.PATH, ...platform.environment },
      });
      children.push(child);
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text) => {
        said += text;
      });
      return { child, ended: once(child, 'close'), lines: () => said.trim().split('\n') };
    }

    test('all splits are carried out, each once, and what is seen on the way is of one job', async () => {
      const job = jobOf('read');
      const { seen, done } = execute(job);
      await done;
      expect(read(job)).toEqual(all);
      expect(seen.at(-1)).toMatchObject({ state: 'ended' });
      expect(new Set(seen.map(({ job: id }) => id)).size).toBe(1);
      expect(seen.at(-1)?.link).toMatch(/^https:\/\/console\.cloud\.google\.com\//);
      expect(active()).toEqual([]);
    });

    test('workers that fail are an entry of the catalogue; carried out again, there is a new job', async () => {
      const job = jobOf('exit3');
      const problem = await refusedWith(
        execute(job).done,
        platform.kind === 'tasks' ? 'RUNNER_FAILED' : 'DATAFLOW_FAILED',
      );
      expect(problem).toMatchObject({ retryable: true, detail: expect.stringContaining('exit code 3') });
      await expect(execute(job).done).rejects.toBeDefined();
      expect(platform.jobs()).toHaveLength(2);
    });

    test('aborted: the job is cancelled, nothing of it goes on, and the reason is given back', async () => {
      const job = jobOf('wait');
      const { abort, done } = execute(job);
      await until(() => begun(job).length > 0, 'the work to begin');
      const reason = new Error('somebody wants it to stop');
      abort.abort(reason);
      await expect(done).rejects.toBe(reason);
      expect(active()).toEqual([]);
      await until(() => !pids(job).some(exists), 'its processes to end');
      expect(read(job)).toEqual([]);
    });

    test('aborted before: nothing is launched', async () => {
      const abort = AbortSignal.abort(new Error('too late'));
      await expect(executor.execute(jobOf('read'), { signal: abort, onProgress() {} })).rejects.toThrow('too late');
      expect(platform.jobs()).toEqual([]);
    });

    test('two processes at once: one job goes on, and both see its end', async () => {
      const job = jobOf('wait');
      const both = [watcher(job), watcher(job)];
      const jobs = () => new Set(both.map(({ lines }) => lines().findLast((line) => line.startsWith('job '))));
      await until(() => jobs().size === 1 && !jobs().has(undefined) && active().length === 1, 'both to watch one job');
      finish(job);
      await Promise.all(both.map(({ ended }) => ended));
      expect(both.map(({ lines }) => lines().at(-1))).toEqual(['done', 'done']);
      expect(read(job)).toEqual(all);
    });

    test('the watching runner is killed: the next one finds the job and watches it to its end', async () => {
      const job = jobOf('wait');
      const { child, ended, lines } = watcher(job);
      await until(() => begun(job).length > 0 && lines()[0]?.startsWith('job ') === true, 'the job to be watched');
      child.kill('SIGKILL');
      await ended;
      expect(active()).toHaveLength(1);
      const { seen, done } = execute(job);
      await until(() => seen.length > 0, 'the job to be found');
      expect(`job ${seen[0]?.job}`).toBe(lines()[0]);
      finish(job);
      await done;
      expect(platform.jobs()).toHaveLength(1);
      expect(read(job)).toEqual(all);
    });

    test('the job was done while nobody looked: it is not begun again', async () => {
      const job = jobOf('read');
      await execute(job).done;
      await using another = await open();
      const { seen, done } = execute(job, another);
      await done;
      expect(seen).toHaveLength(1);
      expect(platform.jobs()).toHaveLength(1);
    });

    test('the job of an earlier process of the run has ended before the next one begins', async () => {
      const earlier = jobOf('wait');
      const first = execute(earlier);
      await until(() => begun(earlier).length > 0, 'the first to begin');
      const later = laterOf(earlier);
      const second = execute(later);
      await refusedWith(first.done, 'SPLIT_JOB_CANCELLED');
      await until(() => begun(later).length > 0, 'the second to begin');
      const what = log(later).map((line) => line.split(' ').slice(0, 2).join(' '));
      expect(what.lastIndexOf('4 ended')).toBeLessThan(what.indexOf('5 begun'));
      finish(later);
      await second.done;
      expect(read(later)).toEqual(all);
    });

    test('a process that is late leaves the job of the one after it alone', async () => {
      const earlier = jobOf('wait');
      const later = laterOf(earlier);
      const second = execute(later);
      await until(() => begun(later).length > 0, 'the later one to begin');
      const first = execute(earlier);
      await until(() => begun(earlier).length > 0, 'the late one to begin');
      expect(active()).toHaveLength(2);
      finish(later);
      await Promise.all([first.done, second.done]);
    });

    test('what is left of a run is cancelled whoever began it, and nothing of another run', async () => {
      const [orphan, other] = [jobOf('wait'), jobOf('wait')];
      const { child, ended } = watcher(orphan);
      const { done } = execute(other);
      await until(() => begun(orphan).length > 0 && begun(other).length > 0, 'both to begin');
      child.kill('SIGKILL');
      await ended;
      await executor.cancel(orphan.run);
      expect(active()).toHaveLength(1);
      await until(() => !pids(orphan).some(exists), 'its processes to end');
      await executor.cancel(orphan.run);
      finish(other);
      await done;
      expect(read(other)).toEqual(all);
    });

    test('the answer to the launch is lost: there is one job', async () => {
      platform.loseAnswer();
      await using hasty = await open({ budget: { attempts: 1, seconds: 5, firstMs: 10, longestMs: 20 } });
      const job = jobOf('read');
      await execute(job, hasty).done;
      expect(platform.jobs()).toHaveLength(1);
      expect(read(job)).toEqual(all);
    });

    test('aborted while nobody knows whether it was launched: nothing goes on', async () => {
      platform.loseAnswer();
      const { abort, done } = execute(jobOf('wait'));
      await until(() => platform.jobs().length > 0, 'the launch');
      abort.abort(new Error('stop'));
      await expect(done).rejects.toThrow('stop');
      expect(active()).toEqual([]);
    });

    test('the platform does not answer for a while: the job is watched on', async () => {
      const job = jobOf('wait');
      const { seen, done } = execute(job);
      await until(() => seen.some(({ state }) => state === 'running'), 'the job to run');
      platform.goAway(3);
      finish(job);
      await done;
      expect(platform.jobs()).toHaveLength(1);
    });

    test('the platform does not answer for longer than is waited', async () => {
      await using hasty = await open({ budget: { attempts: 3, seconds: 5, firstMs: 10, longestMs: 20 } });
      const job = jobOf('wait');
      const { seen, done } = execute(job, hasty);
      await until(() => seen.some(({ state }) => state === 'running'), 'the job to run');
      platform.goAway(3);
      const problem = await refusedWith(done, 'LAUNCHER_UNREACHABLE');
      expect(problem.retryable).toBe(true);
      expect(active()).toHaveLength(1);
    });

    test('the platform forgets the job', async () => {
      const job = jobOf('wait');
      const { seen, done } = execute(job);
      await until(() => seen.some(({ state }) => state === 'running'), 'the job to run');
      platform.vanish(platform.jobs()[0]?.job ?? '');
      expect((await refusedWith(done, 'SPLIT_JOB_GONE')).retryable).toBe(true);
    });

    test('somebody else cancels the job', async () => {
      const job = jobOf('wait');
      const { seen, done } = execute(job);
      await until(() => seen.some(({ state }) => state === 'running'), 'the job to run');
      platform.cancel(platform.jobs()[0]?.job ?? '');
      expect((await refusedWith(done, 'SPLIT_JOB_CANCELLED')).retryable).toBe(true);
    });

    test('a job that takes too long is cancelled', async () => {
      await using impatient = await open({ maxSeconds: 0.2 });
      const job = jobOf('wait');
      expect((await refusedWith(execute(job, impatient).done, 'SPLIT_JOB_TIMED_OUT')).retryable).toBe(false);
      expect(active()).toEqual([]);
    });

    test('a job of the work that is just being cancelled is waited for, and a new one is begun', async () => {
      platform.beStubborn();
      const job = jobOf('wait');
      await using hasty = await open({ cancelWithinMs: 100 });
      const first = execute(job, hasty);
      await until(() => begun(job).length > 0, 'the work to begin');
      first.abort.abort(new Error('stop'));
      await expect(first.done).rejects.toThrow('stop');
      expect(active()).toHaveLength(1);
      const second = execute(job);
      finish(job);
      await second.done;
      expect(new Set(second.seen.map(({ job: id }) => id))).not.toContain(first.seen[0]?.job);
      expect(platform.jobs()).toHaveLength(2);
    });
  });
}
