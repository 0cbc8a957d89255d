/** A value that one process writes first: when, and by whom. */
import { randomBytes } from 'node:crypto';

/** @example "2026-11-24T09:00:00.000Z~1f2e3d4c5b6a" */
export function newMark(now: Date): string {
  return `${now.toISOString()}~${randomBytes(6).toString('hex')}`;
}

export function markedAt(mark: string): number {
  return Date.parse(mark.split('~')[0] ?? '');
}
