/** What was previewed last, so that a refused approval can say what is different now. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PreviewOperation, PreviewResult } from './contract.ts';
import { difference, jointDigest } from './digest.ts';

interface Remembered {
  readonly stack: string;
  readonly digest: string;
  readonly operations: readonly PreviewOperation[];
}

/** Keeps the last preview of each stack in a folder. */
export function remember(folder: string, previews: readonly PreviewResult[]): void {
  mkdirSync(folder, { recursive: true });
  for (const { stack, digest, operations } of previews)
    writeFileSync(join(folder, `${stack}.json`), JSON.stringify({ stack, digest, operations } satisfies Remembered));
}

/**
 * What is different from what was approved. Where the approved preview was made elsewhere, all that would be done now.
 */
export function changedSince(folder: string, approved: string, now: readonly PreviewResult[]): string[] {
  const before = now.map(({ stack }) => recall(folder, stack));
  const known = before.filter((one) => one !== undefined);
  const remembered = known.length === now.length && jointDigest(known) === approved;
  return now.flatMap(({ operations }, at) => difference(remembered ? (known[at]?.operations ?? []) : [], operations));
}

function recall(folder: string, stack: string): Remembered | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, `${stack}.json`), 'utf8')) as Remembered;
  } catch {
    return undefined;
  }
}
