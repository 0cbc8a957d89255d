/** BigQuery for the suite of sources: a project of data, and another that pays. */
import { randomBytes } from 'node:crypto';
import { quoteText } from '../../../runner/bigquery/sql.ts';
import { openBigquerySource } from '../../../runner/sources/bigquery/index.ts';
import { PEOPLE, type SourceFixture, type ValueCase, type WantedObject } from '../../contracts/source-fixture.ts';
import { startBigquery } from '../../servers/bigquery.ts';
import { openConsole } from './bigquery-console.ts';

const PROJECT = 'shop-data';
const BILLED = 'acme-data';

const BOUNDS = `CREATE TABLE shop.bounds (n INT64, d NUMERIC, f FLOAT64, b BOOL, day DATE, clock TIME, dt DATETIME, t TIMESTAMP,
    raw BYTES, j JSON, tags ARRAY<STRING>, s STRUCT<a INT64, b ARRAY<STRUCT<c STRING>>>);
  INSERT INTO shop.bounds VALUES
    (9223372036854775807, NUMERIC '99999999999999999999999999999.999999999', 1.7976931348623157e308, TRUE, DATE '9999-12-31',
     TIME '23:59:59.999999', DATETIME '9999-12-31 23:59:59.999999', TIMESTAMP '9999-12-31 23:59:59.999999+00', FROM_HEX('00ff'),
     JSON '{"a": [1, null]}', ['x', 'y"'], STRUCT(1, [STRUCT('z')])),
    (-9223372036854775808, NUMERIC '-0.000000001', -1.5, FALSE, DATE '0001-01-01', TIME '00:00:00', DATETIME '0001-01-01 00:00:00',
     TIMESTAMP '0001-01-01 00:00:00+00', FROM_HEX(''), JSON 'null', [], STRUCT(NULL, []));
  INSERT INTO shop.bounds (n, tags) VALUES (NULL, [])`;

