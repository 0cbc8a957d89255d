import { openPostgres } from '../../../runner/sources/postgres/index.ts';
import { PEOPLE, type SourceFixture, sourceSuite } from '../../contracts/source.ts';
import { startPostgres } from '../../servers/postgres.ts';

async function start(): Promise<SourceFixture> {
  const server = await startPostgres();
  const client = await server.client();
  await client.query(`CREATE TABLE people (id int PRIMARY KEY, name text, email text, at timestamptz, amount numeric(12,2));
    CREATE TABLE empty (id int, name text); CREATE TABLE "Größe ""x"".y" ("Id" int, "zażółć" text, "select" int);
    INSERT INTO "Größe ""x"".y" VALUES (1, 'ß🙂', 2);
    CREATE TABLE many AS SELECT g AS id, repeat('n', g % 50) || g AS note FROM generate_series(1, 50000) g;
    ANALYZE many; CREATE ROLE guest LOGIN PASSWORD 'guest'`);
  for (const row of PEOPLE) await client.query('INSERT INTO people VALUES ($1, $2, $3, $4, $5)', [...row]);
  return {
    people: { table: 'public.people' },
    empty: { table: 'public.empty' },
    odd: { table: 'public."Größe ""x"".y"' },
    many: { table: 'public.many' },
    missing: { table: 'public.peple' },
    query: { query: 'SELECT id, name FROM people WHERE id > 2' },
    open: async (user = 'owner') => {
      const owner = user === 'owner';
      const { host, port, database } = server;
      return openPostgres({
        tenant: 'acme',
        name: 'main',
        connection: {
          ...{ kind: 'postgres', host, port, database, tls: 'disable', secret: 'main' },
          user: owner ? server.user : 'guest',
        },
        secrets: { get: async () => (owner ? server.password : 'guest') },
      });
    },
    write: async () => {
      await client.query(`INSERT INTO many SELECT g, 'new' FROM generate_series(100001, 101000) g`);
      await client.query(`UPDATE many SET note = note || '!' WHERE id % 500 = 0`);
      await client.query('DELETE FROM many WHERE id % 501 = 0 AND id < 50001');
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

sourceSuite('PostgreSQL', start);
