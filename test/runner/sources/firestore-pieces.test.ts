/** Firestore in the suite of all sources that can be divided: parted by the server, and by counts where it cannot. */
import { randomBytes } from 'node:crypto';
import { openFirestore } from '../../../runner/sources/firestore/index.ts';
import { type SplitsFixture, splitsSuite } from '../../contracts/source-splits.ts';
import { type FirestoreServer, type PutDocument, startFirestore } from '../../servers/firestore.ts';
import { startPartitioning } from '../../servers/firestore-partitions.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { integer, text, time } from './firestore-loading.ts';

const ORDERS = 600;
const SHOPS = 12;
const BEGIN = Date.UTC(2026, 0, 1);
const moment = (i: number) => new Date(BEGIN + i * i * 60_000).toISOString();

function* orders(): Generator<PutDocument> {
  for (let i = 0; i < ORDERS; i++) {
    const known = i % 10 === 0 ? {} : { at: time(moment(i)) };
    const path = `orders/${i % 30 === 0 ? `ż-${i}` : `order-${i}`}`;
    yield { path, fields: { n: integer(i), note: text('n'.repeat(i % 40)), ...known } };
  }
  for (let shop = 0; shop < SHOPS; shop++)
    for (let i = 0; i < 40; i++) yield { path: `shops/s-${shop}/items/i${i}`, fields: { n: integer(i) } };
  yield { path: 'single/one', fields: { n: integer(1) } };
}

async function start(server: FirestoreServer): Promise<SplitsFixture> {
  const project = `t-${randomBytes(5).toString('hex')}`;
  await server.put(project, orders());
  const partitioning = await startPartitioning(server.host);
  let written = 0;
  const writeTo = (collection: string) => async () => {
    written += 1;
    await server.put(project, [
      { path: `${collection}/new-${written}`, fields: { n: integer(-1), at: time(moment(60)) } },
      { path: `${collection}/order-${written}`, fields: { n: integer(-1) } },
    ]);
  };
  const unity = 'read-time';
  const names = ['_document_path', 'n', 'note', 'at'];
  const inOrders = {
    object: { collection: 'orders' },
    unity,
    names,
    write: writeTo('orders'),
    most: 4,
    least: 3,
  } as const;
  const group = {
    object: { collectionGroup: 'items' },
    unity,
    write: writeTo('shops/s-1/items'),
    most: 5,
    least: 4,
  } as const;
  const none = { object: { collection: 'empty' }, unity, write: writeTo('empty'), most: 5, least: 1 } as const;
  return {
    open: async () => {
      process.env.FIRESTORE_EMULATOR_HOST = partitioning.host;
      const connection = { kind: 'firestore', project, database: '(default)' } as const;
      const request = { tenant: 'acme', name: 'main', connection, secrets: { get: async () => '' } };
      return openFirestore(request, { splitDocuments: 50 });
    },
    cases: [
      { ...inOrders, name: 'a collection', rows: ORDERS },
      { ...inOrders, name: 'a window', cursor: 'at', from: moment(50) },
      {
        ...inOrders,
        name: 'a window from the first on, with those that have no cursor',
        cursor: 'at',
        nullCursors: true,
      },
      { ...group, name: 'a group', rows: SHOPS * 40 },
      { name: 'one document', object: { collection: 'single' }, unity, most: 5, least: 1, rows: 1 },
      { ...none, name: 'no document', rows: 0 },
    ],
    refused: [],
    [Symbol.asyncDispose]: () => partitioning[Symbol.asyncDispose](),
  };
}

describeWith(['firestore'], 'Firestore in pieces', () => {
  splitsSuite(
    'Firestore',
    async () => {
      const server = await startFirestore();
      const fixture = await start(server);
      const dispose = async () => {
        await fixture[Symbol.asyncDispose]();
        await server.stop();
      };
      return { ...fixture, [Symbol.asyncDispose]: dispose };
    },
    {
      cases: [
        ...['a collection', 'a window', 'a window from the first on, with those that have no cursor'],
        ...['a group', 'one document', 'no document'],
      ],
      connectionless: 'a piece is a read time and a range, and connects when it is read',
    },
  );
});
