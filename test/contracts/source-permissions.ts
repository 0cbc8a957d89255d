/** What a source says when it may not read. */
import { expect } from 'vitest';
import { problem, type Scene, stepsOf } from './source-fixture.ts';
import { columnsOf, forever, readAll } from './source-reading.ts';

export function describePermissions(scene: Scene): void {
  scene.needs('permissions')('says so when it may not read, before and between the steps of a run', async () => {
    const { fixture } = scene;
    await fixture.allow?.('nothing');
    await using guest = await fixture.open('guest');
    expect(await problem(guest.describe(fixture.people, forever))).toBe('SOURCE_PERMISSION');
    const checks = await stepsOf(guest, fixture.people);
    expect(checks.find(({ status }) => status === 'fail')?.problem?.code).toBe('SOURCE_PERMISSION');
    await fixture.allow?.('all');
    const columns = await columnsOf(guest, fixture.people, ['id', 'name']);
    const { snapshot } = await guest.open({ object: fixture.people }, forever);
    await using _ = snapshot;
    await fixture.allow?.('nothing');
    expect(await problem(readAll(snapshot, fixture.people, { columns }))).toBe('SOURCE_PERMISSION');
  });

  scene.needs('columnRights')('reads the columns that it may, where others are withheld', async () => {
    const { fixture, source } = scene;
    await fixture.allow?.('columns');
    await using guest = await fixture.open('guest');
    const columns = await columnsOf(guest, fixture.people);
    expect(columns.map((column) => column.name)).toEqual(['id', 'name']);
    const { snapshot } = await guest.open({ object: fixture.people }, forever);
    await using _ = snapshot;
    expect((await snapshot.estimate(fixture.people, null)).rows).toBeGreaterThan(0);
    for (const readers of source.capabilities.parallelReaders ? [1, 2] : [1]) {
      const { rows } = await readAll(snapshot, fixture.people, { columns, readers });
      expect(rows).toEqual(scene.people.map(([id, name]) => [id, name]));
    }
  });
}
