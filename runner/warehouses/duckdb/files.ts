/** Versions of objects that runs loaded: the rows of `_files`. */
import type { Engine } from '../../columnar/engine.ts';
import type { FileVersion } from '../../core/contracts/offer.ts';
import { evidence } from './names.ts';

export async function loadedFiles(
  engine: Engine,
  tenant: string,
  source: string,
  modifiedSince: string,
): Promise<readonly Pick<FileVersion, 'uri' | 'version'>[]> {
  const rows = await engine.query(
    `SELECT DISTINCT uri, version FROM ${evidence(tenant, '_files')} WHERE source = $1 AND modified_at >= $2::TIMESTAMPTZ`,
    [source, modifiedSince],
  );
  return rows.map(({ uri, version }) => ({ uri: String(uri), version: String(version) }));
}

/** The statement that notes loaded files; its parameters are source, run id, time and the files as JSON. */
export function insertFiles(tenant: string): string {
  const fields = { uri: 'VARCHAR', version: 'VARCHAR', rows: 'BIGINT', bytes: 'BIGINT', modifiedAt: 'VARCHAR' };
  const files = `(SELECT unnest(from_json($4::JSON, '${JSON.stringify([fields])}')) AS f)`;
  const columns = 'source, uri, version, rows, run_id, loaded_at, bytes, modified_at';
  return `INSERT INTO ${evidence(tenant, '_files')} (${columns})
    SELECT $1, f.uri, f.version, f.rows, $2, $3::TIMESTAMPTZ, f.bytes, f."modifiedAt"::TIMESTAMPTZ FROM ${files}`;
}
