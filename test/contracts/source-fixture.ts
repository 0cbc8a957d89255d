/** What a kind of source brings to the suite, and what it may lack. */
import { afterAll, beforeAll, test } from 'vitest';
import type { Check, ObjectRef, Source, SourceCapabilities } from '../../runner/core/contracts/source.ts';
import { problemOf } from '../../runner/core/errors.ts';
import type { LogicalKind } from '../../runner/core/types.ts';
import type { ConnectionSpec, SourceSpec } from '../../tenants/schema/index.ts';
import { columnsOf, forever, type Reading, readAll } from './source-reading.ts';

/**
 * What a kind of source may lack; each is declared with its reason, never left out in silence.
 *
 * | feature | means |
 * |---|---|
 * | permissions | a guest whose rights can be taken while the source is open |
 * | columnRights | rights on single columns |
 * | keys | a primary key that `describe` can name |
 * | absence | an object that is not there is told from one without rows |
 * | sequences | a whole number as the cursor |
 * | nulls | columns that are known to hold no NULL |
 * | batches | rows in batches through the channel, as a reader of its own may take them |
 * | estimates | rows and bytes without reading |
 * | versions | rows as they were when the snapshot was taken, after they have been changed |
 * | emojiNames, caseObjects, caseColumns | such names; the last two: names that differ in their case only |
 * | longText | one text of 5 MB |
 * | million | 10⁶ rows within a minute |
 * | cut | a server whose connections can be severed in mid-read |
 */
export type SourceFeature =
  | Exclude<keyof SourceCapabilities, 'lateFields'>
  | 'permissions'
  | 'columnRights'
  | 'keys'
  | 'absence'
  | 'sequences'
  | 'nulls'
  | 'batches'
  | 'estimates'
  | 'versions'
  | 'emojiNames'
  | 'caseObjects'
  | 'caseColumns'
  | 'longText'
  | 'million'
  | 'cut';

export type Skips = Partial<Record<SourceFeature, string>>;

