/** What a store of objects promises a source of files. Types only. */
import type { Check } from './source.ts';

/** One object at one version. */
export interface StoredObject {
  /** Whole name in its bucket or container, as the store has it: `daily/2026-11-23 ä.csv.gz`. */
  readonly name: string;
  /** Generation (Cloud Storage) or ETag without quotes (S3, Azure): another one as soon as the bytes are others. */
  readonly version: string;
  readonly bytes: number;
  /** ISO 8601, UTC, with as many places as the store gives. On S3 it is when an upload in parts began. */
  readonly modifiedAt: string;
}

/** Bytes `from <= i < to`; `to` absent: up to the end. */
export interface ByteRange {
  readonly from: number;
  readonly to?: number;
}

export interface ListRequest {
  /** Beginning of the names; '' for all. */
  readonly prefix: string;
  /** Only names that come after this one in the order of UTF-8 bytes. */
  readonly after?: string;
}

/**
 * A bucket or container, to be read. Nothing is asked of it before the first call; each call may run beside others.
 *
 * A call repeats what failed for a time within its budget (TRIBUTARY_RETRY_SECONDS). It throws
 * SOURCE_HOST_UNKNOWN, SOURCE_UNREACHABLE, SOURCE_TLS, OBJECTS_LOGIN, OBJECTS_CLOCK, OBJECTS_BUCKET_MISSING,
 * OBJECTS_REGION, OBJECTS_DENIED, OBJECTS_ARCHIVED or OBJECTS_FAILED; with an aborted signal the reason of the signal.
 */
export interface ObjectStore extends AsyncDisposable {
  readonly kind: 'gcs' | 's3' | 'azure-blob';
  /** URI of an object, or of the bucket. Names are not escaped: `gs://acme-landing/daily/a b.csv`. */
  uri(name?: string): string;
  /** Pages of objects in the order of their names; a next page is asked for when it is wanted. A page may be empty. */
  list(request: ListRequest, signal: AbortSignal): AsyncIterable<readonly StoredObject[]>;
  /** The object as it is now; `null` where there is none. */
  stat(name: string, signal: AbortSignal): Promise<StoredObject | null>;
  /**
   * Bytes of that version over one connection, as they lie in the store (nothing is decompressed). A connection that
   * breaks is followed by another from the byte that is missing. Ends early with the loop over it.
   * `bytes` of the object is trusted: reading at or beyond it gives nothing. `readAhead` of `runner/core/objects/`
   * reads over several connections.
   *
   * @throws FILE_CHANGED where the version is gone or another one is there now
   */
  open(
    object: Pick<StoredObject, 'name' | 'version' | 'bytes'>,
    range: ByteRange,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  /**
   * Steps of the connection test, as they finish: `settings`, `resolve`, `credential`, `list`, `read` (the first byte of the first
   * object below the prefix). Ends after the first that fails.
   */
  check(target: { readonly prefix: string }, signal: AbortSignal): AsyncIterable<Check>;
}
