/** MariaDB for the suite of all sources. */
import { openMysql } from '../../../runner/sources/mysql/index.ts';
import type { ConnectionOf } from '../../../tenants/schema/connection.ts';
import { PEOPLE, type SourceFixture, type ValueCase, type WantedObject } from '../../contracts/source-fixture.ts';
import { series, startMysql } from '../../servers/mysql.ts';

const TYPES = { INT64: 'bigint', STRING: 'longtext' } as const;
const HOST = "'127.0.0.1'";

/** Every type has boundaries of its own in mysql-type-cases.ts; these are those that a source of any kind has. */
const VALUES = `SET sql_mode = '';
  CREATE TABLE bounds (n bigint, u bigint unsigned, d decimal(38,9), f double, day date, t timestamp(6) NULL, raw blob, j json);
  INSERT INTO bounds VALUES
    (9223372036854775807, 18446744073709551615, 99999999999999999999999999999.999999999, 1.7976931348623157e308, '9999-12-31',
     '2038-01-19 03:14:07.999999', x'00ff', '{"a": [1, null]}'),
    (-9223372036854775808, 0, -0.000000001, -1, '0001-01-01', '1970-01-01 00:00:01', '', 'null'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE strange (id int, day date, at datetime(6), clock time, n decimal(65,30));
  INSERT INTO strange VALUES (1, '0000-00-00', NULL, NULL, 1), (2, NULL, '2025-00-15 01:02:03', NULL, 2),
    (3, NULL, NULL, '838:59:59', 3), (4, '2026-01-02', '2026-01-02 00:00:00.000001', '23:59:59', 4),
    (5, NULL, NULL, NULL, 0.${'1'.repeat(30)})`;

const CASES: readonly ValueCase[] = [
  {
    name: 'the least and the greatest',
    object: { table: 'src.bounds' },
    columns: [
      ['n', 'INT64'],
      ['u', 'NUMERIC(20,0)'],
      ['d', 'NUMERIC(38,9)'],
      ['f', 'FLOAT64'],
      ['day', 'DATE'],
      ['t', 'TIMESTAMP'],
      ['raw', 'BYTES'],
      ['j', 'JSON'],
    ],
    rows: [
      [
        ...['-9223372036854775808', '0', '-0.000000001', '-1.0'],
        ...['0001-01-01', '1970-01-01 00:00:01+00', '', 'null'],
      ],
      [
        ...['9223372036854775807', '18446744073709551615', '99999999999999999999999999999.999999999'],
        ...['1.7976931348623157e+308', '9999-12-31', '2038-01-19 03:14:07.999999+00', '\\x00\\xFF', '{"a": [1, null]}'],
      ],
      [null, null, null, null, null, null, null, null],
    ],
  },
  {
    name: 'values that no type holds',
    object: { table: 'src.strange' },
    columns: [
      ['id', 'INT64'],
      ['day', 'DATE'],
      ['at', 'DATETIME'],
      ['clock', 'TIME'],
      ['n', 'BIGNUMERIC(65,30)'],
    ],
    rows: [['4', '2026-01-02', '2026-01-02 00:00:00.000001', '23:59:59', `4.${'0'.repeat(19)}`]],
    rejected: 4,
    nullified: [
      ['1', null, null, null, `1.${'0'.repeat(19)}`],
      ['2', null, null, null, `2.${'0'.repeat(19)}`],
      ['3', null, null, null, `3.${'0'.repeat(19)}`],
      ['4', '2026-01-02', '2026-01-02 00:00:00.000001', '23:59:59', `4.${'0'.repeat(19)}`],
      ['5', null, null, null, null],
    ],
  },
];

