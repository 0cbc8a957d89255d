/** Several readers of one collection in whole runs of the command, one of them killed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCommand } from '../../faults/command.ts';
import { type FirestoreServer, startFirestore } from '../../servers/firestore.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { FirestoreLoading, integer, text } from './firestore-loading.ts';

const READERS = 4;
const DOCUMENTS = 15_000;
const NOTE = 'n'.repeat(300);
/** Most names begin alike; few lie elsewhere, so that parts are of very different sizes. */
const nameOf = (i: number) => (i % 10 === 0 ? `${['a', 'Z5', 'ż🙂'][i % 3]}-${i}` : `order-${i}`);

describeWith(['firestore'], 'several readers of a collection', () => {
  let server: FirestoreServer;
  beforeAll(async () => {
    server = await startFirestore();
  }, 60_000);
  afterAll(() => server?.stop());

  test('a killed run commits nothing, the next one reads each document once', { timeout: 300_000 }, async () => {
    await using loading = new FirestoreLoading(server);
    const fields = (i: number) => ({ n: integer(i), note: text(NOTE) });
    await loading.put(Array.from({ length: DOCUMENTS }, (_, i) => ({ path: `items/${nameOf(i)}`, fields: fields(i) })));
    const tenant = {
      tenant: 'acme',
      connections: { app: { kind: 'firestore', project: loading.project } },
      sources: {
        items: {
          ...{ connection: 'app', collection: 'items', load: { strategy: 'catalog' } },
          execution: { readers: READERS },
        },
      },
    };
    mkdirSync(join(loading.folder, 'tenants'));
    writeFileSync(join(loading.folder, 'tenants', 'acme.yaml'), JSON.stringify(tenant));
    const words = ['run', 'acme', 'items', '--json', '--warehouse', 'duckdb:warehouse.duckdb'];
    const environment = { FIRESTORE_EMULATOR_HOST: server.host };
    const options = { folder: loading.folder, words, environment, seconds: 80 };
    const killed = startCommand(options);
    await killed.event(({ type, data }) => type === 'progress' && Number(data?.rows) > 0);
    killed.child.kill('SIGKILL');
    expect((await killed.ended).json).toEqual({});
    const tables = await loading.query("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'acme_raw'");
    expect(tables.map(({ table_name }) => table_name)).not.toContain('items');
    for (let round = 0; round < 2; round++) {
      const { json, stderr } = await startCommand(options).ended;
      expect(json, stderr).toMatchObject({ status: 'succeeded', rows: { extracted: DOCUMENTS, loaded: DOCUMENTS } });
      const [found] = await loading.query(
        `SELECT count(*)::INT AS rows, count(DISTINCT n)::INT AS n, count(DISTINCT document_id)::INT AS names,
           min(length(note))::INT AS least, max(length(note))::INT AS most FROM acme_raw.items`,
      );
      expect(found).toEqual({
        ...{ rows: DOCUMENTS, n: DOCUMENTS, names: DOCUMENTS },
        ...{ least: NOTE.length, most: NOTE.length },
      });
    }
  });
});
