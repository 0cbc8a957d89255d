/** The first rows of the newest file, as texts; masked columns hidden. */
import type { FilesSpec } from '../../tenants/schema/index.ts';
import { firstRows } from '../columnar/files/first-rows.ts';
import type { OfferedFile } from '../core/contracts/offer.ts';
import type { ReadColumn } from '../core/contracts/source.ts';
import { withEngine } from './describe.ts';
import { fileVectors } from './vectors.ts';

export function sampleFiles(
  files: readonly OfferedFile[],
  spec: FilesSpec,
  columns: readonly ReadColumn[],
  limit: number,
  signal: AbortSignal,
): Promise<readonly (readonly (string | null)[])[]> {
  // A look needs no key: what would be hashed with it is hidden.
  const shown = columns.map((column) =>
    column.mask === 'hmac-sha256' ? { ...column, mask: 'redact' as const } : column,
  );
  return withEngine((engine, folder) =>
    firstRows(engine, { way: 'files', spec, columns: shown, files }, fileVectors(shown, spec), folder, limit, signal),
  );
}
