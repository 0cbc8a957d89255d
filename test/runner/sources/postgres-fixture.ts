/** PostgreSQL for the suite of all sources. */
import { openPostgres } from '../../../runner/sources/postgres/index.ts';
import type { ConnectionOf } from '../../../tenants/schema/connection.ts';
import { PEOPLE, type SourceFixture, type ValueCase, type WantedObject } from '../../contracts/source-fixture.ts';
import { startPostgres } from '../../servers/postgres.ts';

const TYPES = { INT64: 'bigint', STRING: 'text' } as const;

/** Every type has boundaries of its own in postgres-type-cases.ts; these are those that a source of any kind has. */
const VALUES = `CREATE TABLE bounds (n bigint, d numeric(38,9), f float8, b boolean, day date, t timestamptz, raw bytea, j jsonb);
  INSERT INTO bounds VALUES
    ('9223372036854775807', '99999999999999999999999999999.999999999', '1.7976931348623157e308', true, '9999-12-31',
     '9999-12-31 23:59:59.999999+00', '\\x00ff', '{"a": [1, null]}'),
    ('-9223372036854775808', '-0.000000001', '-0', false, '0001-01-01', '0001-01-01 00:00:00+00', '\\x', 'null'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE strange (id int, day date, n numeric);
  INSERT INTO strange VALUES (1, 'infinity', 1), (2, '0001-12-31 BC', 2), (3, '2026-01-01', 'NaN'), (4, '2026-01-02', 4)`;

const CASES: readonly ValueCase[] = [
  {
    name: 'the least and the greatest',
    object: { table: 'public.bounds' },
    columns: [
      ...([
        ['n', 'INT64'],
        ['d', 'NUMERIC(38,9)'],
        ['f', 'FLOAT64'],
        ['b', 'BOOL'],
      ] as const),
      ...([
        ['day', 'DATE'],
        ['t', 'TIMESTAMP'],
        ['raw', 'BYTES'],
        ['j', 'JSON'],
      ] as const),
    ],
    rows: [
      [
        ...[
          '-9223372036854775808',
          '-0.000000001',
          '-0.0',
          'false',
          '0001-01-01',
          '0001-01-01 00:00:00+00',
          '',
          'null',
        ],
      ],
      [
        ...['9223372036854775807', '99999999999999999999999999999.999999999', '1.7976931348623157e+308', 'true'],
        ...['9999-12-31', '9999-12-31 23:59:59.999999+00', '\\x00\\xFF', '{"a": [1, null]}'],
      ],
      [null, null, null, null, null, null, null, null],
    ],
  },
  {
    name: 'values that no type holds',
    object: { table: 'public.strange' },
    columns: [
      ['id', 'INT64'],
      ['day', 'DATE'],
      ['n', 'BIGNUMERIC'],
    ],
    rows: [['4', '2026-01-02', '4.000000000']],
    rejected: 3,
    nullified: [
      ['1', null, '1.000000000'],
      ['2', null, '2.000000000'],
      ['3', '2026-01-01', null],
      ['4', '2026-01-02', '4.000000000'],
    ],
  },
];

export async function startPostgresSource(): Promise<SourceFixture> {
  const server = await startPostgres();
  const client = await server.client();
  await client.query(`CREATE TABLE people (id int PRIMARY KEY, name text, email text, at timestamptz, amount numeric(12,2));
    CREATE TABLE empty (id int, name text); CREATE TABLE "Größe ""x"".y" ("Id" int, "zażółć" text, "select" int);
    INSERT INTO "Größe ""x"".y" VALUES (1, 'ß🙂', 2);
    CREATE TABLE many AS SELECT g AS id, repeat('n', g % 50) || g AS note FROM generate_series(1, 50000) g;
    ANALYZE many; CREATE ROLE guest LOGIN PASSWORD 'guest'; ${VALUES}`);
  for (const row of PEOPLE) await client.query('INSERT INTO people VALUES ($1, $2, $3, $4, $5)', [...row]);
  const { host, port, database, user, password } = server;
  const connection: ConnectionOf<'postgres'> = {
    ...{ kind: 'postgres', tls: 'disable', secret: 'main' },
    ...{ host, port, database, user },
  };
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  return {
    people: { table: 'public.people' },
    empty: { table: 'public.empty' },
    odd: { table: 'public."Größe ""x"".y"' },
    many: { table: 'public.many' },
    missing: { table: 'public.peple' },
    query: { query: 'SELECT id, name FROM people WHERE id > 2' },
    values: CASES,
    longestName: { object: 63, column: 63 },
    elsewhere: { connection, secret: password },
    open: async (as = 'owner') =>
      openPostgres({
        tenant: 'acme',
        name: 'main',
        connection: as === 'owner' ? connection : { ...connection, user: 'guest' },
        secrets: { get: async () => (as === 'owner' ? password : 'guest') },
      }),
    write: async () => {
      await client.query(`INSERT INTO many SELECT g, 'new' FROM generate_series(100001, 101000) g`);
      await client.query(`UPDATE many SET note = note || '!' WHERE id % 500 = 0`);
      await client.query('DELETE FROM many WHERE id % 501 = 0 AND id < 50001');
    },
    make: async ({ name, columns, rows }: WantedObject) => {
      const table = `public.${quoted(name)}`;
      const list = columns.map((column) => `${quoted(column.name)} ${TYPES[column.kind]}`);
      await client.query(`DROP TABLE IF EXISTS ${table}; CREATE TABLE ${table} (${list.join(', ')})`);
      const places = columns.map((_, i) => `$${i + 1}`).join(', ');
      for (const row of rows) await client.query(`INSERT INTO ${table} VALUES (${places})`, [...row]);
      return { table };
    },
    fill: async (rows, bytes) => {
      const table = `public.filled_${rows}_${bytes}`;
      const note = `left(repeat(md5(g::text), ${Math.ceil(bytes / 32)}), ${bytes})`;
      await client.query(`DROP TABLE IF EXISTS ${table};
        CREATE TABLE ${table} AS SELECT g::bigint AS id, ${note} AS note FROM generate_series(1, ${rows}) g`);
      return { table };
    },
    cut: async () => {
      await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tributary%'`,
      );
    },
    allow: async (what) => {
      await client.query('REVOKE ALL ON people FROM guest; REVOKE ALL (id, name) ON people FROM guest');
      if (what === 'all') await client.query('GRANT SELECT ON people TO guest');
      if (what === 'columns') await client.query('GRANT SELECT (id, name) ON people TO guest');
    },
    async [Symbol.asyncDispose]() {
      await client.end();
      await server.stop();
    },
  };
}
