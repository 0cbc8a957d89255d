/** The results of all splits as one: what the warehouse loads, and what the run says it read. */
import type { LoadedFile } from '../core/contracts/offer.ts';
import type { ReadSummary } from '../core/contracts/source.ts';
import type { SplitResult, SplitWork } from '../core/contracts/splits.ts';
import type { Written } from '../core/contracts/staging.ts';
import { TributaryError } from '../core/errors.ts';
import { mergeLate } from '../core/late.ts';

export type Gathered = Written & { readonly summary: ReadSummary };

/** @throws COUNT_MISMATCH, STAGING_CORRUPT */
export function gather(work: SplitWork, found: ReadonlyMap<string, SplitResult>): Gathered {
  const { run, cursor, format } = work.parts;
  const results = work.splits.flatMap(({ id }) => found.get(id) ?? []);
  for (const result of results) check(result, format);
  const sum = (of: (result: SplitResult) => number) => results.reduce((total, result) => total + of(result), 0);
  const files = results.flatMap(({ summary }) => summary.files ?? []);
  const late = results.flatMap(({ summary }) => (summary.late === undefined ? [] : [summary.late]));
  return {
    manifest: {
      version: 1,
      tenant: run.tenant,
      source: run.source,
      runId: run.runId,
      format,
      parts: results.flatMap(({ written }) => written.manifest.parts),
      rows: sum(({ written }) => written.manifest.rows),
      bytes: sum(({ written }) => written.manifest.bytes),
      cursor,
    },
    rejected: sum(({ written }) => written.rejected),
    vectorPath: results.some(({ written }) => written.vectorPath === 'safe') ? 'safe' : 'fast',
    summary: {
      extracted: sum(({ summary }) => summary.extracted),
      rejected: sum(({ summary }) => summary.rejected),
      nullified: sum(({ summary }) => summary.nullified),
      bytes: sum(({ summary }) => summary.bytes),
      ...(late.length === 0 ? {} : { late: mergeLate(late) }),
      ...(results.some(({ summary }) => summary.files !== undefined) ? { files: whole(files) } : {}),
    },
  };
}

function check({ id, written, summary }: SplitResult, format: string): void {
  const { manifest, rejected } = written;
  if (summary.extracted !== manifest.rows)
    throw new TributaryError('COUNT_MISMATCH', {
      extracted: summary.extracted,
      staged: manifest.rows - rejected,
      rejected,
    });
  if (manifest.format !== format)
    throw new TributaryError('STAGING_CORRUPT', { uri: `split ${id}`, reason: `its parts are ${manifest.format}` });
}

/** An object may have been cut into several splits. */
function whole(files: readonly LoadedFile[]): readonly LoadedFile[] {
  const found = new Map<string, LoadedFile>();
  for (const file of files) {
    const id = JSON.stringify([file.uri, file.version]);
    found.set(id, { ...file, rows: file.rows + (found.get(id)?.rows ?? 0) });
  }
  return [...found.values()];
}
