/** CSV files in a store of objects, for the suite of all sources. An object of the suite is a folder. */
import { openSource } from '../../../runner/sources/registry.ts';
import { filesSchema } from '../../../tenants/schema/files.ts';
import type { ObjectStoreFixture } from '../../contracts/object-store.ts';
import {
  PEOPLE,
  PEOPLE_COLUMNS,
  type Skips,
  type SourceFixture,
  type ValueCase,
} from '../../contracts/source-fixture.ts';

export const FILES_SKIPS: Skips = {
  parallelReaders: 'files are read by the warehouse',
  queries: 'files have no query language',
  windows: 'files have no cursor',
  sequences: 'files have no cursor',
  permissions: 'the emulators let everybody read; the suite of object stores has a store that denies',
  columnRights: 'files have no rights on columns',
  keys: 'files have no key',
  absence: 'a prefix under which nothing lies is an empty one',
  nulls: 'any value of a file may be missing',
  versions: 'a store without versions has the newest bytes only: FILE_CHANGED',
  batches: 'the warehouse reads the bytes itself; test/runner/files/ has its interruptions',
  million: 'npm run bench -- files measures large ones',
  cut: 'a connection that breaks is taken up again, as the suite of object stores shows',
};

const VALUES: readonly ValueCase[] = [
  {
    name: 'the least and the greatest',
    object: folder('bounds'),
    columns: [
      ['n', 'INT64'],
      ['f', 'FLOAT64'],
      ['b', 'BOOL'],
      ['day', 'DATE'],
    ],
    rows: [
      ['-9223372036854775808', '0.5', 'false', '0001-01-01'],
      ['9223372036854775807', '-12345.678901', 'true', '9999-12-31'],
      [null, null, null, null],
    ],
  },
];

const BOUNDS = `n,f,b,day
9223372036854775807,-12345.678901,true,9999-12-31
-9223372036854775808,0.5,false,0001-01-01
,,,
`;

function folder(name: string) {
  return { files: filesSchema.parse({ prefix: `${name}/`, match: '*.csv', format: 'csv' }) };
}

/** RFC 4180, with NULL as nothing between two delimiters. */
function csv(rows: readonly (readonly (string | null)[])[]): string {
  const field = (value: string | null) => (value === null ? '' : `"${value.replaceAll('"', '""')}"`);
  return rows.map((row) => `${row.map(field).join(',')}\n`).join('');
}

export async function startFilesSource(start: () => Promise<ObjectStoreFixture>): Promise<SourceFixture> {
  const store = await start();
  const connection = store.connection(store.host);
  const environment = store.environment(store.host);
  const put = (name: string, text: string) => store.put(name, Buffer.from(text));
  await put(
    'people/1.csv',
    csv([[...PEOPLE_COLUMNS], ...PEOPLE.map((row) => [String(row[0]), ...row.slice(1)] as never)]),
  );
  await put('empty/1.csv', 'id,name\n');
  await put(
    'odd "x" ö/1.csv',
    csv([
      ['Id', 'zażółć', 'select'],
      ['1', 'ß🙂', '2'],
    ]),
  );
  const many = Array.from({ length: 50_000 }, (_, i) => `${i + 1},${'n'.repeat((i + 1) % 50)}${i + 1}\n`);
  await put('many/1.csv', `id,note\n${many.slice(0, 25_000).join('')}`);
  await put('many/2.csv', `id,note\n${many.slice(25_000).join('')}`);
  await put('bounds/1.csv', BOUNDS);
  let written = 0;
  return {
    people: folder('people'),
    reads: {
      rows: PEOPLE.map(([id, name, email, at, amount]) => [
        ...[String(id), name, email, at],
        amount === null ? null : amount === '0.00' ? '0.0' : String(Number(amount)),
      ]),
      kinds: ['INT64', 'STRING', 'STRING', 'TIMESTAMP', 'FLOAT64'],
      cursors: [],
      hashed: '1.10',
    },
    empty: folder('empty'),
    odd: folder('odd "x" ö'),
    many: folder('many'),
    missing: folder('peple'),
    values: VALUES,
    longestName: { object: 300, column: 300 },
    elsewhere: { connection, environment, ...(store.secret === '' ? {} : { secret: store.secret }) },
    open: () => {
      Object.assign(process.env, environment);
      return openSource({ tenant: 'acme', name: 'main', connection, secrets: { get: async () => store.secret } });
    },
    write: async () => {
      written += 1;
      await put(
        `many/new-${written}.csv`,
        `id,note\n${Array.from({ length: 1000 }, (_, i) => `${100_000 + i},new\n`).join('')}`,
      );
    },
    make: async ({ name, columns, rows }) => {
      await put(`${name}/1.csv`, csv([columns.map((column) => column.name), ...rows]));
      return folder(name);
    },
    fill: async (rows, bytes) => {
      const name = `filled-${rows}-${bytes}`;
      const note = (n: number) => `${n}-${'0123456789abcdef'.repeat(Math.ceil(bytes / 16))}`.slice(0, bytes);
      const each = Math.max(1, Math.floor(16e6 / (bytes + 10)));
      for (let from = 1; from <= rows; from += each) {
        const lines = Array.from(
          { length: Math.min(each, rows - from + 1) },
          (_, i) => `${from + i},${note(from + i)}\n`,
        );
        await put(`${name}/${from}.csv`, `id,note\n${lines.join('')}`);
      }
      return folder(name);
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
