/** What a source says of itself and of its objects. */
import { expect, test } from 'vitest';
import { nameOf } from '../../runner/job/object-name.ts';
import type { ConnectionKind } from '../../tenants/schema/connection.ts';
import { aboutOf } from '../house/connectors-page.ts';
import { PEOPLE_COLUMNS, problem, type Scene, type Skips, stepsOf } from './source-fixture.ts';
import { forever } from './source-reading.ts';

export function describeDescription(scene: Scene, skips: Skips): void {
  test('declares what it cannot do, to programs and to people', async () => {
    expect((await aboutOf(scene.source.kind as ConnectionKind)).capabilities).toEqual(scene.source.capabilities);
    const { parallelReaders, queries, windows } = scene.source.capabilities;
    expect({ parallelReaders, queries, windows }).toEqual({
      parallelReaders: skips.parallelReaders === undefined,
      queries: skips.queries === undefined,
      windows: skips.windows === undefined,
    });
  });

  test('discovers its objects', async () => {
    const { fixture, source } = scene;
    const names = (await source.discover(forever)).map((object) => object.name);
    const wanted = [fixture.people, fixture.odd, fixture.many].map(nameOf);
    // A collection without documents does not exist.
    if (fixture.empty.collection === undefined) wanted.push(nameOf(fixture.empty));
    expect(names).toEqual(expect.arrayContaining(wanted));
  });

  test('describes columns, key and cursor', async () => {
    const { fixture, source } = scene;
    const { kinds, cursors } = { ...fixture.reads };
    const shape = await source.describe(fixture.people, forever);
    const columns = PEOPLE_COLUMNS.map((name) => shape.columns.find((column) => column.name === name));
    expect(columns.map((column) => column?.logical.kind)).toEqual(
      kinds ?? ['INT64', 'STRING', 'STRING', 'TIMESTAMP', 'NUMERIC'],
    );
    expect(shape.columns.map(({ name }) => name).filter((name) => PEOPLE_COLUMNS.includes(name as never))).toHaveLength(
      PEOPLE_COLUMNS.length,
    );
    for (const column of columns.slice(1)) expect(column).toMatchObject({ nullable: true });
    expect(shape.cursorCandidates.map(({ column }) => column)).toEqual(
      expect.arrayContaining([...(cursors ?? ['id', 'at'])]),
    );
  });

  scene.needs('keys')('names the key', async () => {
    expect((await scene.source.describe(scene.fixture.people, forever)).key).toEqual(['id']);
  });

  scene.needs('nulls')('knows which column holds no NULL', async () => {
    const { columns } = await scene.source.describe(scene.fixture.people, forever);
    expect(columns.find(({ name }) => name === 'id')).toMatchObject({ nullable: false });
  });

  scene.needs('estimates')('estimates without reading', async () => {
    const { fixture, source } = scene;
    const { snapshot } = await source.open({ object: fixture.many }, forever);
    await using _ = snapshot;
    const { rows, bytes } = await snapshot.estimate(fixture.many, null);
    expect(rows).toBeGreaterThan(25_000);
    expect(bytes).toBeGreaterThan(rows ?? 0);
  });

  test('tests its connection: each step has a title, and none fails', async () => {
    const { fixture, source } = scene;
    const steps = await stepsOf(source, fixture.people);
    expect(steps.length).toBeGreaterThan(1);
    expect(new Set(steps.map(({ id }) => id)).size).toBe(steps.length);
    for (const { title, status, found, problem: reason } of steps) {
      expect(title).toMatch(/^[A-Z]/);
      expect(status, `${title}: ${found ?? ''} ${reason?.detail ?? ''}`).not.toBe('fail');
    }
  });

  scene.needs('absence')('says which object is not there', async () => {
    const { fixture, source } = scene;
    expect(await problem(source.describe(fixture.missing, forever))).toBe('SOURCE_OBJECT_MISSING');
    const steps = await stepsOf(source, fixture.missing);
    expect(steps.find(({ status }) => status === 'fail')?.problem?.code).toBe('SOURCE_OBJECT_MISSING');
  });
}
