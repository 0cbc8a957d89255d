/** What every source keeps to. A fixture brings the same few tables in its own dialect. */
import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectRef, ReadColumn, Source, SourceCapabilities } from '../../runner/core/contracts/source.ts';
import { problemOf } from '../../runner/core/errors.ts';
import { columnsOf, forever, type Reading, readAll } from './source-reading.ts';

/** What a kind of source may lack; each is declared with its reason, never left out in silence. */
export type SourceFeature = keyof SourceCapabilities | 'permissions';

/**
 * A server with these objects:
 *
 * - `people (id int key, name text, email text, at timestamp with zone, amount numeric(12,2))`, the rows of {@link PEOPLE}
 * - `empty (id int, name text)` without rows
 * - `odd`: an object whose name needs quotes, with the columns `Id`, `zażółć` and `select`, and one row `(1, 'ß🙂', 2)`
 * - `many (id int, note text)`, 50,000 rows, to which {@link SourceFixture.write} adds
 */
export interface SourceFixture extends AsyncDisposable {
  open(user?: 'owner' | 'guest'): Promise<Source>;
  readonly people: ObjectRef;
  readonly empty: ObjectRef;
  readonly odd: ObjectRef;
  readonly many: ObjectRef;
  readonly missing: ObjectRef;
  /** The `id` and `name` of people whose id is greater than 2. */
  readonly query: ObjectRef;
  /** Adds a thousand rows to `many` and changes some that were there. */
  write(): Promise<void>;
  /** The guest may read: everything of people, its columns `id` and `name` only, or nothing. */
  allow(what: 'all' | 'columns' | 'nothing'): Promise<void>;
}

export const PEOPLE: readonly (readonly [number, string | null, string | null, string | null, string | null])[] = [
  [1, 'Ann', 'ann@example.com', '2026-01-01 00:00:00+00', '1.10'],
  [2, 'Żółć 🙂', '', '2026-01-01 00:00:00.000001+00', '-2.20'],
  [3, "O'Neil\n", null, '2026-01-02 00:00:00+00', null],
  [4, '', 'dee@example.com', '2026-01-03 00:00:00+00', '0.00'],
  [5, null, 'eve@example.com', null, '9999999999.99'],
];

const texts = (people: typeof PEOPLE) =>
  people.map((row) => row.map((value) => (value === null ? null : String(value))));

