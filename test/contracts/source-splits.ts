/** That the pieces of a read are the read: what every source keeps to that can be divided. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectRef, ReadColumn, ReadSpec, Snapshot, Source, Window } from '../../runner/core/contracts/source.ts';
import type { Split, Unity } from '../../runner/core/contracts/splits.ts';
import { problemOf } from '../../runner/core/errors.ts';
import { batchLayout } from '../../runner/core/vectors.ts';
import { columnsOf, forever, type Reading, readAll } from './source-reading.ts';

/** A read that can be divided. */
export interface SplitsCase {
  /** For the title: `a table by its pages`. */
  readonly name: string;
  readonly object: ObjectRef;
  /** Columns that are read, the one that tells rows apart first; absent: all. */
  readonly names?: readonly string[];
  /** Reads the window of this column up to the bound. */
  readonly cursor?: string;
  /** Where the window begins; absent: at the beginning. */
  readonly from?: string;
  readonly nullCursors?: boolean;
  readonly unity: Unity['by'];
  /** Pieces that are asked for, and how many come at least. */
  readonly most: number;
  readonly least: number;
  /** What no type holds becomes NULL. */
  readonly lenient?: boolean;
  /** Rows of the whole; absent: not known. */
  readonly rows?: number;
  /**
   * Changes what is read; called before every piece. Where the pieces are one by their bound, it does what writers do: the
   * cursor of what it changes goes past the bound, and nothing is deleted.
   */
  readonly write?: () => Promise<unknown>;
}

/** A read that cannot, and what is said of it. */
export interface RefusedCase extends Pick<SplitsCase, 'name' | 'object' | 'cursor'> {
  readonly why: RegExp;
}

export interface SplitsFixture extends AsyncDisposable {
  /** With pieces as small as they can be. */
  open(): Promise<Source>;
  readonly cases: readonly SplitsCase[];
  readonly refused: readonly RefusedCase[];
  /** Severs what is open at the server now; absent where no connection is held. */
  cut?(): Promise<void>;
}

/** What a fixture has, as it is before it is started. */
export interface SplitsTitles {
  readonly cases: readonly string[];
  /** Why its pieces hold no connection; absent: they do, and can be cut. */
  readonly connectionless?: string;
}

interface Opened extends AsyncDisposable {
  readonly snapshot: Snapshot;
  readonly window: Window | null;
  readonly columns: readonly ReadColumn[];
  readonly spec: ReadSpec;
}

type Wanted = Pick<SplitsCase, 'object' | 'names' | 'cursor' | 'from' | 'nullCursors' | 'lenient'>;

async function opened(source: Source, wanted: Wanted): Promise<Opened> {
  const { object, names, cursor, from, nullCursors = false, lenient = false } = wanted;
  const unrepresentable = lenient ? 'nullify' : 'quarantine';
  const columns = (await columnsOf(source, object, names)).map((column) => ({ ...column, unrepresentable }) as const);
  const request = cursor === undefined ? { object } : { object, cursor };
  const { snapshot, bound } = await source.open(request, forever);
  const window = cursor === undefined ? null : { column: cursor, from: from ?? null, to: bound?.to ?? '' };
  const layout = batchLayout(snapshot.vectors(columns));
  const spec = { object, columns, window, nullCursors, layout, maxRejected: 0 };
  return { snapshot, window, columns, spec, [Symbol.asyncDispose]: () => snapshot[Symbol.asyncDispose]() };
}

const readingOf = ({ columns, window, spec }: Opened): Reading => ({
  columns,
  nullCursors: spec.nullCursors,
  ...(window === null ? {} : { window }),
});

/** As it goes to another machine and comes back. */
const travelled = (split: Split): Split => JSON.parse(JSON.stringify(split));

async function readPiece(source: Source, reading: Reading, object: ObjectRef, split: Split) {
  if (source.openSplit === undefined) throw new Error('no openSplit');
  await using piece = await source.openSplit(object, travelled(split).task, forever);
  return await readAll(piece, object, reading);
}

const sumOf = (rows: readonly (readonly (string | null)[])[]) =>
  createHash('sha256')
    .update(
      rows
        .map((row) => JSON.stringify(row))
        .sort()
        .join('\n'),
    )
    .digest('hex');

async function divided({ snapshot, spec }: Opened, most: number): Promise<readonly Split[]> {
  const unity = await snapshot.divisible?.(spec.object, spec.window);
  expect(unity).toBeTypeOf('object');
  return (await snapshot.divide?.(spec, most, forever)) ?? [];
}