export async function startMysqlSource(): Promise<SourceFixture> {
  const server = await startMysql();
  const client = await server.client({ timezone: 'Z' });
  await client.query(`SET time_zone = '+00:00';
    CREATE TABLE people (id int PRIMARY KEY, name text, email text, at timestamp(6) NULL, amount decimal(12,2));
    CREATE TABLE \`empty\` (id int, name text); CREATE TABLE lobby (id int);
    CREATE TABLE \`Größe "x".y\` (\`Id\` int, \`zażółć\` text, \`select\` int);
    INSERT INTO \`Größe "x".y\` VALUES (1, 'ß🙂', 2);
    CREATE TABLE many (id int, note text);
    INSERT INTO many SELECT seq, CONCAT(REPEAT('n', seq % 50), seq) FROM ${series(1, 50_000)}; ANALYZE TABLE many;
    CREATE USER guest@${HOST} IDENTIFIED BY 'guest'; GRANT SELECT ON src.lobby TO guest@${HOST}; ${VALUES}`);
  for (const [id, name, email, at, amount] of PEOPLE) {
    await client.query('INSERT INTO people VALUES (?, ?, ?, ?, ?)', [
      id,
      name,
      email,
      at?.replace('+00', '') ?? null,
      amount,
    ]);
  }
  const { host, port, database, user, password } = server;
  const connection: ConnectionOf<'mysql'> = {
    ...{ kind: 'mysql', tls: 'disable', secret: 'main' },
    ...{ host, port, database, user },
  };
  const quoted = (name: string) => `\`${name.replaceAll('`', '``')}\``;
  const rights: string[] = [];
  return {
    people: { table: 'src.people' },
    empty: { table: 'src.empty' },
    odd: { table: 'src.`Größe "x".y`' },
    many: { table: 'src.many' },
    missing: { table: 'src.peple' },
    query: { query: 'SELECT id, name FROM people WHERE id > 2' },
    values: CASES,
    longestName: { object: 64, column: 64 },
    elsewhere: { connection, secret: password },
    open: async (as = 'owner') =>
      openMysql({
        tenant: 'acme',
        name: 'main',
        connection: as === 'owner' ? connection : { ...connection, user: 'guest' },
        secrets: { get: async () => (as === 'owner' ? password : 'guest') },
      }),
    write: async () => {
      await client.query(`INSERT INTO many SELECT seq, 'new' FROM ${series(100_001, 101_000)}`);
      await client.query(`UPDATE many SET note = CONCAT(note, '!') WHERE id % 500 = 0`);
      await client.query('DELETE FROM many WHERE id % 501 = 0 AND id < 50001');
    },
    make: async ({ name, columns, rows }: WantedObject) => {
      const table = `src.${quoted(name)}`;
      const list = columns.map((column) => `${quoted(column.name)} ${TYPES[column.kind]}`);
      await client.query(`DROP TABLE IF EXISTS ${table}; CREATE TABLE ${table} (${list.join(', ')})`);
      const places = columns.map(() => '?').join(', ');
      for (const row of rows) await client.query(`INSERT INTO ${table} VALUES (${places})`, [...row]);
      return { table };
    },
    fill: async (rows, bytes) => {
      const table = `src.filled_${rows}_${bytes}`;
      const note = `LEFT(REPEAT(SHA2(seq, 256), ${Math.ceil(bytes / 64)}), ${bytes})`;
      await client.query(`DROP TABLE IF EXISTS ${table};
        CREATE TABLE ${table} (id bigint, note longtext CHARACTER SET ascii);
        INSERT INTO ${table} SELECT seq, ${note} FROM ${series(1, rows)}`);
      return { table };
    },
    cut: async () => {
      const [found] = await client.query(
        "SELECT id FROM information_schema.processlist WHERE id <> connection_id() AND user IN ('owner', 'guest')",
      );
      for (const { id } of found as { id: number }[])
        await client.query(`KILL CONNECTION ${id}`).catch(() => undefined);
    },
    allow: async (what) => {
      for (const right of rights.splice(0)) await client.query(`REVOKE ${right} ON src.people FROM guest@${HOST}`);
      const wanted = { all: 'SELECT', columns: 'SELECT (id, name)', nothing: null }[what];
      if (wanted === null) return;
      await client.query(`GRANT ${wanted} ON src.people TO guest@${HOST}`);
      rights.push(wanted);
    },
    async [Symbol.asyncDispose]() {
      await client.end();
      await server.stop();
    },
  };
}
