/** Extract, stage and load: the source's readers and the warehouse at the two ends of one channel. */
import { BatchChannel, type ChannelProgress, type InletEnd, type OutletEnd } from '../core/channel.ts';
import type { Offer, SplitsOffer } from '../core/contracts/offer.ts';
import type { ReadSpec, ReadSummary, Snapshot } from '../core/contracts/source.ts';
import type { Staged, StageSpec, Warehouse } from '../core/contracts/warehouse.ts';

export interface TransferRequest {
  readonly snapshot: Snapshot;
  readonly warehouse: Warehouse;
  readonly read: ReadSpec;
  readonly stage: StageSpec;
  readonly readers: number;
  /** The read in pieces, beyond this process; absent: it stays here. */
  readonly splits?: SplitsOffer;
  readonly onProgress: (progress: ChannelProgress) => void;
}

const PROGRESS_MS = 200;

export interface Transferred {
  readonly summary: ReadSummary;
  readonly staged: Staged;
}

/** Moves the rows by the first offer of the source that the warehouse takes, else in batches. */
export async function transfer(request: TransferRequest, signal: AbortSignal): Promise<Transferred> {
  const { snapshot, warehouse, read, stage, onProgress } = request;
  for (const offer of inOrder(snapshot.offers?.(read) ?? [], request.splits)) {
    const moved = await warehouse.stageOffer(stage, offer, { signal, onProgress });
    if (moved !== null) return moved;
  }
  const { readers } = request;
  const [summary, staged] = await throughChannel(
    {
      ...{ readers, onProgress },
      read: (outlets, ending) => snapshot.read(read, outlets, ending),
      stage: (inlet, ending) => warehouse.stage(stage, inlet, ending),
    },
    signal,
  );
  return { summary, staged };
}

/** What the source or the warehouse does by itself costs no worker; files that this process would read are better read by several. */
function inOrder(offers: readonly Offer[], splits: SplitsOffer | undefined): readonly Offer[] {
  if (splits === undefined) return offers;
  const alone = offers.filter(({ way }) => way !== 'files');
  return [...alone, splits, ...offers.filter(({ way }) => way === 'files')];
}

/** The two ends of a channel. */
export interface Ends<T> {
  readonly readers: number;
  readonly read: (outlets: readonly OutletEnd[], signal: AbortSignal) => Promise<ReadSummary>;
  readonly stage: (inlet: InletEnd, signal: AbortSignal) => Promise<T>;
  readonly onProgress: (progress: ChannelProgress) => void;
}

/** When either end fails the other is stopped and the first failure is thrown. */
export async function throughChannel<T>(ends: Ends<T>, signal: AbortSignal): Promise<readonly [ReadSummary, T]> {
  const { read, stage, readers, onProgress } = ends;
  const channel = new BatchChannel(readers);
  const ending = new AbortController();
  const failures: unknown[] = [];
  const stop = (reason: unknown) => {
    failures.push(reason);
    channel.stop();
    ending.abort();
  };
  const aborted = () => stop(signal.reason);
  signal.addEventListener('abort', aborted, { once: true });
  const ticking = setInterval(() => onProgress(channel.progress), PROGRESS_MS);
  const failing = (error: unknown) => {
    stop(error);
    return null;
  };
  try {
    signal.throwIfAborted();
    const [summary, staged] = await Promise.all([
      read(channel.outlets, ending.signal).catch(failing),
      stage(channel.inlet, ending.signal).catch(failing),
    ]);
    if (summary === null || staged === null) throw failures[0];
    onProgress(channel.progress);
    return [summary, staged];
  } finally {
    clearInterval(ticking);
    signal.removeEventListener('abort', aborted);
  }
}
