/** A stream of the Storage Read API that breaks is taken up where it was. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Source } from '../../../runner/core/contracts/source.ts';
import { openBigquerySource } from '../../../runner/sources/bigquery/index.ts';
import { columnsOf, forever, readAll } from '../../contracts/source-reading.ts';
import { type BigqueryServer, startBigquery } from '../../servers/bigquery.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { openConsole } from './bigquery-console.ts';

const ROWS = 400;
const BYTES = 50_000;

describeWith(['emulators'], 'streams of BigQuery', () => {
  let server: BigqueryServer;
  let wire: Server;
  let source: Source;
  /** Bytes from the server after which each connection is cut, as long as there are any. */
  const cuts: number[] = [];
  let cut = 0;

  beforeAll(async () => {
    server = await startBigquery();
    wire = createServer((client) => forward(client));
    await new Promise<void>((done) => wire.listen(0, '127.0.0.1', done));
    const console_ = openConsole(server.host, 'shop-data');
    await console_.dataset('shop-data', 'shop');
    const note = `SUBSTR(CONCAT(TO_HEX(MD5(CAST(g AS STRING))), REPEAT('x', ${BYTES})), 1, ${BYTES})`;
    await console_.run(
      `CREATE TABLE shop.long AS SELECT g AS id, ${note} AS note FROM UNNEST(GENERATE_ARRAY(1, ${ROWS})) AS g`,
    );
    const address = wire.address() as { port: number };
    source = openBigquerySource(
      {
        ...{ tenant: 'acme', name: 'shop', cloud: { project: 'acme-data', location: 'US' } },
        connection: { kind: 'bigquery', project: 'shop-data' },
        secrets: { get: () => Promise.reject(new Error('BigQuery has no secret')) },
      },
      {
        ...{ endpoint: server.host, storage: `127.0.0.1:${address.port}` },
        budget: { attempts: 8, seconds: 30, firstMs: 20, longestMs: 200 },
      },
    );
  });

  function forward(client: Socket): void {
    const [host = '', port] = server.grpc.split(':');
    const upstream = connect(Number(port), host);
    let passed = 0;
    upstream.on('data', (bytes) => {
      passed += bytes.length;
      const limit = cuts[0];
      if (limit !== undefined && passed > limit) {
        cuts.shift();
        cut += 1;
        client.destroy();
        upstream.destroy();
      } else if (!client.write(bytes)) {
        upstream.pause();
        client.once('drain', () => upstream.resume());
      }
    });
    client.pipe(upstream);
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    upstream.once('close', () => client.destroy());
    client.once('close', () => upstream.destroy());
  }

  afterAll(async () => {
    await source?.[Symbol.asyncDispose]();
    wire?.close();
    await server?.[Symbol.asyncDispose]();
  });

  test('each row comes once, whatever the number of breaks', async () => {
    const object = { table: 'shop.long' };
    const columns = await columnsOf(source, object);
    const { snapshot } = await source.open({ object }, forever);
    await using _ = snapshot;
    cuts.push(3_000_000, 5_000_000, 1_000_000);
    const { rows, summary } = await readAll(snapshot, object, {
      columns,
      look: 'count(*)::VARCHAR, count(DISTINCT id)::VARCHAR, count(DISTINCT note)::VARCHAR, min(strlen(note))::VARCHAR',
    });
    expect(cut).toBe(3);
    expect(rows).toEqual([[`${ROWS}`, `${ROWS}`, `${ROWS}`, `${BYTES}`]]);
    expect(summary.extracted).toBe(ROWS);
  });
});