/** An object that a test asks for. A row has a text or NULL for each column; whole numbers for `INT64`. */
export interface WantedObject {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly kind: 'INT64' | 'STRING' }[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** The values of a kind at their boundaries, and what they must become. */
export interface ValueCase {
  /** For the title: `decimals`, `zero dates`. */
  readonly name: string;
  readonly object: ObjectRef;
  /** Name and type of each column that is looked at, as `describe` gives them: `NUMERIC(12,2)`. */
  readonly columns: readonly (readonly [name: string, type: string])[];
  /** As the embedded warehouse prints them, sorted by those texts; without the rows that are set aside. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** Rows that hold what no type can. */
  readonly rejected?: number;
  /** All rows where such values become NULL instead; needed where some are rejected. */
  readonly nullified?: readonly (readonly (string | null)[])[];
}

/** How another process opens the same source, through the registry. */
export interface Elsewhere {
  readonly connection: ConnectionSpec;
  readonly source?: SourceSpec;
  /** Value of whatever secret is asked for; absent where none is. */
  readonly secret?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** What a kind reads of people where it has other types. Rows sorted by id. */
export interface PeopleAsRead {
  readonly rows: readonly (readonly (string | null)[])[];
  readonly kinds: readonly LogicalKind[];
  readonly cursors: readonly string[];
  /** Text of the first amount that a mask hashes, where it is not as it is read: that of a file. */
  readonly hashed: string;
}

/**
 * A server with these objects:
 *
 * - `people (id int key, name text, email text, at timestamp with zone, amount numeric(12,2))`, the rows of {@link PEOPLE};
 *   a kind without such types says what it {@link SourceFixture.reads} instead, and may have columns of its own beside them
 * - `empty (id int, name text)` without rows
 * - `odd`: an object whose name needs quotes, with the columns `Id`, `zażółć` and `select`, and one row `(1, 'ß🙂', 2)`
 * - `many (id int, note text)`, 50,000 rows, to which {@link SourceFixture.write} adds
 */
export interface SourceFixture extends AsyncDisposable {
  open(user?: 'owner' | 'guest'): Promise<Source>;
  readonly people: ObjectRef;
  readonly reads?: Partial<PeopleAsRead>;
  readonly empty: ObjectRef;
  readonly odd: ObjectRef;
  readonly many: ObjectRef;
  readonly missing: ObjectRef;
  /** The `id` and `name` of people whose id is greater than 2; absent where the kind has no queries. */
  readonly query?: ObjectRef;
  /** Its boundaries; at least one. */
  readonly values: readonly ValueCase[];
  /** Signs that no name of an object, or of a column, may have; absent: all may be there. */
  readonly refused?: { readonly object: RegExp; readonly column: RegExp };
  /** Characters that the name of an object, and of a column, may have. */
  readonly longestName: { readonly object: number; readonly column: number };
  readonly elsewhere: Elsewhere;
  /** Adds a thousand rows to `many` and changes some that were there. */
  write(): Promise<void>;
  /** Makes an object with exactly this name and these rows. Two names may differ in a sign or in their case only. */
  make(wanted: WantedObject): Promise<ObjectRef>;
  /** Makes an object of `id INT64` (1 to `rows`) and `note STRING` (`bytes` letters and digits, not all the same). */
  fill(rows: number, bytes: number): Promise<ObjectRef>;
  /** The guest may read: everything of people, its columns `id` and `name` only, or nothing; absent without permissions. */
  allow?(what: 'all' | 'columns' | 'nothing'): Promise<void>;
  /** Severs what sources have open at the server now; later connections work. Absent without `cut`. */
  cut?(): Promise<void>;
}

export const PEOPLE: readonly (readonly [number, string | null, string | null, string | null, string | null])[] = [
  [1, 'Ann', 'ann@example.com', '2026-01-01 00:00:00+00', '1.10'],
  [2, 'Żółć 🙂', '', '2026-01-01 00:00:00.000001+00', '-2.20'],
  [3, "O'Neil\n", null, '2026-01-02 00:00:00+00', null],
  [4, '', 'dee@example.com', '2026-01-03 00:00:00+00', '0.00'],
  [5, null, 'eve@example.com', null, '9999999999.99'],
];

export const PEOPLE_COLUMNS = ['id', 'name', 'email', 'at', 'amount'] as const;

/** The fixture of a suite once it runs, and the few things that every part of it does. */
export interface Scene {
  readonly fixture: SourceFixture;
  readonly source: Source;
  /** Rows of people as they are read. */
  readonly people: readonly (readonly (string | null)[])[];
  /** `test`, or a skipped one that says why. */
  needs(feature: SourceFeature): (title: string, work: () => Promise<void>) => void;
  /** Reads in a snapshot of its own; columns of these names only. */
  read(object: ObjectRef, more?: Partial<Reading> & { readonly names?: readonly string[] }): ReturnType<typeof readAll>;
}

/** An object as a tenant file has it for a catalog: what only an increment has is left out. */
export function spelled({ files, ...object }: ObjectRef): Readonly<Record<string, unknown>> {
  if (files === undefined) return object;
  const { overlap: _, ...rest } = files;
  return { files: rest };
}

/** The steps of a connection test. */
export async function stepsOf(source: Source, object: ObjectRef): Promise<readonly Check[]> {
  const steps: Check[] = [];
  for await (const step of source.check({ object }, forever)) steps.push(step);
  return steps;
}

/** The code that work fails with. */
export function problem(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error) => problemOf(error).code,
  );
}

/** Some servers take long to start, and longer to take 50,000 rows. */
const START_MS = 180_000;

/** What has been filled once is there for the next test: none of them changes it. */
function onceFilled(fixture: SourceFixture): SourceFixture {
  const filled = new Map<string, Promise<ObjectRef>>();
  const fill = (rows: number, bytes: number) => {
    const key = `${rows} ${bytes}`;
    const found = filled.get(key) ?? fixture.fill(rows, bytes);
    filled.set(key, found);
    return found;
  };
  return { ...fixture, fill, [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() };
}

/** What a kind of source lacks is no test of it: it is printed, and the suite holds that it is declared. */
export function sceneFor(name: string, start: () => Promise<SourceFixture>, skips: Skips): Scene {
  let fixture: SourceFixture;
  let source: Source;

  beforeAll(async () => {
    fixture = onceFilled(await start());
    source = await fixture.open();
  }, START_MS);

  afterAll(async () => {
    await source?.[Symbol.asyncDispose]();
    await fixture?.[Symbol.asyncDispose]();
  });

  return {
    get fixture() {
      return fixture;
    },
    get source() {
      return source;
    },
    get people() {
      return fixture.reads?.rows ?? PEOPLE.map((row) => row.map((value) => (value === null ? null : String(value))));
    },
    needs: (feature) => {
      const reason = skips[feature];
      return reason === undefined ? test : (title) => console.info(`${name}: not "${title}": ${reason}`);
    },
    read: async (object, { names, ...more } = {}) => {
      const columns = more.columns ?? (await columnsOf(source, object, names));
      const { snapshot } = await source.open({ object }, forever);
      await using _ = snapshot;
      return await readAll(snapshot, object, { ...more, columns });
    },
  };
}
