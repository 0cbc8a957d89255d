/** That a source gives every value, of the rows and columns asked for, of one moment. */
import { createHash, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ReadColumn } from '../../runner/core/contracts/source.ts';
import { typeName } from '../../runner/core/types.ts';
import { PEOPLE_COLUMNS, type Scene } from './source-fixture.ts';
import { columnsOf, forever, readAll } from './source-reading.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

export function describeRows(scene: Scene): void {
  const ids = ({ rows }: { rows: (string | null)[][] }) => rows.map(([id]) => Number(id));

  test('reads every value', async () => {
    const { rows, summary } = await scene.read(scene.fixture.people, { names: PEOPLE_COLUMNS });
    expect(rows).toEqual(scene.people);
    expect(summary).toMatchObject({ extracted: 5, rejected: 0, nullified: 0 });
    expect(summary.bytes).toBeGreaterThan(100);
  });

  test('reads the columns asked for, under the names and in the order asked for', async () => {
    const columns = (await columnsOf(scene.source, scene.fixture.people, ['amount', 'id'])).map((column) => ({
      ...column,
      name: `x_${column.name}`,
    }));
    const { rows, names } = await scene.read(scene.fixture.people, { columns });
    expect(names).toEqual(['x_amount', 'x_id']);
    const wanted = scene.people.map(([id, , , , amount]) => [amount, id]);
    expect(rows).toHaveLength(5);
    expect(rows).toEqual(expect.arrayContaining(wanted));
  });

  test('masks in samples and in rows', async () => {
    const { source, fixture, people } = scene;
    const asked: Record<string, ReadColumn['mask']> = {
      name: 'redact',
      email: 'hmac-sha256',
      amount: 'sha256',
      at: 'null',
    };
    const plain = await columnsOf(source, fixture.people, PEOPLE_COLUMNS);
    const columns = plain.map((column): ReadColumn & { name: string } => {
      const mask = asked[column.name];
      return mask === undefined ? column : { ...column, mask, logical: { kind: 'STRING' } };
    });
    const { rows } = await scene.read(fixture.people, { columns, maskKey: 'key' });
    const hmac = createHmac('sha256', 'key').update('ann@example.com').digest('hex');
    expect(rows[0]).toEqual(['1', '***', hmac, null, sha256(fixture.reads?.hashed ?? people[0]?.[4] ?? '')]);
    expect(rows[4]?.slice(0, 2)).toEqual(['5', null]);
    const sampled = await source.sample(fixture.people, columns, 3, forever);
    expect(sampled).toHaveLength(3);
    expect(JSON.stringify(sampled)).not.toMatch(/Ann|example|1\.1|2026/);
    const [first] = await source.sample(fixture.people, plain, 1, forever);
    expect(people.map((row) => row.slice(0, 3))).toContainEqual(first?.slice(0, 3));
  });

  test('reads the values of its types at their boundaries', async () => {
    const { fixture, source } = scene;
    expect(fixture.values.length).toBeGreaterThan(0);
    for (const { name, object, columns, rows, rejected = 0, nullified } of fixture.values) {
      const names = columns.map(([column]) => column);
      const read = await columnsOf(source, object, names);
      expect(
        read.map((column) => [column.name, typeName(column.logical)]),
        name,
      ).toEqual(columns);
      const { rows: found, summary } = await scene.read(object, { columns: read, maxRejected: rejected });
      expect(found, name).toEqual(rows);
      expect(summary, name).toMatchObject({ extracted: rows.length + rejected, rejected });
      if (rejected === 0) continue;
      const lenient = read.map((column) => ({ ...column, unrepresentable: 'nullify' as const }));
      const again = await scene.read(object, { columns: lenient });
      expect(again.rows, `${name}, as NULL`).toEqual(nullified);
      expect(again.summary.rejected, name).toBe(0);
      expect(again.summary.nullified, name).toBeGreaterThan(0);
    }
  });

  scene.needs('windows')('reads a window that holds its start and not its end', async () => {
    const { fixture, source } = scene;
    const between = async (from: string | null, to: string, nullCursors = false) =>
      ids(await scene.read(fixture.people, { names: ['id', 'at'], window: { column: 'at', from, to }, nullCursors }));
    expect(await between('2026-01-01 00:00:00.000001+00', '2026-01-03 00:00:00+00')).toEqual([2, 3]);
    expect(await between(null, '2026-01-01 00:00:00.000001+00')).toEqual([1]);
    expect(await between('2026-01-03 00:00:00+00', '2027-01-01 00:00:00+00', true)).toEqual([4, 5]);
    expect(await between('2026-01-04 00:00:00+00', '2026-01-04 00:00:00+00')).toEqual([]);
    const { snapshot, bound } = await source.open({ object: fixture.people, cursor: 'at' }, forever);
    await using _ = snapshot;
    expect(Date.parse(bound?.to ?? '')).toBeGreaterThan(Date.parse('2026-01-03'));
    expect(await snapshot.countNulls(fixture.people, 'at')).toBe(1);
  });

  scene.needs('sequences')(
    'reads rows without a cursor with the window or not at all, whatever the cursor is',
    async () => {
      const object = await scene.fixture.make({
        name: 'sequences',
        columns: [
          { name: 'id', kind: 'INT64' },
          { name: 'seq', kind: 'INT64' },
        ],
        rows: [...[10, 20, 30, 30].map((seq, i) => [String(i + 1), String(seq)]), ['5', null], ['6', null]],
      });
      const window = { column: 'seq', from: '20', to: '31' };
      expect(ids(await scene.read(object, { names: ['id', 'seq'], window }))).toEqual([2, 3, 4]);
      expect(ids(await scene.read(object, { names: ['id', 'seq'], window, nullCursors: true }))).toEqual([
        2, 3, 4, 5, 6,
      ]);
      const whole = { ...window, from: null };
      expect(ids(await scene.read(object, { names: ['id', 'seq'], window: whole }))).toEqual([1, 2, 3, 4]);
      const { snapshot } = await scene.source.open({ object }, forever);
      await using _ = snapshot;
      expect(await snapshot.countNulls(object, 'seq')).toBe(2);
    },
  );

  scene.needs('queries')('reads a query, whatever its last line is', async () => {
    const { query } = scene.fixture;
    expect((await scene.read(query ?? {})).rows).toEqual(scene.people.slice(2).map(([id, name]) => [id, name]));
    expect((await scene.read({ query: `${query?.query} -- the end` })).rows).toHaveLength(3);
  });

  scene.needs('parallelReaders')('gives one snapshot to all readers, whatever is written meanwhile', async () => {
    const { fixture, source } = scene;
    const columns = await columnsOf(source, fixture.many, ['id', 'note']);
    const { snapshot } = await source.open({ object: fixture.many }, forever);
    await using _ = snapshot;
    let writing = true;
    const writer = (async () => {
      while (writing) await fixture.write();
    })();
    const seen: Awaited<ReturnType<typeof readAll>>[] = [];
    for (const readers of [1, 2, 5]) seen.push(await readAll(snapshot, fixture.many, { columns, readers }));
    writing = false;
    await writer;
    expect(seen[0]?.rows).toHaveLength(50_000);
    expect(seen.map(({ rows }) => sha256(JSON.stringify(rows)))).toEqual(
      seen.map(() => sha256(JSON.stringify(seen[0]?.rows))),
    );
    expect(seen.map(({ summary }) => summary.extracted)).toEqual([50_000, 50_000, 50_000]);
    expect((await scene.read(fixture.many, { names: ['id'] })).rows.length).toBeGreaterThan(50_000);
  });

  scene.needs('versions')('keeps to what was there when it was opened', async () => {
    const { fixture, source } = scene;
    const columns = await columnsOf(source, fixture.many, ['id', 'note']);
    const { snapshot } = await source.open({ object: fixture.many }, forever);
    await using _ = snapshot;
    const before = await readAll(snapshot, fixture.many, { columns });
    await fixture.write();
    const after = await readAll(snapshot, fixture.many, { columns });
    expect(after.rows).toHaveLength(before.rows.length);
    expect(sha256(JSON.stringify(after.rows))).toBe(sha256(JSON.stringify(before.rows)));
  });
}