const CASES: readonly ValueCase[] = [
  {
    name: 'the least and the greatest',
    object: { table: 'shop.bounds' },
    columns: [
      ['n', 'INT64'],
      ['d', 'NUMERIC'],
      ['f', 'FLOAT64'],
      ['b', 'BOOL'],
      ['day', 'DATE'],
      ['clock', 'TIME'],
      ['dt', 'DATETIME'],
      ['t', 'TIMESTAMP'],
      ['raw', 'BYTES'],
      ['j', 'JSON'],
      ['tags', 'ARRAY<STRING>'],
      ['s', 'JSON'],
    ],
    rows: [
      [
        ...['-9223372036854775808', '-0.000000001', '-1.5', 'false', '0001-01-01', '00:00:00', '0001-01-01 00:00:00'],
        ...['0001-01-01 00:00:00+00', '', 'null', '[]', '{"a":null,"b":[]}'],
      ],
      [
        ...['9223372036854775807', '99999999999999999999999999999.999999999', '1.7976931348623157e+308', 'true'],
        ...['9999-12-31', '23:59:59.999999', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59.999999+00'],
        ...['\\x00\\xFF', '{"a":[1,null]}', `[x, 'y"']`, '{"a":1,"b":[{"c":"z"}]}'],
      ],
      [null, null, null, null, null, null, null, null, null, null, '[]', null],
    ],
  },
];

export async function startBigquerySource(): Promise<SourceFixture> {
  const server = await startBigquery();
  const owner = openConsole(server.host, PROJECT);
  const type = { INT64: 'INT64', STRING: 'STRING' } as const;
  const literal = (kind: 'INT64' | 'STRING', value: string | null) =>
    value === null ? 'NULL' : kind === 'INT64' ? value : quoteText(value);
  const quote = (name: string) => `\`${name}\``;
  await owner.dataset(PROJECT, 'shop');
  await owner.run(`CREATE TABLE shop.people (id INT64 NOT NULL, name STRING, email STRING, at TIMESTAMP, amount NUMERIC(12,2), PRIMARY KEY (id) NOT ENFORCED);
    CREATE TABLE shop.empty (id INT64, name STRING);
    CREATE TABLE shop.\`Größe x-y\` (\`Id\` INT64, \`zażółć\` STRING, \`select\` INT64);
    INSERT INTO shop.\`Größe x-y\` VALUES (1, 'ß🙂', 2);
    CREATE TABLE shop.many AS SELECT g AS id, CONCAT(REPEAT('n', MOD(g, 50)), CAST(g AS STRING)) AS note FROM UNNEST(GENERATE_ARRAY(1, 50000)) AS g;
    INSERT INTO shop.people VALUES ${PEOPLE.map(([id, name, email, at, amount]) => `(${id}, ${literal('STRING', name)}, ${literal('STRING', email)}, ${at === null ? 'NULL' : `TIMESTAMP '${at}'`}, ${amount === null ? 'NULL' : `NUMERIC '${amount}'`})`).join(', ')};
    ${BOUNDS}`);
  const connection = { kind: 'bigquery', project: PROJECT, location: 'US' } as const;
  return {
    people: { table: 'shop.people' },
    empty: { table: 'shop.empty' },
    odd: { table: 'shop.Größe x-y' },
    many: { table: 'shop.many' },
    missing: { table: 'shop.peple' },
    query: { query: `SELECT id, name FROM \`${PROJECT}.shop.people\` WHERE id > 2` },
    values: CASES,
    refused: { object: /[^\p{L}\p{M}\p{N}\p{Pc}\p{Pd} ]/u, column: /[!"$()*,./;?@[\\\]^`{}~]/ },
    longestName: { object: 200, column: 300 },
    elsewhere: {
      connection,
      environment: {
        GOOGLE_CLOUD_PROJECT: BILLED,
        BIGQUERY_EMULATOR_HOST: server.host,
        BIGQUERY_STORAGE_EMULATOR_HOST: server.grpc,
      },
    },
    open: async () =>
      openBigquerySource(
        {
          ...{ tenant: 'acme', name: 'shop', connection },
          cloud: { project: BILLED, location: 'US' },
          secrets: { get: () => Promise.reject(new Error('BigQuery has no secret')) },
        },
        {
          endpoint: server.host,
          storage: server.grpc,
          budget: { attempts: 3, seconds: 5, firstMs: 50, longestMs: 500 },
        },
      ),
    write: async () => {
      await owner.run(`INSERT INTO shop.many SELECT g, 'new' FROM UNNEST(GENERATE_ARRAY(100001, 101000)) AS g`);
      await owner.run(`UPDATE shop.many SET note = CONCAT(note, '!') WHERE MOD(id, 500) = 0`);
      await owner.run('DELETE FROM shop.many WHERE MOD(id, 501) = 0 AND id < 50001');
    },
    make: async ({ name, columns, rows }: WantedObject) => {
      const table = `shop.${quote(name)}`;
      await owner.run(
        `CREATE TABLE ${table} (${columns.map((column) => `${quote(column.name)} ${type[column.kind]}`).join(', ')})`,
      );
      const values = rows.map(
        (row) => `(${row.map((value, i) => literal(columns[i]?.kind ?? 'STRING', value)).join(', ')})`,
      );
      if (rows.length > 0) await owner.run(`INSERT INTO ${table} VALUES ${values.join(', ')}`);
      return { table: `shop.${name}` };
    },
    fill: async (rows, bytes) => {
      const table = `fill_${randomBytes(4).toString('hex')}`;
      const digits = `CONCAT(TO_HEX(MD5(CAST(g AS STRING))), REPEAT('x', ${bytes}))`;
      await owner.run(
        `CREATE TABLE shop.${table} AS SELECT g AS id, SUBSTR(${digits}, 1, ${bytes}) AS note FROM UNNEST(GENERATE_ARRAY(1, ${rows})) AS g`,
      );
      return { table: `shop.${table}` };
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
    },
  };
}
