/** Firestore for the suite of all sources. */
import { randomBytes } from 'node:crypto';
import { openFirestore } from '../../../runner/sources/firestore/index.ts';
import type { ConnectionOf } from '../../../tenants/schema/connection.ts';
import { PEOPLE, type SourceFixture, type ValueCase } from '../../contracts/source-fixture.ts';
import { type ApiValue, type PutDocument, startFirestore } from '../../servers/firestore.ts';
import { double, integer, map, text, time } from './firestore-loading.ts';

const NULL: ApiValue = { nullValue: null };
const iso = (at: string) => at.replace(' ', 'T').replace('+00', 'Z');

const person = ([id, name, email, at, amount]: (typeof PEOPLE)[number]): PutDocument => ({
  path: `people/p${id}`,
  fields: {
    id: integer(id),
    ...(name === null ? {} : { name: text(name) }),
    email: email === null ? NULL : text(email),
    ...(at === null ? {} : { at: time(iso(at)) }),
    amount: amount === null ? NULL : double(Number(amount)),
  },
});

const bounds: readonly PutDocument[] = [
  {
    path: 'bounds/greatest',
    fields: {
      n: integer('9223372036854775807'),
      f: double(1.7976931348623157e308),
      b: { booleanValue: true },
      t: time('9999-12-31T23:59:59.999999Z'),
      raw: { bytesValue: 'AP8=' },
      j: map({ a: { arrayValue: { values: [integer(1), NULL] } } }),
    },
  },
  {
    path: 'bounds/least',
    fields: {
      n: integer('-9223372036854775808'),
      f: double('NaN'),
      b: { booleanValue: false },
      t: time('0001-01-01T00:00:00Z'),
      raw: { bytesValue: '' },
      j: map({}),
    },
  },
  { path: 'bounds/none', fields: {} },
];

/** The last is behind the documents that say what the columns are. */
function* strange(): Generator<PutDocument> {
  for (let i = 0; i < 100; i++) yield { path: `strange/a${i}`, fields: {} };
  yield { path: 'strange/a', fields: { id: integer(1), day: time('2026-01-01T00:00:00Z') } };
  yield { path: 'strange/z1', fields: { id: integer(2), day: text('soon') } };
  yield { path: 'strange/z2', fields: { id: double(3.5), day: NULL } };
}

const nothing = Array.from({ length: 100 }, () => [null, null]);

const CASES: readonly ValueCase[] = [
  {
    name: 'the least and the greatest',
    object: { collection: 'bounds' },
    columns: [
      ...([
        ['n', 'INT64'],
        ['f', 'FLOAT64'],
        ['b', 'BOOL'],
      ] as const),
      ...([
        ['t', 'TIMESTAMP'],
        ['raw', 'BYTES'],
        ['j', 'JSON'],
      ] as const),
    ],
    rows: [
      ['-9223372036854775808', 'nan', 'false', '0001-01-01 00:00:00+00', '', '{}'],
      [
        ...['9223372036854775807', '1.7976931348623157e+308', 'true', '9999-12-31 23:59:59.999999+00', '\\x00\\xFF'],
        '{"a":[1,null]}',
      ],
      [null, null, null, null, null, null],
    ],
  },
  {
    name: 'values of other types than their columns',
    object: { collection: 'strange' },
    columns: [
      ['id', 'INT64'],
      ['day', 'TIMESTAMP'],
    ],
    rows: [['1', '2026-01-01 00:00:00+00'], ...nothing],
    rejected: 2,
    nullified: [['1', '2026-01-01 00:00:00+00'], ['2', null], ...nothing, [null, null]],
  },
];

function* numbered(from: number, to: number, note: (i: number) => string): Generator<PutDocument> {
  for (let i = from; i <= to; i++)
    yield { path: `many/n${String(i).padStart(6, '0')}`, fields: { id: integer(i), note: text(note(i)) } };
}

export async function startFirestoreSource(): Promise<SourceFixture> {
  const server = await startFirestore();
  const project = `t-${randomBytes(5).toString('hex')}`;
  const put = (documents: Iterable<PutDocument>) => server.put(project, documents);
  await put(PEOPLE.map(person));
  await put([{ path: 'Größe "x".y/1', fields: { Id: integer(1), zażółć: text('ß🙂'), select: integer(2) } }]);
  await put(numbered(1, 50_000, (i) => 'n'.repeat(i % 50) + i));
  await put(bounds);
  await put(strange());
  const connection: ConnectionOf<'firestore'> = { kind: 'firestore', project, database: '(default)' };
  const amounts = ['1.1', '-2.2', null, '0.0', '9999999999.99'];
  return {
    people: { collection: 'people' },
    reads: {
      kinds: ['INT64', 'STRING', 'STRING', 'TIMESTAMP', 'FLOAT64'],
      cursors: ['at'],
      rows: PEOPLE.map(([id, name, email, at], i) => [String(id), name, email, at, amounts[i] ?? null]),
    },
    empty: { collection: 'empty' },
    odd: { collection: 'Größe "x".y' },
    many: { collection: 'many' },
    missing: { collection: 'people/p1' },
    values: CASES,
    longestName: { object: 400, column: 400 },
    elsewhere: { connection, environment: { FIRESTORE_EMULATOR_HOST: server.host } },
    open: async () => {
      process.env.FIRESTORE_EMULATOR_HOST = server.host;
      return openFirestore({ tenant: 'acme', name: 'main', connection, secrets: { get: async () => '' } });
    },
    write: async () => {
      await put(numbered(100_001, 101_000, () => 'new'));
      await put(numbered(500, 600, (i) => `changed ${i}`));
    },
    make: async ({ name, columns, rows }) => {
      const value = (kind: 'INT64' | 'STRING', given: string | null) =>
        given === null ? NULL : kind === 'INT64' ? integer(given) : text(given);
      await put(
        rows.map((row, i) => ({
          path: `${name}/r${i}`,
          fields: Object.fromEntries(columns.map((column, c) => [column.name, value(column.kind, row[c] ?? null)])),
        })),
      );
      return { collection: name };
    },
    fill: async (rows, bytes) => {
      const collection = `filled_${rows}_${bytes}`;
      const note = (i: number) => `${i}x`.repeat(Math.ceil(bytes / 2)).slice(0, bytes);
      const documents = function* (): Generator<PutDocument> {
        for (let i = 1; i <= rows; i++)
          yield { path: `${collection}/f${i}`, fields: { id: integer(i), note: text(note(i)) } };
      };
      await put(documents());
      return { collection };
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
    },
  };
}
