/** Objects of a store into a staging table, by the readers of the engine itself. */
import type { Engine } from '../../columnar/engine.ts';
import { type FilesWatch, readFiles } from '../../columnar/files/read.ts';
import type { VectorPath } from '../../columnar/receive.ts';
import type { FilesOffer } from '../../core/contracts/offer.ts';
import type { ReadSummary } from '../../core/contracts/source.ts';
import type { StageSpec } from '../../core/contracts/warehouse.ts';
import { makeScratch } from '../../core/scratch.ts';
import type { RejectedRow } from '../../core/vectors.ts';
import { insertPiece, makeTable, type StagedRows, stagedCount, summed } from './stage.ts';

export async function stageFiles(
  engine: Engine,
  spec: StageSpec,
  offer: FilesOffer,
  vectorPath: VectorPath,
  watch: FilesWatch,
): Promise<{ readonly summary: ReadSummary; readonly staged: StagedRows }> {
  await makeTable(engine, spec, false);
  const misfits: RejectedRow[] = [];
  await using folder = await makeScratch();
  const reading = {
    offer,
    vectors: spec.layout.columns,
    folder: folder.path,
    ...(spec.maxRejected === undefined ? {} : { maxRejected: spec.maxRejected }),
  };
  const write = async (select: string) => {
    const piece = await insertPiece(engine, spec, `(${select})`);
    misfits.push(...piece.misfits);
    return piece.rows;
  };
  const { summary, rejected } = await readFiles(engine, reading, write, watch);
  const rows = (await stagedCount(engine, spec)) + misfits.length;
  return { summary, staged: summed({ rows, rejected }, misfits, vectorPath) };
}
