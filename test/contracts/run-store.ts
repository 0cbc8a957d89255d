/** What every run store keeps to. */
import { describe } from 'vitest';
import type { RunStore } from '../../runner/core/contracts/run-store.ts';
import { describeEvents } from './run-store-events.ts';
import { describeLeases } from './run-store-leases.ts';
import type { Elsewhere } from './run-store-process.ts';
import { describeReservations } from './run-store-reservations.ts';
import { describeRuns } from './run-store-runs.ts';
import { type Lacks, sceneOf } from './run-store-scene.ts';

/**
 * @param open opens the store at a place: the path of a file that does not exist yet, fresh for each test; where a
 *   store has no files, any unique name
 * @param elsewhere how a process of its own opens the same store
 * @param lacks what the store cannot do, and why
 */
export function runStoreSuite(
  name: string,
  open: (place: string) => RunStore | Promise<RunStore>,
  elsewhere: Elsewhere,
  lacks: Lacks = {},
): void {
  describe(`${name}: run store`, { timeout: 180_000 }, () => {
    const scene = sceneOf(open, elsewhere, lacks);
    for (const [lack, why] of Object.entries(lacks)) console.info(`${name}: lacks ${lack}: ${why}`);
    describeLeases(scene);
    describeReservations(scene);
    describeRuns(scene);
    describeEvents(scene);
  });
}
