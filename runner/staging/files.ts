/** Objects of a source's store as parts: read and typed by the engine on the way, like batches. */
import { type FilesWatch, readFiles } from '../columnar/files/read.ts';
import { partSelect } from '../columnar/typing.ts';
import type { FilesOffer } from '../core/contracts/offer.ts';
import type { ReadSummary } from '../core/contracts/source.ts';
import type { PartsSpec } from '../core/contracts/staging.ts';
import { addPart, type StagingJob } from './job.ts';
import { addRejected } from './rejected.ts';

/** Text of one part: so large that parts are few, and so small that one is soon written again. */
const SLICE_BYTES = 128 << 20;

export async function writeFiles(
  job: StagingJob,
  spec: PartsSpec,
  offer: FilesOffer,
  onProgress: FilesWatch['onProgress'],
): Promise<ReadSummary> {
  const { engine, folder, signal } = job;
  const reading = {
    ...{ offer, vectors: spec.layout.columns, folder, sliceBytes: SLICE_BYTES },
    ...(spec.maxRejected === undefined ? {} : { maxRejected: spec.maxRejected }),
  };
  const write = (select: string) => addPart(job, spec, partSelect(spec.columns, spec.format, `(${select})`));
  const { summary, rejected } = await readFiles(engine, reading, write, { signal, onProgress });
  await addRejected(job, spec, rejected);
  return summary;
}
