/** A read in pieces that others carry out: divided, laid down, executed, and gathered when all pieces have results. */
import type { ChannelProgress } from '../core/channel.ts';
import type { SplitsOffer } from '../core/contracts/offer.ts';
import type { ReadSpec, Snapshot } from '../core/contracts/source.ts';
import type { SplitDesk, SplitExecutor, SplitProgress, SplitWork, Unity } from '../core/contracts/splits.ts';
import type { PartsSpec } from '../core/contracts/staging.ts';
import { problemOf, TributaryError } from '../core/errors.ts';
import { gather } from './gather.ts';

export interface Distribution {
  readonly openExecutor: () => Promise<SplitExecutor>;
  readonly snapshot: Snapshot;
  readonly read: ReadSpec;
  readonly unity: Unity;
  /** What an extractor opens the source by. */
  readonly about: Pick<SplitWork, 'tenant' | 'name' | 'connection' | 'source' | 'cloud'>;
  /** Where the next run begins once this one is committed. */
  readonly reached: string | undefined;
  /** Machines that share the read. */
  readonly workers: number;
  readonly rows: number | null;
  readonly traceparent: string | null;
  /** What an earlier process of this run has laid down is gone on with. */
  readonly onAdopted: (work: SplitWork) => void;
  readonly onJob: (progress: SplitProgress) => void;
  readonly onWarning: (text: string) => void;
}

interface Watch {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ChannelProgress) => void;
}

interface Laid {
  readonly address: string;
  readonly work: SplitWork;
}

/** Pieces for each machine: one that is tried again, or is slow, holds the others up for a short while only. */
const SPLITS_EACH = 4;
/** Past this a piece that dies costs more to read again than many pieces cost to begin. */
const SPLIT_ROWS = 2_000_000;
const MOST_SPLITS = 2000;

export function splitsOffer(distribution: Distribution): SplitsOffer {
  return { way: 'splits', write: (parts, desk, watch) => distribute(distribution, parts, desk, watch) };
}

/** How many pieces at most. */
export function splitCount(workers: number, rows: number | null): number {
  return Math.min(MOST_SPLITS, Math.max(workers * SPLITS_EACH, Math.ceil((rows ?? 0) / SPLIT_ROWS)));
}

/** @throws SPLITS_INCOMPLETE, what a split or its job met */
async function distribute(distribution: Distribution, parts: PartsSpec, desk: SplitDesk, watch: Watch) {
  const { snapshot, read, workers, rows } = distribution;
  await using executors = lazily(distribution.openExecutor);
  const wanted = workOf(distribution, parts);
  let laid = await earlier(wanted, desk, executors.get);
  if (laid === null) {
    const splits = await snapshot.divide?.(read, splitCount(workers, rows), watch.signal);
    if (splits === undefined) throw new TributaryError('INTERNAL', { message: 'this read cannot be divided' });
    const work = { ...wanted, splits };
    laid = { address: await desk.lay(work), work };
  } else distribution.onAdopted(laid.work);
  const { work } = laid;
  const done = await desk.done(laid.address);
  const left = work.splits.some(({ id }) => !done.has(id));
  const failed = left ? await execute(distribution, laid, executors.get, watch) : null;
  const results = await desk.results(laid.address);
  const missing = work.splits.filter(({ id }) => !results.has(id)).map(({ id }) => id);
  if (missing.length > 0) throw await incomplete(laid, desk, missing, failed);
  if (failed !== null) distribution.onWarning(`All pieces are read; their job ended otherwise: ${detail(failed)}`);
  const gathered = gather(work, results);
  const { extracted, bytes, rejected } = gathered.summary;
  watch.onProgress({ rows: extracted, bytes, rejected });
  return gathered;
}

/** @returns what the job ended with; what it was aborted with is thrown */
async function execute(
  { workers, traceparent, onJob }: Distribution,
  { address, work }: Laid,
  open: () => Promise<SplitExecutor>,
  { signal }: Watch,
): Promise<unknown> {
  const job = { run: work.parts.run, work: address, splits: work.splits.length, workers, traceparent };
  const executor = await open();
  try {
    await executor.execute(job, {
      signal,
      onProgress: onJob,
    });
    return null;
  } catch (error) {
    signal.throwIfAborted();
    return error;
  }
}

/** What an earlier process of the run has laid down, where this one would ask for the same and may go on with it. */
async function earlier(wanted: SplitWork, desk: SplitDesk, open: () => Promise<SplitExecutor>): Promise<Laid | null> {
  const found = await desk.earlier(wanted.parts.run).catch(ifCorrupt);
  if (found === null) return null;
  if (found !== 'corrupt' && asked(found.work) === asked(wanted) && (await survives(found, desk))) return found;
  await (await open()).cancel(wanted.parts.run);
  return null;
}

async function survives({ address, work }: Laid, desk: SplitDesk): Promise<boolean> {
  const results = await desk.results(address).catch(ifCorrupt);
  if (results === 'corrupt') return false;
  return work.unity.by !== 'snapshot' || work.splits.every(({ id }) => results.has(id));
}

function ifCorrupt(error: unknown): 'corrupt' {
  if (problemOf(error).code === 'STAGING_CORRUPT') return 'corrupt';
  throw error;
}

/** What a work is of, whatever moment: the bound has moved since, and estimates have. */
function asked({ version, tenant, name, connection, source, cloud, read, parts, unity }: SplitWork): string {
  const { window, object, columns, nullCursors, late } = read;
  const from = window === null ? null : [window.column, window.from];
  const of = [version, tenant, name, connection, source, cloud, object, columns, nullCursors, late ?? null, from];
  return JSON.stringify([...of, unity.by, parts.name, parts.columns, parts.layout, parts.format]);
}

function workOf({ read, about, unity, reached }: Distribution, parts: PartsSpec): SplitWork {
  const { maskKey: _, ...rest } = read;
  const cursor = reached === undefined ? null : { from: read.window?.from ?? null, to: reached };
  return { version: 1, ...about, read: rest, parts: { ...parts, cursor }, unity, splits: [] };
}

/** Why pieces are missing: what one of them met, else what their job ended with. */
async function incomplete(
  { address, work }: Laid,
  desk: SplitDesk,
  missing: readonly string[],
  failed: unknown,
): Promise<unknown> {
  const problems = await desk.problems(address).catch(() => new Map<string, never>());
  const [id] = missing.filter((each) => problems.has(each));
  const problem = id === undefined ? undefined : problems.get(id);
  const splits = work.splits.length;
  if (problem !== undefined)
    return TributaryError.from({ ...problem, detail: `Split ${id} of ${splits}: ${problem.detail}` });
  if (failed !== null) return failed;
  const named = missing.slice(0, 5).join(', ') + (missing.length > 5 ? ', …' : '');
  return new TributaryError('SPLITS_INCOMPLETE', { missing: missing.length, splits, named, job: address });
}

function detail(error: unknown): string {
  const { code, detail: said } = problemOf(error);
  return `${code}: ${said}`;
}

/** Opened when it is needed, and closed then. */
function lazily(open: () => Promise<SplitExecutor>): AsyncDisposable & { readonly get: () => Promise<SplitExecutor> } {
  let opened: Promise<SplitExecutor> | null = null;
  return {
    get() {
      opened ??= open();
      return opened;
    },
    async [Symbol.asyncDispose]() {
      const executor = await opened?.catch(() => null);
      await executor?.[Symbol.asyncDispose]();
    },
  };
}
