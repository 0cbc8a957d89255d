/** The Pulumi engine of the suites: a `pulumi` on PATH that is new enough, else one built once from Go's module proxy. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram } from '../setup/programs.ts';
import { root } from '../setup/ways.ts';

export interface Engine {
  /** The program itself. */
  readonly path: string;
  /** As in `3.259.0`. */
  readonly version: string;
  readonly origin: 'path' | 'built';
}

export interface EnginePlaces {
  /** Folders searched for `pulumi`; default: those of PATH. */
  readonly folders?: readonly string[];
  /** Where engines are built: `<cache>/<version>/bin/pulumi`. */
  readonly cache: string;
}

/** The version that is built: Go's proxy lists none, so it must be named. */
export const ENGINE_VERSION = '3.259.0';
/** Inline programs run in `refresh` and `destroy` from here on. */
export const OLDEST_VERSION = '3.181.0';

export const enginePlaces: EnginePlaces = { cache: join(root, '.cache/engine') };

export function builtEngine({ cache }: EnginePlaces = enginePlaces): Engine {
  return { path: join(cache, ENGINE_VERSION, 'bin/pulumi'), version: ENGINE_VERSION, origin: 'built' };
}

/** @returns null where neither PATH nor the cache holds an engine. */
export function findEngine(places: EnginePlaces = enginePlaces): Engine | null {
  const path = findProgram('pulumi', places.folders);
  const version = path === null ? null : versionOf(path);
  if (path !== null && version !== null && atLeast(version, OLDEST_VERSION)) return { path, version, origin: 'path' };
  const built = builtEngine(places);
  return existsSync(built.path) ? built : null;
}

/** Folder to put first on PATH so that `pulumi` is this engine. */
export function engineFolder(engine: Engine): string {
  return dirname(engine.path);
}

function versionOf(pulumi: string): string | null {
  const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: 'true' };
  const { stdout } = spawnSync(pulumi, ['version'], { encoding: 'utf8', env, timeout: 20_000 });
  return /^v?(\d+\.\d+\.\d+)/.exec(stdout?.trim() ?? '')?.[1] ?? null;
}

function atLeast(version: string, oldest: string): boolean {
  return version.localeCompare(oldest, 'en', { numeric: true }) >= 0;
}
