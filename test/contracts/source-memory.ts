/** That the memory of a read does not grow with what it reads. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ChildTask, startReader } from './source-child.ts';
import type { Scene } from './source-fixture.ts';

const MILLION = 1_000_000;
const FEW = 100_000;
const NOTE_BYTES = 40;
/** How much more the process may hold for ten times the rows: two batches and the noise of a garbage collector. */
const MAY_GROW_MB = 96;
const LONG = { rows: 4000, bytes: 50_000, mayGrowMb: 128 };

export function describeMemory(scene: Scene): void {
  const measured = existsSync('/proc/self/status');
  const columns = ['id', 'note'];
  const peak = async (task: ChildTask, rows: number) => {
    const answer = await startReader(scene.fixture.elsewhere, task).answer;
    expect(answer.rows).toBe(rows);
    return answer.peakMb;
  };

  if (!measured) {
    test.skip('reads with flat memory (this system does not say how much a process held)', () => undefined);
    return;
  }

  scene.needs('million')('reads 10⁶ rows in the memory of 10⁵; one that keeps them is noticed', async () => {
    const few = await scene.fixture.fill(FEW, NOTE_BYTES);
    const all = await scene.fixture.fill(MILLION, NOTE_BYTES);
    const least = await peak({ object: few, columns }, FEW);
    expect((await peak({ object: all, columns }, MILLION)) - least).toBeLessThan(MAY_GROW_MB);
    expect((await peak({ object: all, columns, keep: true }, MILLION)) - least).toBeGreaterThan(MAY_GROW_MB);
  });

  scene.needs('batches')('reads 200 MB of long rows in little more memory than one of them', async () => {
    const one = await scene.fixture.fill(1, LONG.bytes);
    const all = await scene.fixture.fill(LONG.rows, LONG.bytes);
    const least = await peak({ object: one, columns }, 1);
    expect((await peak({ object: all, columns }, LONG.rows)) - least).toBeLessThan(LONG.mayGrowMb);
  });
}
