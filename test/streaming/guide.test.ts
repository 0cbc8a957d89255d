/** Settings, SQL and files of docs/streaming.md, on the servers and the checks that they are written for. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseTenant } from '../../tenants/load.ts';
import { brand, type MysqlServer, startMysql } from '../servers/mysql.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { describeWith } from '../setup/describe-with.ts';
import { blocks, settings, statements } from './guide.ts';

const PASSWORD = 'the value of the secret';

describe('the files of the guide', () => {
  test.each(blocks('yaml').map((text, i) => [i, text] as const))('file %i passes its check', (_, text) => {
    expect(parseTenant(text, 'tenants/acme.yaml').errors).toEqual([]);
  });

  test('both kinds are shown', () => {
    expect(blocks('yaml').map((text) => /kind: (datastream|pubsub)/.exec(text)?.[1])).toEqual(['datastream', 'pubsub']);
  });
});

describeWith(['postgres'], 'the guide on PostgreSQL', () => {
  const [configuration = ''] = blocks('ini', '### PostgreSQL');
  const [setUp = '', look = '', cleanUp = ''] = blocks('sql', '### PostgreSQL');
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ settings: { ...settings(configuration), synchronous_commit: 'on' } });
  });
  afterAll(() => server.stop());

  test('what it sets up, a login reads changes by, and what it takes away is gone', async () => {
    const owner = await server.client();
    await owner.query('CREATE TABLE public.orders (id int PRIMARY KEY, total numeric)');
    await owner.query('CREATE TABLE public.customers (name text)');
    await owner.query('CREATE TABLE public.salaries (name text)');
    for (const statement of statements(setUp)) await owner.query(statement);
    await owner.query("INSERT INTO public.orders VALUES (1, 9.5); INSERT INTO public.customers VALUES ('Ada')");
    await owner.query("INSERT INTO public.salaries VALUES ('nobody may see this')");
    await owner.query("UPDATE public.customers SET name = 'Ada L.'; DELETE FROM public.orders");

    const reader = await server.client({ user: 'datastream', password: PASSWORD });
    const peek = `SELECT get_byte(data, 0) AS kind, data FROM pg_logical_slot_peek_binary_changes('tributary_acme', NULL, NULL, 'proto_version', '1', 'publication_names', 'tributary')`;
    const { rows } = await reader.query<{ kind: number; data: Buffer }>(peek);
    const kinds = rows.map(({ kind }) => String.fromCharCode(kind)).filter((kind) => 'IUD'.includes(kind));
    expect(kinds).toEqual(['I', 'I', 'U', 'D']);
    expect(Buffer.concat(rows.map(({ data }) => data)).includes('nobody may see this')).toBe(false);
    expect((await reader.query('SELECT name FROM public.customers')).rows).toEqual([{ name: 'Ada L.' }]);
    await expect(reader.query('SELECT * FROM public.salaries')).rejects.toThrow(/permission denied/);
    await expect(reader.query('DELETE FROM public.customers')).rejects.toThrow(/permission denied/);
    await reader.end();

    const held = await owner.query<{ slot_name: string; held_back: string }>(look);
    expect(held.rows).toEqual([{ slot_name: 'tributary_acme', active: false, held_back: expect.stringMatching(/\d/) }]);
    for (const statement of statements(cleanUp)) await owner.query(statement);
    expect((await owner.query(look)).rows).toEqual([]);
    expect((await owner.query('SELECT 1 FROM pg_publication')).rows).toEqual([]);
    await owner.end();
  });

  test('a slot without a publication fails at its first change, so the order of the guide counts', async () => {
    const [publication = '', slot = ''] = statements(setUp);
    expect([publication, slot].map((statement) => statement.split(' ')[1])).toEqual([
      'PUBLICATION',
      expect.stringContaining('pg_create_logical_replication_slot'),
    ]);
    const owner = await server.client();
    await owner.query("SELECT pg_create_logical_replication_slot('too_early', 'pgoutput')");
    await owner.query('CREATE TABLE early (id int PRIMARY KEY); INSERT INTO early VALUES (1)');
    await owner.query('CREATE PUBLICATION late FOR TABLE early');
    const read = `SELECT count(*) FROM pg_logical_slot_get_binary_changes('too_early', NULL, NULL, 'proto_version', '1', 'publication_names', 'late')`;
    await expect(owner.query(read)).rejects.toThrow(/publication "late" does not exist/);
    await owner.query("SELECT pg_drop_replication_slot('too_early')");
    await owner.end();
  });
});

describeWith(['mariadb'], `the guide on ${brand}`, () => {
  const [log = '', gtid = ''] = blocks('ini', '### MySQL');
  const [setUp = ''] = blocks('sql', '### MySQL');
  let server: MysqlServer;
  beforeAll(async () => {
    server = await startMysql({ primary: true, settings: settings(brand === 'MySQL' ? `${log}\n${gtid}` : log) });
  });
  afterAll(() => server.stop());

  test('the log holds whole rows, and the login of the guide reads it and no other table', async () => {
    const owner = await server.client();
    await owner.query('CREATE DATABASE erp');
    await owner.query('CREATE DATABASE payroll');
    await owner.query('CREATE TABLE erp.invoices (id int PRIMARY KEY, total int, note varchar(40))');
    await owner.query('CREATE TABLE payroll.salaries (id int)');
    for (const statement of statements(setUp)) await owner.query(statement);
    await owner.query("INSERT INTO erp.invoices VALUES (1, 5, 'the note that did not change')");
    await owner.query('UPDATE erp.invoices SET total = 6');
    const [variables] = await owner.query('SHOW VARIABLES LIKE "binlog_%"');
    const shown = Object.fromEntries(
      (variables as { Variable_name: string; Value: string }[]).map((row) => [row.Variable_name, row.Value]),
    );
    expect(shown).toMatchObject({
      binlog_format: 'ROW',
      binlog_row_image: 'FULL',
      binlog_expire_logs_seconds: '604800',
    });
    await owner.end();

    const reader = await server.client({ user: 'datastream', password: PASSWORD, database: 'erp' });
    const [logs] = await reader.query('SHOW BINARY LOGS');
    const newest = (logs as { Log_name: string }[]).at(-1)?.Log_name ?? '';
    const [events] = await reader.query(`SHOW BINLOG EVENTS IN '${newest}'`);
    const types = (events as { Event_type: string }[]).map(({ Event_type }) =>
      Event_type.replace(/_compressed|_v1/, ''),
    );
    expect(types).toEqual(
      expect.arrayContaining([expect.stringMatching(/^Write_rows/), expect.stringMatching(/^Update_rows/)]),
    );
    expect((await reader.query('SELECT total FROM invoices'))[0]).toEqual([{ total: 6 }]);
    await expect(reader.query('SELECT * FROM payroll.salaries')).rejects.toThrow(/denied/);
    await expect(reader.query('DELETE FROM invoices')).rejects.toThrow(/denied/);
    await reader.end();
  });
});
