/** Carries out splits of a work: the same source, the same staging and the same rows as in a run of one process. */
import { randomBytes } from 'node:crypto';
import { MASK_SECRET } from '../../tenants/naming.ts';
import type { ChannelProgress } from '../core/channel.ts';
import type { FilesOffer } from '../core/contracts/offer.ts';
import type { ReadSpec, ReadSummary, Snapshot, Source } from '../core/contracts/source.ts';
import type { Split, SplitResult, SplitWork } from '../core/contracts/splits.ts';
import type { PartsSpec, Staging, Written } from '../core/contracts/staging.ts';
import { type Problem, problemOf, TributaryError } from '../core/errors.ts';
import { engineOptions, projectOf } from '../job/warehouse.ts';
import { throughChannel } from '../pipeline/transfer.ts';
import { type OpenedSecrets, openSecrets, type SecretsKind } from '../secrets/open.ts';
import { openSource } from '../sources/registry.ts';
import { parseAddress } from '../staging/desk.ts';
import { openGcsStaging } from '../staging/gcs.ts';

export interface ExtractorOptions {
  /** Of the work: `gs://bucket/acme/orders/<run id>/<token>/splits/work.json`. */
  readonly address: string;
  readonly secrets: SecretsKind;
  /** Gets each value of a secret that is read. */
  readonly values: Set<string>;
  /** Keeps them out of texts. */
  readonly redact: (text: string) => string;
}

export interface SplitWatch {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ChannelProgress) => void;
}

export interface Extracted {
  /** The one that holds. */
  readonly result: SplitResult;
  /** It is that of another attempt. */
  readonly again: boolean;
}

export interface Extractor extends AsyncDisposable {
  readonly work: SplitWork;
  /** Ids without a result, in order. */
  waiting(): Promise<readonly string[]>;
  /** @throws what the source or the staging met; it is noted beside the work. SPLIT_UNKNOWN, SPLIT_LOST */
  extract(id: string, watch: SplitWatch): Promise<Extracted>;
}

/** @throws USAGE, SPLIT_LOST where the work is gone, STAGING_CORRUPT */
export async function openExtractor(options: ExtractorOptions): Promise<Extractor> {
  const { address, redact } = options;
  const { bucket, run } = parseAddress(address);
  const staging = await openGcsStaging({ bucket, tenant: run.tenant, ...engineOptions() });
  const desk = staging.splits;
  const work = await desk.work(address);
  const { splits, tenant, cloud } = work;
  let opened: { readonly source: Source; readonly secrets: OpenedSecrets } | null = null;

  async function open(): Promise<NonNullable<typeof opened>> {
    if (opened !== null) return opened;
    const project = () => projectOf('', { tenant, project: cloud?.project });
    const secrets = openSecrets(options.secrets, tenant, project, options.values);
    const { name, connection, source: spec } = work;
    const about = { tenant, name, connection, source: spec, secrets, ...(cloud === null ? {} : { cloud }) };
    opened = { source: await openSource(about), secrets };
    return opened;
  }

  return {
    work,
    async waiting() {
      const done = await desk.done(address);
      return splits.map(({ id }) => id).filter((id) => !done.has(id));
    },
    async extract(id, watch) {
      const split = splits.find((each) => each.id === id);
      if (split === undefined) throw new TributaryError('SPLIT_UNKNOWN', { work: address, split: id });
      const before = await desk.result(address, id);
      if (before !== null) return { result: before, again: true };
      let result: SplitResult;
      try {
        watch.signal.throwIfAborted();
        result = await carryOut(work, split, staging, await open(), watch);
      } catch (error) {
        const note = JSON.parse(redact(JSON.stringify(problemOf(error)))) as Problem;
        if (!watch.signal.aborted) await desk.complain(address, id, note).catch(() => undefined);
        throw error;
      }
      const held = await desk.record(address, result);
      if (held.attempt === result.attempt) return { result, again: false };
      await desk.drop(address, result).catch(() => undefined);
      return { result: held, again: true };
    },
    async [Symbol.asyncDispose]() {
      await opened?.source[Symbol.asyncDispose]();
      await opened?.secrets[Symbol.asyncDispose]();
      await staging[Symbol.asyncDispose]();
    },
  };
}

async function carryOut(
  work: SplitWork,
  { id, task }: Split,
  staging: Staging,
  { source, secrets }: { readonly source: Source; readonly secrets: OpenedSecrets },
  watch: SplitWatch,
): Promise<SplitResult> {
  const began = performance.now();
  const attempt = randomBytes(4).toString('hex');
  const parts: PartsSpec = { ...work.parts, split: { id, attempt } };
  const masked = work.read.columns.some(({ mask }) => mask === 'hmac-sha256');
  const read: ReadSpec = { ...work.read, ...(masked ? { maskKey: await secrets.get(MASK_SECRET) } : {}) };
  if (source.openSplit === undefined) {
    throw new TributaryError('INTERNAL', { message: `${source.kind} reads no splits` });
  }
  await using snapshot = await source.openSplit(read.object, task, watch.signal);
  const { written, summary } = await writeSplit(snapshot, read, staging, parts, watch);
  const { rows } = written.manifest;
  if (summary.extracted !== rows) {
    const { rejected } = written;
    throw new TributaryError('COUNT_MISMATCH', { extracted: summary.extracted, staged: rows - rejected, rejected });
  }
  return { id, attempt, written, summary, seconds: Math.round(performance.now() - began) / 1000 };
}

async function writeSplit(
  snapshot: Snapshot,
  read: ReadSpec,
  staging: Staging,
  parts: PartsSpec,
  watch: SplitWatch,
): Promise<{ readonly written: Written; readonly summary: ReadSummary }> {
  const files = snapshot.offers?.(read).find((offer): offer is FilesOffer => offer.way === 'files');
  if (files !== undefined) {
    const { summary, ...written } = await staging.writeFiles(parts, files, watch);
    return { written, summary };
  }
  const [summary, written] = await throughChannel(
    {
      readers: 1,
      read: (outlets, signal) => snapshot.read(read, outlets, signal),
      stage: (inlet, signal) => staging.write(parts, inlet, signal),
      onProgress: watch.onProgress,
    },
    watch.signal,
  );
  return { written, summary };
}
