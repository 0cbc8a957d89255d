/** The objects of one run, listed once: what each holds is fixed by its version. */
import type { FilesSpec } from '../../tenants/schema/index.ts';
import type { FilesOffer, FileVersion, OfferedFile } from '../core/contracts/offer.ts';
import type { ReadColumn, ReadSpec, ReadSummary, Snapshot } from '../core/contracts/source.ts';
import { TributaryError } from '../core/errors.ts';
import type { VectorColumn } from '../core/vectors.ts';
import { fileVectors } from './vectors.ts';

export class FilesSnapshot implements Snapshot {
  readonly #files: readonly OfferedFile[];
  readonly #spec: FilesSpec;
  readonly #rowsPerByte: number;
  /** Objects that were loaded and are not there any more. */
  readonly gone: readonly string[];

  constructor(spec: FilesSpec, files: readonly OfferedFile[], rowsPerByte: number, gone: readonly string[]) {
    this.#spec = spec;
    this.#files = files;
    this.#rowsPerByte = rowsPerByte;
    this.gone = gone;
  }

  get files(): readonly FileVersion[] {
    return this.#files;
  }

  async estimate(): Promise<{ rows: number | null; bytes: number | null }> {
    const bytes = this.#files.reduce((sum, file) => sum + file.bytes, 0);
    const rows = this.#rowsPerByte === 0 && bytes > 0 ? null : Math.round(bytes * this.#rowsPerByte);
    return { rows, bytes };
  }

  async countNulls(): Promise<number> {
    return 0;
  }

  vectors(columns: readonly ReadColumn[]): readonly VectorColumn[] {
    return fileVectors(columns, this.#spec);
  }

  offers({ columns, maskKey, late }: ReadSpec): readonly FilesOffer[] {
    return [
      {
        ...{ way: 'files', spec: this.#spec, columns, files: this.#files },
        ...(maskKey === undefined ? {} : { maskKey }),
        ...(late === undefined ? {} : { late }),
      },
    ];
  }

  async read(): Promise<ReadSummary> {
    throw new TributaryError('INTERNAL', { message: 'this warehouse does not read files by itself' });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