export function sourceSuite(
  name: string,
  start: () => Promise<SourceFixture>,
  skips: Partial<Record<SourceFeature, string>> = {},
): void {
  describe(`${name}: source`, () => {
    let fixture: SourceFixture;
    let source: Source;

    beforeAll(async () => {
      fixture = await start();
      source = await fixture.open();
    });

    afterAll(async () => {
      await source?.[Symbol.asyncDispose]();
      await fixture?.[Symbol.asyncDispose]();
    });

    const needs = (feature: SourceFeature) => {
      const reason = skips[feature];
      return reason === undefined ? test : (title: string, _: () => Promise<void>) => test.skip(`${title} (${reason})`);
    };
    const read = async (object: ObjectRef, more: Partial<Reading> = {}, from = source) => {
      const columns = more.columns ?? (await columnsOf(from, object));
      const { snapshot } = await from.open({ object }, forever);
      await using _ = snapshot;
      return await readAll(snapshot, object, { ...more, columns });
    };
    const problem = (work: Promise<unknown>) =>
      work.then(
        () => 'none',
        (error) => problemOf(error).code,
      );

    test('declares what it cannot do', () => {
      const { parallelReaders, queries, windows } = source.capabilities;
      expect({ parallelReaders, queries, windows }).toEqual({
        parallelReaders: skips.parallelReaders === undefined,
        queries: skips.queries === undefined,
        windows: skips.windows === undefined,
      });
    });

    test('discovers its objects', async () => {
      const names = (await source.discover(forever)).map((object) => object.name);
      for (const object of [fixture.people, fixture.empty, fixture.odd, fixture.many])
        expect(names).toContain(object.table);
    });

    test('describes columns, key and cursor', async () => {
      const shape = await source.describe(fixture.people, forever);
      expect(shape.columns.map(({ name, logical }) => [name, logical.kind])).toEqual([
        ['id', 'INT64'],
        ['name', 'STRING'],
        ['email', 'STRING'],
        ['at', 'TIMESTAMP'],
        ['amount', 'NUMERIC'],
      ]);
      expect(shape.columns.map(({ nullable }) => nullable)).toEqual([false, true, true, true, true]);
      expect(shape.key).toEqual(['id']);
      expect(shape.cursorCandidates.map(({ column }) => column)).toEqual(expect.arrayContaining(['id', 'at']));
      expect(await problem(source.describe(fixture.missing, forever))).toBe('SOURCE_OBJECT_MISSING');
    });

    test('reads every value', async () => {
      const { rows, summary } = await read(fixture.people);
      expect(rows).toEqual(texts(PEOPLE));
      expect(summary).toMatchObject({ extracted: 5, rejected: 0, nullified: 0 });
      expect(summary.bytes).toBeGreaterThan(100);
    });

    test('reads the columns asked for, under the names and in the order asked for', async () => {
      const columns = (await columnsOf(source, fixture.people, ['amount', 'id'])).map((column) => ({
        ...column,
        name: `x_${column.name}`,
      }));
      const { rows, names } = await read(fixture.people, { columns });
      expect(names).toEqual(['x_amount', 'x_id']);
      const wanted = texts(PEOPLE).map(([id, , , , amount]) => [amount, id]);
      expect(rows).toHaveLength(5);
      expect(rows).toEqual(expect.arrayContaining(wanted));
    });

    test('masks in samples and in rows', async () => {
      const asked: Record<string, ReadColumn['mask']> = {
        name: 'redact',
        email: 'hmac-sha256',
        amount: 'sha256',
        at: 'null',
      };
      const columns = (await columnsOf(source, fixture.people)).map((column): ReadColumn => {
        const mask = asked[column.name];
        return mask === undefined ? column : { ...column, mask, logical: { kind: 'STRING' } };
      });
      const { rows } = await read(fixture.people, { columns, maskKey: 'key' });
      const hmac = createHmac('sha256', 'key').update('ann@example.com').digest('hex');
      expect(rows[0]).toEqual(['1', '***', hmac, null, createHash('sha256').update('1.10').digest('hex')]);
      expect(rows[4]?.slice(0, 2)).toEqual(['5', null]);
      const sampled = await source.sample(fixture.people, columns, 3, forever);
      expect(sampled).toHaveLength(3);
      expect(JSON.stringify(sampled)).not.toMatch(/Ann|example|1\.10|2026/);
      expect(await source.sample(fixture.people, await columnsOf(source, fixture.people), 1, forever)).toEqual(
        texts(PEOPLE).slice(0, 1),
      );
    });

    needs('windows')('reads a window that holds its start and not its end', async () => {
      const ids = async (from: string | null, to: string, nullCursors = false) =>
        (await read(fixture.people, { window: { column: 'at', from, to }, nullCursors })).rows.map(([id]) =>
          Number(id),
        );
      expect(await ids('2026-01-01 00:00:00.000001+00', '2026-01-03 00:00:00+00')).toEqual([2, 3]);
      expect(await ids(null, '2026-01-01 00:00:00.000001+00')).toEqual([1]);
      expect(await ids('2026-01-03 00:00:00+00', '2027-01-01 00:00:00+00', true)).toEqual([4, 5]);
      expect(await ids('2026-01-04 00:00:00+00', '2026-01-04 00:00:00+00')).toEqual([]);
      const { snapshot, bound } = await source.open({ object: fixture.people, cursor: 'at' }, forever);
      await using _ = snapshot;
      expect(Date.parse(bound?.to ?? '')).toBeGreaterThan(Date.parse('2026-01-03'));
      expect(await snapshot.countNulls(fixture.people, 'at')).toBe(1);
    });

    needs('queries')('reads a query, whatever its last line is', async () => {
      expect((await read(fixture.query)).rows).toEqual(
        texts(PEOPLE)
          .slice(2)
          .map(([id, name]) => [id, name]),
      );
      const commented = { query: `${fixture.query.query} -- the end` };
      expect((await read(commented)).rows).toHaveLength(3);
    });

    needs('parallelReaders')('gives one snapshot to all readers, whatever is written meanwhile', async () => {
      const columns = await columnsOf(source, fixture.many);
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
      const sum = (rows: unknown) => createHash('sha256').update(JSON.stringify(rows)).digest('hex');
      expect(seen.map(({ rows }) => sum(rows))).toEqual(seen.map(() => sum(seen[0]?.rows)));
      expect(seen.map(({ summary }) => summary.extracted)).toEqual([50_000, 50_000, 50_000]);
      expect((await read(fixture.many)).rows.length).toBeGreaterThan(50_000);
    });

    test('reads an object without rows, and one with an odd name', async () => {
      expect(await read(fixture.empty)).toMatchObject({ rows: [], summary: { extracted: 0, rejected: 0 } });
      if (source.capabilities.parallelReaders) expect((await read(fixture.empty, { readers: 3 })).rows).toEqual([]);
      expect(await read(fixture.odd)).toMatchObject({ rows: [['1', 'ß🙂', '2']], names: ['Id', 'zażółć', 'select'] });
    });

    test('estimates without reading', async () => {
      const { snapshot } = await source.open({ object: fixture.many }, forever);
      await using _ = snapshot;
      const { rows, bytes } = await snapshot.estimate(fixture.many, null);
      expect(rows).toBeGreaterThan(25_000);
      expect(bytes).toBeGreaterThan(rows ?? 0);
    });

    needs('permissions')('says so when it may not read, before and between the steps of a run', async () => {
      await fixture.allow('nothing');
      await using guest = await fixture.open('guest');
      expect(await problem(guest.describe(fixture.people, forever))).toBe('SOURCE_PERMISSION');
      await fixture.allow('all');
      const columns = await columnsOf(guest, fixture.people);
      const { snapshot } = await guest.open({ object: fixture.people }, forever);
      await using _ = snapshot;
      await fixture.allow('nothing');
      expect(await problem(readAll(snapshot, fixture.people, { columns }))).toBe('SOURCE_PERMISSION');
    });

    needs('permissions')('reads the columns that it may, where others are withheld', async () => {
      await fixture.allow('columns');
      await using guest = await fixture.open('guest');
      const columns = await columnsOf(guest, fixture.people);
      expect(columns.map((column) => column.name)).toEqual(['id', 'name']);
      const { snapshot } = await guest.open({ object: fixture.people }, forever);
      await using _ = snapshot;
      expect((await snapshot.estimate(fixture.people, null)).rows).toBeGreaterThan(0);
      for (const readers of source.capabilities.parallelReaders ? [1, 2] : [1]) {
        const { rows } = await readAll(snapshot, fixture.people, { columns, readers });
        expect(rows).toEqual(texts(PEOPLE).map(([id, name]) => [id, name]));
      }
    });
  });
}
