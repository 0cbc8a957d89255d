/** A few rows of files as texts. */
import type { FilesOffer } from '../../core/contracts/offer.ts';
import type { VectorColumn } from '../../core/vectors.ts';
import type { Engine } from '../engine.ts';
import { quoteName } from '../sql.ts';
import { readFiles } from './read.ts';

const SLICE_BYTES = 1 << 20;

/** Ends the reading once there are enough. */
class Enough extends Error {}

export async function firstRows(
  engine: Engine,
  offer: FilesOffer,
  vectors: readonly VectorColumn[],
  folder: string,
  limit: number,
  signal: AbortSignal,
): Promise<readonly (readonly (string | null)[])[]> {
  const found: (string | null)[][] = [];
  const names = vectors.map(({ name }) => name);
  const texts = names.map((name) => `${quoteName(name)}::VARCHAR AS ${quoteName(name)}`);
  const write = async (select: string) => {
    const rows = await engine.query(`SELECT ${texts.join(', ')} FROM (${select}) LIMIT ${limit - found.length}`);
    for (const row of rows) found.push(names.map((name) => (row[name] === null ? null : String(row[name]))));
    if (found.length >= limit) throw new Enough();
    return rows.length;
  };
  try {
    const watch = { signal, onProgress: () => undefined };
    await readFiles(engine, { offer, vectors, folder, sliceBytes: SLICE_BYTES }, write, watch);
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  }
  return found;
}
