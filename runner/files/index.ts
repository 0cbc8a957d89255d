/** Files of any store of objects as a source. */

import { durationSeconds } from '../../tenants/schema/duration.ts';
import type { FilesSpec } from '../../tenants/schema/index.ts';
import type { ObjectStore, StoredObject } from '../core/contracts/object-store.ts';
import type {
  Check,
  LoadedBefore,
  ObjectRef,
  ObjectShape,
  ReadColumn,
  Snapshot,
  Source,
  SourceObject,
  UpperBound,
} from '../core/contracts/source.ts';
import { TributaryError } from '../core/errors.ts';
import { filesCapabilities } from '../core/objects/capabilities.ts';
import { lookAtFiles } from './describe.ts';
import { discoverFiles } from './discover.ts';
import { objectsOf } from './divide.ts';
import { offered } from './offered.ts';
import { sampleFiles } from './sample.ts';
import { type Listing, listObjects } from './select.ts';
import { FilesSnapshot } from './snapshot.ts';

export interface FilesOptions {
  /** Milliseconds since 1970, for what is too young. */
  readonly now?: () => number;
  /** Bytes of text of a split, where there are so many. */
  readonly splitBytes?: number;
}

const SPLIT_BYTES = 64 << 20;

export function openFiles(store: ObjectStore, options: FilesOptions = {}): Source {
  return new FilesSource(store, options);
}

class FilesSource implements Source {
  readonly kind: string;
  readonly capabilities = filesCapabilities;
  readonly #store: ObjectStore;
  readonly #now: () => number;
  readonly #splitBytes: number;
  /** What the last look learned. */
  #rowsPerByte = 0;
  /** The list that it was of, for the opening that follows: a bucket of many objects takes its time to list. */
  #listed: { readonly of: FilesSpec; readonly listing: Listing } | null = null;

  constructor(store: ObjectStore, { now = Date.now, splitBytes = SPLIT_BYTES }: FilesOptions) {
    this.kind = store.kind;
    this.#store = store;
    this.#now = now;
    this.#splitBytes = splitBytes;
  }

  check({ object }: { readonly object?: ObjectRef }, signal: AbortSignal): AsyncIterable<Check> {
    return this.#store.check({ prefix: object?.files?.prefix ?? '' }, signal);
  }

  discover(signal: AbortSignal): Promise<readonly SourceObject[]> {
    return discoverFiles(this.#store, signal);
  }

  async describe(object: ObjectRef, signal: AbortSignal): Promise<ObjectShape> {
    const spec = filesOf(object);
    const listing = await listObjects(this.#store, spec, this.#now(), signal);
    const { objects } = listing;
    this.#listed = { of: spec, listing };
    const files = objects.map((one) => offered(this.#store, one, spec));
    const { columns, rowsPerByte } = await lookAtFiles(files, spec, signal);
    this.#rowsPerByte = rowsPerByte;
    const bytes = objects.reduce((sum, one) => sum + one.bytes, 0);
    return {
      name: `${spec.prefix}${spec.match}`,
      kind: 'files',
      rows: rowsPerByte === 0 ? null : Math.round(bytes * rowsPerByte),
      bytes,
      partitions: objects.length,
      columns,
      key: [],
      cursorCandidates: [],
    };
  }

  async sample(
    object: ObjectRef,
    columns: readonly ReadColumn[],
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly (string | null)[])[]> {
    const spec = filesOf(object);
    const { objects } = await listObjects(this.#store, spec, this.#now(), signal);
    const newest = objects.slice(-1).map((one) => offered(this.#store, one, spec));
    return sampleFiles(newest, spec, columns, limit, signal);
  }

  async open(
    request: { readonly object: ObjectRef; readonly cursor?: string; readonly loaded?: LoadedBefore },
    signal: AbortSignal,
  ): Promise<{ readonly snapshot: Snapshot; readonly bound: UpperBound | null }> {
    const spec = filesOf(request.object);
    const { loaded } = request;
    const { objects, young } = await this.#list(spec, signal);
    if (objects.length === 0 && (loaded?.through ?? null) === null) {
      const facts = { where: this.#store.uri(), match: `${spec.prefix}${spec.match}` };
      throw new TributaryError('FILES_NONE', young === 0 ? facts : { ...facts, young: `${young} are` });
    }
    const { fresh, gone } = await this.#compare(objects, spec, loaded);
    const through = [loaded?.through ?? '', ...objects.map(({ modifiedAt }) => modifiedAt)].reduce(later);
    const bound: UpperBound | null =
      loaded === undefined || through === ''
        ? null
        : { to: through, proof: 'lag', reason: `objects are compared with what was loaded ${spec.overlap} back` };
    const snapshot = new FilesSnapshot({
      ...{ spec, store: this.#store, objects: fresh, splitBytes: this.#splitBytes },
      ...{ rowsPerByte: this.#rowsPerByte, gone },
    });
    return { snapshot, bound };
  }

  /** What is gone of its objects, or another version now, is found when it is read: FILE_CHANGED. */
  async openSplit(object: ObjectRef, task: unknown, signal: AbortSignal): Promise<Snapshot> {
    signal.throwIfAborted();
    const spec = filesOf(object);
    const objects = objectsOf(task, spec);
    if (objects === null) {
      const reason = 'what it says to read is no list of objects';
      throw new TributaryError('SPLIT_LOST', { object: `${spec.prefix}${spec.match}`, reason });
    }
    const splitBytes = this.#splitBytes;
    return new FilesSnapshot({ spec, store: this.#store, objects, splitBytes, rowsPerByte: 0, gone: [] });
  }

  async #list(spec: FilesSpec, signal: AbortSignal): Promise<Listing> {
    const listed = this.#listed;
    this.#listed = null;
    return listed?.of === spec ? listed.listing : await listObjects(this.#store, spec, this.#now(), signal);
  }

  /** What was not loaded yet at its version, and what was loaded and is gone. */
  async #compare(
    objects: readonly StoredObject[],
    { overlap }: FilesSpec,
    loaded: LoadedBefore | undefined,
  ): Promise<{ readonly fresh: readonly StoredObject[]; readonly gone: readonly string[] }> {
    const through = loaded?.through ?? null;
    if (loaded === undefined || through === null) return { fresh: objects, gone: [] };
    const since = new Date(Date.parse(through) - durationSeconds(overlap) * 1000).toISOString();
    const known = await loaded.since(since);
    const keys = new Set(known.map(({ uri, version }) => `${uri}\0${version}`));
    const there = new Set(objects.map(({ name }) => this.#store.uri(name)));
    return {
      fresh: objects.filter(
        ({ name, version, modifiedAt }) =>
          later(since, modifiedAt) === modifiedAt && !keys.has(`${this.#store.uri(name)}\0${version}`),
      ),
      gone: [...new Set(known.map(({ uri }) => uri))].filter((uri) => !there.has(uri)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }
}

function filesOf({ files }: ObjectRef): FilesSpec {
  if (files === undefined) throw new TributaryError('USAGE', { reason: 'A store of files is read by `files`.' });
  return files;
}

/** The later of two times; the second where they are the same. */
function later(a: string, b: string): string {
  if (a === '' || b === '') return a || b;
  const [left, right] = [Date.parse(a), Date.parse(b)];
  return left === right ? (a > b ? a : b) : left > right ? a : b;
}
