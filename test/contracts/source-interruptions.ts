/** Reads that end early: called off, severed or killed. Each ends cleanly, and the next read is whole. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { BatchChannel } from '../../runner/core/channel.ts';
import type { ObjectRef, ReadSummary } from '../../runner/core/contracts/source.ts';
import { type Problem, problemOf } from '../../runner/core/errors.ts';
import { batchLayout } from '../../runner/core/vectors.ts';
import { type Drained, drain } from './drain.ts';
import { startReader } from './source-child.ts';
import type { Scene } from './source-fixture.ts';
import { columnsOf, forever } from './source-reading.ts';

/** Long rows: what lies in sockets and buffers at any moment is a small part of them. */
const ROWS = 2000;
const BYTES = 50_000;
const COLUMNS = ['id', 'note'];

type Ended = { readonly summary: ReadSummary } | { readonly problem: Problem };

export function describeInterruptions(scene: Scene): void {
  let object: Promise<ObjectRef> | undefined;
  const long = () => (object ??= scene.fixture.fill(ROWS, BYTES));
  const whole = async () => {
    const { rows, summary } = await scene.read(await long(), { names: COLUMNS, look: 'count(DISTINCT id)::VARCHAR' });
    expect(rows).toEqual([[String(ROWS)]]);
    expect(summary.extracted).toBe(ROWS);
  };
  /** Reads until rows flow, does `interrupt`, then lets the rest come: nobody took a batch until then. */
  const interrupted = async (
    interrupt: (controller: AbortController, channel: BatchChannel) => Promise<void> | void,
  ): Promise<{ ended: Ended; drained: Drained }> => {
    await using source = await scene.fixture.open();
    const wanted = await long();
    const columns = await columnsOf(source, wanted, COLUMNS);
    const { snapshot } = await source.open({ object: wanted }, forever);
    await using _ = snapshot;
    const channel = new BatchChannel(1);
    const controller = new AbortController();
    const layout = batchLayout(snapshot.vectors(columns));
    const spec = { object: wanted, columns, window: null, nullCursors: false, layout, maxRejected: 0 };
    const reading: Promise<Ended> = snapshot.read(spec, channel.outlets, controller.signal).then(
      (summary) => ({ summary }),
      (error) => ({ problem: problemOf(error) }),
    );
    while (channel.progress.bytes === 0) await sleep(5);
    await interrupt(controller, channel);
    const drained = drain(channel.inlet);
    const ended = await reading;
    channel.stop();
    return { ended, drained: await drained };
  };

  scene.needs('batches')('a read that is called off ends at once, and the next is whole', async () => {
    const { ended, drained } = await interrupted((controller, channel) => {
      channel.stop();
      controller.abort(new Error('called off'));
    });
    expect(ended).toHaveProperty('problem');
    expect(drained.rows).toBeLessThan(ROWS);
    await whole();
  });

  scene.needs('cut')(
    'a read whose connection is severed fails as one that can be repeated, and is whole then',
    async () => {
      const { ended, drained } = await interrupted(async () => await scene.fixture.cut?.());
      expect(ended).toMatchObject({ problem: { origin: 'source', retryable: true } });
      expect(drained.rows).toBeLessThan(ROWS);
      await whole();
    },
  );

  scene.needs('batches')('a process that is killed in mid-read leaves nothing in the way of the next', async () => {
    const task = { object: await long(), columns: COLUMNS, stall: true };
    const { child, reading, answer } = startReader(scene.fixture.elsewhere, task);
    await reading;
    child.kill('SIGKILL');
    await expect(answer).rejects.toThrow('ended with null');
    await whole();
  });
}
