/** One of several tasks of a Cloud Run job that share the splits of a work: every n-th is its own. */
import { problemOf, TributaryError } from '../core/errors.ts';
import { type Budget, startRetry } from '../core/retry.ts';
import { EXIT, exitCode } from '../job/exit.ts';
import { runnerLog } from '../job/log.ts';
import { scrubber } from '../job/scrub.ts';
import { secretsKind } from '../secrets/open.ts';
import { parseAddress } from '../staging/desk.ts';
import { type Extractor, openExtractor } from './extract.ts';
import { isPassing } from './passing.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Of one split in this task; the platform starts the task again after that. */
const TRIES: Budget = { attempts: 4, seconds: 3600, firstMs: 1000, longestMs: 30_000 };

/** @returns the exit code; never throws for what the splits met */
export async function carryOutTask(stopping: AbortSignal, env: Environment = process.env): Promise<number> {
  const address = env.TRIBUTARY_SPLITS ?? '';
  const values = new Set<string>();
  const redact = scrubber(values);
  const about = addressed(address);
  const log = runnerLog({ ...about, traceparent: env.TRACEPARENT || null, redact });
  try {
    const share = shareOf(env);
    const secrets = secretsKind(env.TRIBUTARY_SECRETS || 'secret-manager');
    await using extractor = await openExtractor({ address, secrets, values, redact });
    const waiting = new Set(await extractor.waiting());
    const own = extractor.work.splits.filter((_, i) => i % share.count === share.index).map(({ id }) => id);
    const left = own.filter((id) => waiting.has(id));
    log.write('INFO', `task ${share.index} of ${share.count}: ${left.length} of ${own.length} splits have no result`);
    for (const id of left) {
      const { result, again } = await tried(extractor, id, stopping, (text) => log.write('WARNING', text));
      const { extracted: rows, bytes, rejected } = result.summary;
      log.write('INFO', `split ${id}: ${rows} rows`, { split: id, rows, bytes, rejected, again });
    }
    return EXIT.done;
  } catch (error) {
    const problem = problemOf(stopping.aborted ? stopping.reason : error);
    log.write('ERROR', `${problem.code}: ${problem.title} ${problem.detail}`, { problem });
    return exitCode(problem);
  }
}

async function tried(extractor: Extractor, id: string, signal: AbortSignal, onWarning: (text: string) => void) {
  const isTransient = (error: unknown) => isPassing(problemOf(error));
  const retry = startRetry({ budget: TRIES, isTransient, givenUp: (error) => error });
  for (;;) {
    try {
      return await extractor.extract(id, { signal, onProgress: () => undefined });
    } catch (error) {
      await retry.after(error, signal);
      onWarning(`split ${id} is tried again: ${problemOf(error).code}: ${problemOf(error).detail}`);
    }
  }
}

/** @throws USAGE */
function shareOf({ CLOUD_RUN_TASK_INDEX, CLOUD_RUN_TASK_COUNT }: Environment): {
  readonly index: number;
  readonly count: number;
} {
  const [index, count] = [Number(CLOUD_RUN_TASK_INDEX ?? 0), Number(CLOUD_RUN_TASK_COUNT ?? 1)];
  if (Number.isInteger(index) && Number.isInteger(count) && index >= 0 && index < count) return { index, count };
  throw new TributaryError('USAGE', { reason: `There is no task ${CLOUD_RUN_TASK_INDEX} of ${CLOUD_RUN_TASK_COUNT}.` });
}

/** For the log, which must not fail where the address is wrong. */
function addressed(address: string) {
  try {
    const { run } = parseAddress(address);
    return { tenant: run.tenant, source: () => run.source, run: run.runId };
  } catch {
    return { tenant: '', source: () => '', run: '' };
  }
}
