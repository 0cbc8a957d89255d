/**
 * The extractor as a child process, for what distributes splits in another language: `extract-split` and `list-splits`.
 * Questions and answers are lines of JSON on standard input and output.
 */
import type { ChannelProgress } from '../core/channel.ts';
import { problemOf, TributaryError } from '../core/errors.ts';
import { EXIT, exitCode } from '../job/exit.ts';
import { scrubber } from '../job/scrub.ts';
import { secretsKind } from '../secrets/open.ts';
import { type ExtractorOptions, openExtractor } from './extract.ts';
import { isPassing } from './passing.ts';
import { type Asked, askedOf } from './stdin.ts';

/** Half of what the parent waits for at least. */
const HEARTBEAT_MS = 2000;
/** A child that is told to stop and does not is gone after this. */
const STOP_MS = 4000;
/** What has ended well may leave a socket behind. */
const LEAVE_MS = 3000;

/** Carries out one split. @returns the exit code */
export async function extractSplit(): Promise<number> {
  const values = new Set<string>();
  const redact = scrubber(values);
  const stopping = new AbortController();
  let answered = false;
  const refuse = (error: unknown): number => {
    const problem = problemOf(error);
    answered = true;
    process.stdout.write(`${redact(JSON.stringify({ problem: { ...problem, retryable: isPassing(problem) } }))}\n`);
    return exitCode(problem);
  };
  const stop = () => {
    if (stopping.signal.aborted) return;
    const reason = new TributaryError('INTERRUPTED');
    stopping.abort(reason);
    // Something may hang that hears no signal.
    setTimeout(() => process.exit(answered ? EXIT.interrupted : refuse(reason)), STOP_MS).unref();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  // Nobody reads any more.
  process.stdout.on('error', stop);
  let progress: ChannelProgress = { rows: 0, bytes: 0, rejected: 0 };
  const beating = setInterval(() => (answered ? undefined : say({ progress })), HEARTBEAT_MS);
  let asked: Asked | null = null;
  try {
    asked = await askedOf();
    const { question, ended } = asked;
    ended.then(() => (answered ? undefined : stop()));
    say({ progress });
    await using extractor = await openExtractor(optionsOf(question, values, redact));
    const { result, again } = await extractor.extract(String(question.split), {
      signal: stopping.signal,
      onProgress: (seen) => {
        progress = seen;
      },
    });
    const { summary } = result;
    answered = true;
    say({ done: { rows: summary.extracted, bytes: summary.bytes, rejected: summary.rejected, again } });
    setTimeout(() => process.exit(EXIT.done), LEAVE_MS).unref();
    return EXIT.done;
  } catch (error) {
    if (answered) return EXIT.done;
    return refuse(stopping.signal.aborted ? stopping.signal.reason : error);
  } finally {
    clearInterval(beating);
    asked?.close();
    setTimeout(() => process.exit(), LEAVE_MS).unref();
  }
}

/** Says which splits have no result yet. @returns the exit code */
export async function listSplits(): Promise<number> {
  const values = new Set<string>();
  try {
    const asked = await askedOf();
    asked.close();
    await using extractor = await openExtractor(optionsOf(asked.question, values, (text) => text));
    say({ splits: await extractor.waiting() });
    return EXIT.done;
  } catch (error) {
    const problem = problemOf(error);
    say({ problem });
    return exitCode(problem);
  }
}

function optionsOf(
  { work }: Asked['question'],
  values: Set<string>,
  redact: ExtractorOptions['redact'],
): ExtractorOptions {
  const secrets = secretsKind(process.env.TRIBUTARY_SECRETS || 'secret-manager');
  return { address: typeof work === 'string' ? work : '', secrets, values, redact };
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
