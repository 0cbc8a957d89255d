/** Opens the run store of a place: each has a project of its own in the emulator of FIRESTORE_EMULATOR_HOST. */
import { createHash } from 'node:crypto';
import type { RunStore } from '../../../runner/core/contracts/run-store.ts';
import { openFirestoreStore } from '../../../runner/stores/firestore/index.ts';

export function openPlace(place: string): RunStore {
  const project = `p-${createHash('sha256').update(place).digest('hex').slice(0, 20)}`;
  const emulator = process.env.FIRESTORE_EMULATOR_HOST ?? '';
  // Fifty that write one document take turns, on a busy machine for longer than a caller would wait.
  return openFirestoreStore({ project, database: '(default)', emulator, patienceMs: 150_000 });
}