export function splitsSuite(
  name: string,
  start: () => Promise<SplitsFixture>,
  { cases: titles, connectionless }: SplitsTitles,
): void {
  describe(`${name}: a read in pieces`, { timeout: 120_000 }, () => {
    let fixture: SplitsFixture;
    let source: Source;
    /** Another process would open one of its own. */
    let elsewhere: Source;

    beforeAll(async () => {
      fixture = await start();
      source = await fixture.open();
      elsewhere = await fixture.open();
    }, 180_000);

    afterAll(async () => {
      await source?.[Symbol.asyncDispose]();
      await elsewhere?.[Symbol.asyncDispose]();
      await fixture?.[Symbol.asyncDispose]();
    });

    test('has the cases that are named here', () => {
      expect(fixture.cases.map((one) => one.name)).toEqual(titles);
    });

    test.for(titles)('%s', async (title) => {
      const found = fixture.cases.find((one) => one.name === title);
      if (found === undefined) throw new Error('no such case');
      await using whole = await opened(source, found);
      const { object, most, least, unity, write } = found;
      const expected = await readAll(whole.snapshot, object, readingOf(whole));
      if (found.rows !== undefined) expect(expected.rows).toHaveLength(found.rows);
      expect(await whole.snapshot.divisible?.(object, whole.window)).toMatchObject({
        by: unity,
        reason: expect.stringMatching(/\w{3}/),
      });
      const splits = await divided(whole, most);
      expect(splits.length).toBeGreaterThanOrEqual(least);
      expect(splits.length).toBeLessThanOrEqual(most);
      expect(new Set(splits.map(({ id }) => id)).size).toBe(splits.length);
      const pieces: Awaited<ReturnType<typeof readAll>>[] = [];
      for (const split of splits) {
        await write?.();
        pieces.push(await readPiece(elsewhere, readingOf(whole), object, split));
      }
      const rows = pieces.flatMap((piece) => piece.rows);
      expect(pieces.reduce((sum, { summary }) => sum + summary.extracted, 0)).toBe(rows.length);
      if (unity === 'bound' && write !== undefined) return expectCaughtUp(source, found, whole, rows);
      expect(rows.length).toBe(expected.rows.length);
      expect(sumOf(rows)).toBe(sumOf(expected.rows));
      const again = await readPiece(elsewhere, readingOf(whole), object, splits[0] as Split);
      expect(sumOf(again.rows)).toBe(sumOf(pieces[0]?.rows ?? []));
    });

    test('one piece where one is asked for', async () => {
      for (const [i, one] of fixture.cases.entries()) {
        await using whole = await opened(source, one);
        const splits = await divided(whole, 1);
        expect(splits, one.name).toHaveLength(1);
        if (i > 0) continue;
        const expected = await readAll(whole.snapshot, one.object, readingOf(whole));
        const { rows } = await readPiece(elsewhere, readingOf(whole), one.object, splits[0] as Split);
        expect(sumOf(rows)).toBe(sumOf(expected.rows));
      }
    });

    test('says why where it cannot be', async () => {
      for (const { name: title, why, ...one } of fixture.refused) {
        await using whole = await opened(source, one);
        expect(await whole.snapshot.divisible?.(one.object, whole.window), title).toMatch(why);
        const code = await whole.snapshot.divide?.(whole.spec, 4, forever).then(
          () => 'none',
          (error) => problemOf(error).code,
        );
        expect(code, title).toBe('SOURCE_FAILED');
      }
    });

    test('a task that is none is refused', async () => {
      const [one] = fixture.cases;
      if (one === undefined) throw new Error('no case');
      for (const task of [null, 7, 'pages', {}, { piece: { by: 'magic' } }, []]) {
        const code = await elsewhere.openSplit?.(one.object, task, forever).then(
          () => 'none',
          (error) => problemOf(error).code,
        );
        expect(code, JSON.stringify(task)).toBe('SPLIT_LOST');
      }
    });

    const cutting = 'a connection that is cut is the trouble of the source, and can be tried again';
    if (connectionless !== undefined) console.info(`${name}: not "${cutting}": ${connectionless}`);
    else
      test(cutting, async () => {
        const [one] = fixture.cases;
        if (one === undefined) throw new Error('no case');
        await using whole = await opened(source, one);
        const [split] = await divided(whole, 1);
        await using piece = await elsewhere.openSplit?.(one.object, split?.task, forever);
        if (piece === undefined) throw new Error('no openSplit');
        await fixture.cut?.();
        const problem = await readAll(piece, one.object, readingOf(whole)).then(
          () => null,
          (error) => problemOf(error),
        );
        expect(problem).toMatchObject({ code: 'SOURCE_DISCONNECTED', retryable: true });
      });

    test('a signal that is given ends the opening of a piece', async () => {
      const [one] = fixture.cases;
      if (one === undefined) throw new Error('no case');
      await using whole = await opened(source, one);
      const [split] = await divided(whole, 1);
      await expect(elsewhere.openSplit?.(one.object, split?.task, AbortSignal.abort()) ?? null).rejects.toThrow();
    });
  });
}

/** What left the window meanwhile is in the next one: both together are what is there in the end. */
async function expectCaughtUp(
  source: Source,
  { object, cursor = '', ...more }: SplitsCase,
  before: Opened,
  rows: readonly (readonly (string | null)[])[],
): Promise<void> {
  expect(new Set(rows.map(([id]) => id)).size, 'no row comes twice').toBe(rows.length);
  await using next = await opened(source, { ...more, object, cursor, from: before.window?.to ?? '' });
  const later = await readAll(next.snapshot, object, readingOf(next));
  expect(later.rows.length).toBeGreaterThan(0);
  await using all = await opened(source, { ...more, object, cursor });
  const end = await readAll(all.snapshot, object, readingOf(all));
  const merged = new Map([...rows, ...later.rows].map((row) => [row[0], row]));
  expect(sumOf([...merged.values()])).toBe(sumOf(end.rows));
}
