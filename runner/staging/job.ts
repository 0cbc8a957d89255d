/** One run's writing, from the engine and the scratch folder to the manifest; nothing of it stays on this machine. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stagingPath } from '../../tenants/naming.ts';
import { Engine } from '../columnar/engine.ts';
import type { VectorPath } from '../columnar/receive.ts';
import { quoteText } from '../columnar/sql.ts';
import type { Manifest, Part, PartsSpec } from '../core/contracts/staging.ts';
import { makeScratch } from '../core/scratch.ts';
import { copying } from './copy.ts';
import { engineProblem } from './errors.ts';
import { openSink, type PartSink } from './sink.ts';
import type { Uploaded } from './upload.ts';

/** What writes rows is given. */
export interface StagingJob {
  /** Without a warehouse file. */
  readonly engine: Engine;
  /** Scratch: whatever lies here is removed. */
  readonly folder: string;
  readonly parts: PartSink;
  /** Aborted when the run is, or as soon as an upload has failed for good. */
  readonly signal: AbortSignal;
}

export interface JobOptions {
  readonly memory?: string;
  readonly vectorPath: VectorPath | 'auto';
  readonly uploads: number;
  /** Uploads a file as an object of this name. */
  readonly upload: (file: string, name: string, contentType: string, signal: AbortSignal) => Promise<Uploaded>;
  /** Told what is still being cleared away when the work has failed already. */
  readonly onCleaning: (cleaning: Promise<void>) => void;
}

export interface Done<T> {
  readonly result: T;
  readonly manifest: Manifest;
  readonly vectorPath: VectorPath;
}

export const MANIFEST = 'manifest.json';

/**
 * Does the work, waits for its uploads and writes the manifest. A failed upload fails it at once, even while the work
 * still waits for a source; the source is stopped by whoever is told.
 */
export async function runJob<T>(
  spec: PartsSpec,
  options: JobOptions,
  caller: AbortSignal,
  work: (job: StagingJob) => Promise<T>,
): Promise<Done<T>> {
  caller.throwIfAborted();
  const ending = new AbortController();
  const signal = AbortSignal.any([caller, ending.signal]);
  const prefix = partsFolder(spec);
  const { suffix, contentType, memory, threads } = copying(spec.format, spec.rowBytes);
  const scratch = await makeScratch();
  const folder = scratch.path;
  const engine = new Engine();
  const parts = openSink({
    folder,
    suffix,
    unsent: options.uploads,
    upload: (file, name) => options.upload(file, `${prefix}${name}`, contentType, signal),
    onFailure: (error) => ending.abort(error),
  });
  let working: Promise<T> | undefined;
  let worked = false;
  const clean = async () => {
    await working?.catch(() => undefined);
    await engine.close();
    await parts.finish().catch(() => undefined);
    await scratch[Symbol.asyncDispose]();
  };
  try {
    const { vectorPath } = await engine.open({
      file: null,
      spill: join(folder, 'spill'),
      memory: options.memory ?? memory,
      threads,
      vectorPath: options.vectorPath,
    });
    working = work({ engine, folder, parts, signal }).finally(() => {
      worked = true;
    });
    const result = await Promise.race([working, rejection(signal)]);
    const manifest = manifestOf(spec, await parts.finish());
    const file = join(folder, MANIFEST);
    await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
    await options.upload(file, `${prefix}${MANIFEST}`, 'application/json', signal);
    await clean();
    return { result, manifest, vectorPath };
  } catch (error) {
    const problem = signal.aborted ? signal.reason : engineProblem(error, folder);
    ending.abort(problem);
    const cleaning = clean();
    options.onCleaning(cleaning);
    if (worked || working === undefined) await cleaning;
    throw problem;
  }
}

/** Writes what a SELECT gives as one more part; where that is nothing, no part. @returns its rows */
export async function addPart({ engine, parts }: StagingJob, spec: PartsSpec, select: string): Promise<number> {
  const file = parts.nextFile();
  const { options } = copying(spec.format, spec.rowBytes);
  const { changed: rows } = await engine.execute(`COPY (${select}) TO ${quoteText(file)} (${options})`);
  if (rows > 0) await parts.add(file, rows);
  else await rm(file, { force: true });
  return rows;
}

/** Where the parts lie; each attempt at a split has a folder of its own. */
function partsFolder({ run, name, split }: PartsSpec): string {
  const own = `${stagingPath(run.tenant, run.source, run.runId, run.fencingToken)}${name}/`;
  return split === undefined ? own : `${own}${split.id}-${split.attempt}/`;
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function manifestOf({ run, format, cursor }: PartsSpec, parts: readonly Part[]): Manifest {
  const { tenant, source, runId } = run;
  const sum = (of: (part: Part) => number) => parts.reduce((total, part) => total + of(part), 0);
  return {
    version: 1,
    tenant,
    source,
    runId,
    format,
    parts,
    rows: sum(({ rows }) => rows),
    bytes: sum(({ bytes }) => bytes),
    cursor,
  };
}
