/** Files on their way to being parts: uploaded side by side while more are written, a few on disk at most. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Part } from '../core/contracts/staging.ts';
import type { Uploaded } from './upload.ts';

/** Where finished files go. */
export interface PartSink {
  /** Path for the next file. */
  nextFile(): string;
  /**
   * Takes a whole file; it is removed when its object is there. Resolves as soon as the next file may be written.
   *
   * @throws what an upload failed with
   */
  add(file: string, rows: number): Promise<void>;
}

export interface SinkOptions {
  readonly folder: string;
  /** `.parquet`. */
  readonly suffix: string;
  /** Files that may lie on disk, finished and not yet sent: so many uploads go on at once. */
  readonly unsent: number;
  /** @param name `part-00000.parquet` */
  readonly upload: (file: string, name: string) => Promise<Uploaded>;
  /** Told once, and at once. */
  readonly onFailure: (error: unknown) => void;
}

export interface OpenSink extends PartSink {
  /** All parts in the order of their files, once all are there. */
  finish(): Promise<readonly Part[]>;
}

export function openSink({ folder, suffix, unsent, upload, onFailure }: SinkOptions): OpenSink {
  const parts: Part[] = [];
  const sending = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let files = 0;
  let added = 0;

  const send = async (file: string, rows: number, index: number) => {
    try {
      const { uri, bytes, crc32c } = await upload(file, `part-${numbered(index)}${suffix}`);
      parts[index] = { uri, rows, bytes, crc32c };
      await rm(file);
    } catch (error) {
      failures.push(error);
      if (failures.length === 1) onFailure(error);
    }
  };
  const throwIfFailed = () => {
    if (failures.length > 0) throw failures[0];
  };

  return {
    nextFile: () => join(folder, `file-${numbered(files++)}${suffix}`),
    async add(file, rows) {
      const one = send(file, rows, added++);
      sending.add(one);
      one.finally(() => sending.delete(one));
      while (sending.size >= unsent) await Promise.race(sending);
      throwIfFailed();
    },
    async finish() {
      await Promise.all(sending);
      throwIfFailed();
      return parts;
    },
  };
}

function numbered(index: number): string {
  return String(index).padStart(5, '0');
}
