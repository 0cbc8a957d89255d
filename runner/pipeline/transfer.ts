/** Extract, stage and load: the source's readers and the warehouse at the two ends of one channel. */
import { BatchChannel, type ChannelProgress } from '../core/channel.ts';
import type { ReadSpec, ReadSummary, Snapshot } from '../core/contracts/source.ts';
import type { Staged, StageSpec, Warehouse } from '../core/contracts/warehouse.ts';

export interface TransferRequest {
  readonly snapshot: Snapshot;
  readonly warehouse: Warehouse;
  readonly read: ReadSpec;
  readonly stage: StageSpec;
  readonly readers: number;
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
  for (const offer of snapshot.offers?.(read) ?? []) {
    const moved = await warehouse.stageOffer(stage, offer, { signal, onProgress });
    if (moved !== null) return moved;
  }
  return inBatches(request, signal);
}

/** When either end fails the other is stopped and the first failure is thrown. */
async function inBatches(request: TransferRequest, signal: AbortSignal): Promise<Transferred> {
  const { snapshot, warehouse, read, stage, readers, onProgress } = request;
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
      snapshot.read(read, channel.outlets, ending.signal).catch(failing),
      warehouse.stage(stage, channel.inlet, ending.signal).catch(failing),
    ]);
    if (summary === null || staged === null) throw failures[0];
    onProgress(channel.progress);
    return { summary, staged };
  } finally {
    clearInterval(ticking);
    signal.removeEventListener('abort', aborted);
  }
}
