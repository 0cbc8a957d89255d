/** Objects of a source's store into the staging table: as they are where that is exact, else through parts. */
import type { ChannelProgress } from '../../core/channel.ts';
import type { FilesOffer } from '../../core/contracts/offer.ts';
import type { ReadSummary } from '../../core/contracts/source.ts';
import type { Staging } from '../../core/contracts/staging.ts';
import type { StageSpec } from '../../core/contracts/warehouse.ts';
import type { Session } from './session.ts';
import { partsSpec, type StagedRows, stageWritten } from './stage.ts';
import { stageObjects } from './stage-objects.ts';

export async function stageFiles(
  session: Session,
  staging: Staging,
  spec: StageSpec,
  offer: FilesOffer,
  watch: { readonly signal: AbortSignal; readonly onProgress: (progress: ChannelProgress) => void },
): Promise<{ readonly summary: ReadSummary; readonly staged: StagedRows }> {
  const direct = await stageObjects(session, staging, spec, offer, watch.signal);
  if (direct !== null) {
    const { extracted: rows, bytes } = direct.summary;
    watch.onProgress({ rows, bytes, rejected: 0 });
    return direct;
  }
  const writing = staging.writeFiles(partsSpec(spec), offer, watch);
  const { written, staged } = await stageWritten(session, spec, writing, watch.signal);
  return { summary: written.summary, staged };
}
