/** The digest of what a preview would do: the thing that a person approves. */
import { createHash } from 'node:crypto';
import type { PreviewOperation } from './contract.ts';

/**
 * sha256 over the sorted operations: urn, op, and the paths of the detailed diff. Values are not part of it.
 * The same set has the same digest, in whatever order the engine took its steps.
 */
export function operationsDigest(operations: readonly PreviewOperation[]): string {
  return sha256(operations.map(lineOf).sort().join('\n'));
}

/** One digest for many stacks: sha256 over the sorted pairs of stack and digest. */
export function jointDigest(previews: readonly { readonly stack: string; readonly digest: string }[]): string {
  const [only] = previews;
  if (only !== undefined && previews.length === 1) return only.digest;
  return sha256(
    previews
      .map(({ stack, digest }) => JSON.stringify([stack, digest]))
      .sort()
      .join('\n'),
  );
}

/** What one set has and the other has not: `+ create urn:…`, `- update urn:… labels`. */
export function difference(approved: readonly PreviewOperation[], now: readonly PreviewOperation[]): string[] {
  const [before, after] = [new Set(approved.map(textOf)), new Set(now.map(textOf))];
  return [
    ...[...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`),
    ...[...before].filter((line) => !after.has(line)).map((line) => `- ${line}`),
  ].sort((a, b) => (a.slice(2) < b.slice(2) ? -1 : 1));
}

function lineOf({ urn, op, paths = [] }: PreviewOperation): string {
  return JSON.stringify([urn, op, [...paths].sort()]);
}

function textOf({ urn, op, paths = [] }: PreviewOperation): string {
  return `${op} ${urn.split('::').slice(2).join(' ')}${paths.length > 0 ? ` (${[...paths].sort().join(', ')})` : ''}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
