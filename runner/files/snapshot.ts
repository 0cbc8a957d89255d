/** The objects of one run, listed once: what each holds is fixed by its version. */
import type { FilesSpec } from '../../tenants/schema/index.ts';
import type { ObjectStore, StoredObject } from '../core/contracts/object-store.ts';
import type { FilesOffer, FileVersion, OfferedFile } from '../core/contracts/offer.ts';
import type { ReadColumn, ReadSpec, ReadSummary, Snapshot } from '../core/contracts/source.ts';
import type { Split, Unity } from '../core/contracts/splits.ts';
import { TributaryError } from '../core/errors.ts';
import type { VectorColumn } from '../core/vectors.ts';
import { dealObjects } from './divide.ts';
import { offered } from './offered.ts';
import { fileVectors } from './vectors.ts';

export interface FilesSnapshotOptions {
  readonly spec: FilesSpec;
  readonly store: ObjectStore;
  readonly objects: readonly StoredObject[];
  /** Bytes of text of a split, where there are so many. */
  readonly splitBytes: number;
  /** By the last look; 0: nothing is known. */
  readonly rowsPerByte: number;
  /** URIs of objects that were loaded and are not there any more. */
  readonly gone: readonly string[];
}

export class FilesSnapshot implements Snapshot {
  readonly #options: FilesSnapshotOptions;
  readonly #files: readonly OfferedFile[];

  constructor(options: FilesSnapshotOptions) {
    const { store, objects, spec } = options;
    this.#options = options;
    this.#files = objects.map((one) => offered(store, one, spec));
  }

  get gone(): readonly string[] {
    return this.#options.gone;
  }

  get files(): readonly FileVersion[] {
    return this.#files;
  }

  async estimate(): Promise<{ rows: number | null; bytes: number | null }> {
    const bytes = this.#files.reduce((sum, file) => sum + file.bytes, 0);
    const { rowsPerByte } = this.#options;
    const rows = rowsPerByte === 0 && bytes > 0 ? null : Math.round(bytes * rowsPerByte);
    return { rows, bytes };
  }

  async countNulls(): Promise<number> {
    return 0;
  }

  vectors(columns: readonly ReadColumn[]): readonly VectorColumn[] {
    return fileVectors(columns, this.#options.spec);
  }

  offers({ columns, maskKey, late }: ReadSpec): readonly FilesOffer[] {
    return [
      {
        ...{ way: 'files', spec: this.#options.spec, columns, files: this.#files },
        ...(maskKey === undefined ? {} : { maskKey }),
        ...(late === undefined ? {} : { late }),
      },
    ];
  }

  async divisible(): Promise<Unity | string> {
    const { length } = this.#files;
    if (length < 2) return `there ${length === 0 ? 'is no object' : 'is one object, which stays whole'}`;
    return { by: 'versions', reason: `${length} objects, each at the version that was listed` };
  }

  async divide(_: ReadSpec, most: number): Promise<readonly Split[]> {
    const unity = await this.divisible();
    if (typeof unity === 'string') throw new TributaryError('SOURCE_FAILED', { reason: `It has no splits: ${unity}` });
    return dealObjects(this.#options, most);
  }

  async read(): Promise<ReadSummary> {
    throw new TributaryError('INTERNAL', { message: 'this warehouse does not read files by itself' });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
