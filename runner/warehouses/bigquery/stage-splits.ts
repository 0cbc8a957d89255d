/** What others have read and written beside each other: one load job takes the parts of all. */
import type { ChannelProgress } from '../../core/channel.ts';
import type { SplitsOffer } from '../../core/contracts/offer.ts';
import type { ReadSummary } from '../../core/contracts/source.ts';
import type { Staging } from '../../core/contracts/staging.ts';
import type { StageSpec } from '../../core/contracts/warehouse.ts';
import type { Session } from './session.ts';
import { partsSpec, type StagedRows, stageWritten } from './stage.ts';

export async function stageSplits(
  session: Session,
  staging: Staging,
  spec: StageSpec,
  offer: SplitsOffer,
  watch: { readonly signal: AbortSignal; readonly onProgress: (progress: ChannelProgress) => void },
): Promise<{ readonly summary: ReadSummary; readonly staged: StagedRows }> {
  const writing = offer.write(partsSpec(spec), staging.splits, watch);
  const { written, staged } = await stageWritten(session, spec, writing, watch.signal);
  return { summary: written.summary, staged };
}
