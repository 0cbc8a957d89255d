/** A collection group that the server parts (PartitionQuery), read by several readers. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { compareNames } from '../../../runner/sources/firestore/names.ts';
import { type FirestoreServer, startFirestore } from '../../servers/firestore.ts';
import { type PartitioningFirestore, startPartitioning } from '../../servers/firestore-partitions.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { FirestoreLoading, integer, text } from './firestore-loading.ts';

/** Ids whose order differs where whole names are compared: "-" and "." are less than the "/" behind a shorter one. */
const SHOPS = ['a', 'a b', 'a-b', 'a.b', 'a!', 'ab', 'Z', 'z', 'ż', '🙂', '\uffff', '__id7__', '__id-3__', '__id10__'];
const ORDERS = 60;
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;

describeWith(['firestore'], 'a collection group in partitions', () => {
  let server: FirestoreServer;
  let partitioning: PartitioningFirestore;
  let loading: FirestoreLoading;

  beforeAll(async () => {
    server = await startFirestore();
  }, 60_000);
  afterAll(() => server?.stop());
  beforeEach(async () => {
    partitioning = await startPartitioning(server.host);
    loading = new FirestoreLoading(server);
    loading.host = partitioning.host;
    await loading.put(
      SHOPS.flatMap((shop, s) =>
        Array.from({ length: ORDERS }, (_, i) => ({
          path: `shops/${shop}/orders/${i % 2 === 0 ? `o-${i}` : `o${i}`}`,
          fields: { n: integer(s * ORDERS + i), note: text('n'.repeat(i)) },
        })),
      ),
    );
    await loading.put([{ path: 'orders/top', fields: { n: integer(-1) } }]);
  });
  afterEach(async () => {
    await loading[Symbol.asyncDispose]();
    await partitioning[Symbol.asyncDispose]();
  });

  const all = SHOPS.length * ORDERS + 1;
  const orders = (readers: number) => ({ collectionGroup: 'orders', execution: { readers } });
  const rows = () => loading.query('SELECT _document_path, n, note FROM acme_raw.items ORDER BY ALL');
  const partitions = () => partitioning.asked.filter(({ method }) => method === 'PartitionQuery');
  const stretches = () =>
    partitioning.asked.filter(({ method, request }) => method === 'RunQuery' && request.structuredQuery.where !== null);

  test('several readers read what one reads, each document once, all at one read time', async () => {
    await loading.load(orders(1));
    const single = await rows();
    expect(single).toHaveLength(all);
    expect(partitions()).toEqual([]);
    const { summary } = await loading.load(orders(4));
    expect(summary.rows).toMatchObject({ extracted: all, loaded: all });
    expect(await rows()).toEqual(single);
    // 15 points on pages of 4, and a stretch on each side of a point.
    expect(partitions()).toHaveLength(4);
    expect(partitions().map(({ request }) => request.partitionCount)).toEqual(Array(4).fill('15'));
    expect(stretches()).toHaveLength(16);
    const times = [...partitions(), ...stretches()].map(({ request }) => JSON.stringify(request.readTime));
    expect(new Set(times).size).toBe(1);
    expect(times[0]).toContain('seconds');
  });

  test('points that part badly lose nothing and double nothing', async () => {
    partitioning.pageSize = 3;
    partitioning.choose = (names) =>
      [
        ...[names[0], names[0], names[7], names[7]],
        ...[`${names[7]}-none`, names[8], names.at(-1), `${names.at(-1)}/below/it`].toSorted((a = '', b = '') =>
          compareNames(a, b),
        ),
      ] as string[];
    const { summary } = await loading.load(orders(3));
    expect(summary.rows).toMatchObject({ extracted: all, loaded: all });
    expect(new Set((await rows()).map((row) => row._document_path)).size).toBe(all);
  });

  test('a point that is deleted meanwhile is read as it was', async () => {
    partitioning.choose = async (names) => {
      const gone = names.slice(100, 103);
      for (const name of gone) {
        const answer = await fetch(`http://${server.host}/v1/${name.split('/').map(encodeURIComponent).join('/')}`, {
          method: 'DELETE',
          headers: { authorization: 'Bearer owner' },
        });
        expect(answer.status).toBe(200);
      }
      return gone;
    };
    expect((await loading.load(orders(2))).summary.rows.extracted).toBe(all);
    partitioning.choose = null;
    expect((await loading.load(orders(2))).summary.rows.extracted).toBe(all - 3);
  });

  test('fewer points than readers, and none', async () => {
    partitioning.choose = (names) => names.slice(400, 401);
    expect((await loading.load(orders(4))).summary.rows.loaded).toBe(all);
    partitioning.choose = () => [];
    expect((await loading.load(orders(4))).summary.rows.loaded).toBe(all);
    partitioning.refusals = [UNIMPLEMENTED];
    expect((await loading.load(orders(4))).summary.rows.loaded).toBe(all);
  });

  test('a refusal says what right is missing; what passes is asked again', async () => {
    partitioning.refusals = [PERMISSION_DENIED];
    const refused = await loading.run(orders(2));
    expect(refused.problem).toMatchObject({ code: 'SOURCE_PERMISSION', retryable: false });
    expect(refused.problem?.fix).toContain('roles/datastore.viewer');
    expect(partitions()).toHaveLength(1);
    partitioning.refusals = [UNAVAILABLE, UNAVAILABLE];
    expect((await loading.load(orders(2))).summary.rows.loaded).toBe(all);
    expect(partitioning.refusals).toEqual([]);
    process.env.TRIBUTARY_RETRY_SECONDS = '1';
    partitioning.refusals = Array(50).fill(UNAVAILABLE);
    const { problem } = await loading.run(orders(2));
    delete process.env.TRIBUTARY_RETRY_SECONDS;
    expect(problem).toMatchObject({ code: 'SOURCE_UNREACHABLE', retryable: true });
    expect(await rows()).toHaveLength(all);
  });

  test('names are compared as the server orders them', async () => {
    partitioning.choose = (names) => {
      expect(names).toHaveLength(all);
      expect(names.toSorted(compareNames)).toEqual(names);
      expect(names.toReversed().toSorted(compareNames)).toEqual(names);
      return [];
    };
    await loading.load(orders(2));
    expect(partitions()).toHaveLength(1);
  });
});
