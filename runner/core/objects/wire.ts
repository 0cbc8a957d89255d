/** What an adapter of a store has to bring; all else is the same for every store. Types only. */
import type { ObjectStore, StoredObject } from '../contracts/object-store.ts';

/** Calls of a store. Each is one attempt. */
export interface ObjectWire {
  readonly kind: ObjectStore['kind'];
  /** What people are told. */
  readonly facts: WireFacts;
  uri(name?: string): string;
  /** Gets credentials, where they are not given with each request. @returns whose, in a few words */
  login(signal: AbortSignal): Promise<string>;
  page(request: PageRequest, signal: AbortSignal): Promise<Page>;
  /** Bytes `from <= i < to` of that version and of no other; never asked for none. */
  get(
    object: Pick<StoredObject, 'name' | 'version'>,
    from: number,
    to: number,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>>;
  /** What the store's own answer means; `null` where it is none of the store's. */
  answered(error: unknown): WireFailure | null;
  close?(): void;
}

export interface WireFacts {
  readonly tenant: string;
  /** Of the bucket as a whole: `gs://acme-landing`. */
  readonly bucket: string;
  /** Who asks: `Role arn:aws:…`, `Access key AKIA…`. */
  readonly who: string;
  /** Where requests go, as `https://s3.eu-west-1.amazonaws.com`. */
  readonly endpoint: string;
  /** Name of the connection's field that names the bucket. */
  readonly field: 'bucket' | 'container';
  readonly region?: string;
  /** What lets {@link who} list and read: a command or a sentence. */
  readonly grants: { readonly list: string; readonly read: string };
  /** What to do about a login that was refused. */
  readonly advice: string;
}

export interface PageRequest {
  readonly prefix: string;
  /** May be answered with that name too. */
  readonly after?: string;
  /** Of the page before. */
  readonly token?: string;
  /** Objects at most; absent: as many as the store gives at once. */
  readonly limit?: number;
}

export interface Page {
  readonly objects: readonly StoredObject[];
  /** `null`: this was the last. */
  readonly next: string | null;
}

export interface WireFailure {
  readonly means:
    | 'login'
    | 'clock'
    | 'bucket'
    | 'region'
    | 'denied'
    | 'archived'
    /** The object, or that version of it, is not there. */
    | 'changed'
    /** Passes by itself. */
    | 'passing'
    | 'other';
  /** For people; without addresses, signatures and tokens. */
  readonly reason: string;
  /** Where the bucket is, if the store says so. */
  readonly region?: string;
}
