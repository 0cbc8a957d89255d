import { randomBytes } from 'node:crypto';

/** Sorts by time; unique without asking anybody. @example "20261124t090000_1f2e3d4c" */
export function newRunId(at: Date = new Date()): string {
  const stamp = at.toISOString().replace(/[-:]/g, '').replace(/\..*/, '').toLowerCase();
  return `${stamp}_${randomBytes(4).toString('hex')}`;
}
