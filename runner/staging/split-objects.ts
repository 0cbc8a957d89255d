/** What is written down of a read in pieces, as it is read back: by others, and maybe after somebody touched it. */
import type { SplitResult, SplitWork } from '../core/contracts/splits.ts';
import type { Problem } from '../core/errors.ts';
import { TributaryError } from '../core/errors.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Ids become names of objects. */
const ID = /^[\w-]{1,64}$/;

/** @throws STAGING_CORRUPT */
export function workOf(value: unknown, uri: string): SplitWork {
  const { version, tenant, name, connection, source, read, parts, unity, splits } = fields(value);
  const { layout, columns, run } = fields(parts);
  const ids = list(splits).map((split) => fields(split).id);
  const whole =
    version === 1 &&
    [tenant, name, fields(unity).by, fields(unity).reason, fields(run).runId].every(isText) &&
    [connection, source, fields(read).object, layout, fields(read).layout].every(isObject) &&
    Array.isArray(columns) &&
    Array.isArray(splits) &&
    isCount(fields(run).fencingToken) &&
    ids.every((id) => typeof id === 'string' && ID.test(id)) &&
    new Set(ids).size === ids.length;
  if (!whole) throw new TributaryError('STAGING_CORRUPT', { uri, reason: 'it is not the work of a run' });
  return value as SplitWork;
}

/** @throws STAGING_CORRUPT */
export function resultOf(value: unknown, uri: string): SplitResult {
  const { id, attempt, written, summary, seconds } = fields(value);
  const { manifest, rejected, vectorPath } = fields(written);
  const { parts, rows, bytes, format } = fields(manifest);
  const told = fields(summary);
  const whole =
    [id, attempt].every((each) => typeof each === 'string' && ID.test(each)) &&
    [rejected, rows, bytes, told.extracted, told.rejected, told.nullified, told.bytes].every(isCount) &&
    typeof seconds === 'number' &&
    (vectorPath === 'fast' || vectorPath === 'safe') &&
    (format === 'parquet' || format === 'ndjson') &&
    Array.isArray(parts) &&
    parts.every(isPart) &&
    parts.reduce((sum, part) => sum + Number(fields(part).rows), 0) === rows;
  if (!whole) throw new TributaryError('STAGING_CORRUPT', { uri, reason: 'it is not the result of a split' });
  return value as SplitResult;
}

/** @returns null where it is none: it only explains, so nothing is thrown for it */
export function problemNoted(value: unknown): Problem | null {
  const { code, title, detail, fix, origin, retryable } = fields(value);
  const whole = [code, title, detail, fix, origin].every(isText) && typeof retryable === 'boolean';
  return whole ? (value as Problem) : null;
}

function isPart(value: unknown): boolean {
  const { uri, rows, bytes, crc32c } = fields(value);
  return typeof uri === 'string' && uri.startsWith('gs://') && isCount(rows) && isCount(bytes) && isText(crc32c);
}

export function fields(value: unknown): Fields {
  return isObject(value) ? (value as Fields) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
