/** Collections read in splits, each as another process would, while somebody writes. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ObjectRef, ReadSpec, Snapshot, Source } from '../../../runner/core/contracts/source.ts';
import type { Split } from '../../../runner/core/contracts/splits.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { batchLayout } from '../../../runner/core/vectors.ts';
import { openFirestore } from '../../../runner/sources/firestore/index.ts';
import { columnsOf, forever, readAll } from '../../contracts/source-reading.ts';
import { type FirestoreServer, type PutDocument, startFirestore } from '../../servers/firestore.ts';
import { type PartitioningFirestore, startPartitioning } from '../../servers/firestore-partitions.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { FirestoreLoading, integer, text, time } from './firestore-loading.ts';

const UNAVAILABLE = 14;
const PERMISSION_DENIED = 7;
const FAILED_PRECONDITION = 9;
const SPLIT_DOCUMENTS = 50;

/** Most ids begin alike; few lie elsewhere. */
const idOf = (i: number) => (i % 20 === 0 ? `${['a', 'Z5', 'ż🙂', '~'][(i / 20) % 4]}-${i}` : `order-2026-${i}`);
const at = (micros: number) => new Date(Date.UTC(2026, 0, 1) + micros / 1000).toISOString().replace('Z', '');
const moment = (micros: number) => `${at(micros)}${String(micros % 1000).padStart(3, '0')}Z`;

describeWith(['firestore'], 'splits of Firestore', () => {
  let server: FirestoreServer;
  let loading: FirestoreLoading;
  let partitioning: PartitioningFirestore;
  beforeAll(async () => {
    server = await startFirestore();
  }, 60_000);
  afterAll(() => server?.stop());
  beforeEach(async () => {
    loading = new FirestoreLoading(server);
    partitioning = await startPartitioning(server.host);
  });
  afterEach(async () => {
    await loading[Symbol.asyncDispose]();
    await partitioning[Symbol.asyncDispose]();
  });

  const open = (host = server.host): Source => {
    process.env.FIRESTORE_EMULATOR_HOST = host;
    const connection = { kind: 'firestore', project: loading.project, database: '(default)' } as const;
    const request = { tenant: 'acme', name: 'app', connection, secrets: { get: async () => '' } };
    return openFirestore(request, { splitDocuments: SPLIT_DOCUMENTS });
  };

  const specOf = async (source: Source, snapshot: Snapshot, object: ObjectRef, more: Partial<ReadSpec> = {}) => {
    const columns = await columnsOf(source, object);
    const layout = batchLayout(snapshot.vectors(columns));
    return { object, columns, window: null, nullCursors: false, layout, maxRejected: 0, ...more } satisfies ReadSpec;
  };

  /** Divides, lets somebody write, and reads the whole and the splits. */
  const compare = async (
    object: ObjectRef,
    most: number,
    more: Partial<ReadSpec> = {},
    { host = server.host, write = async () => undefined as unknown } = {},
  ) => {
    await using source = open(host);
    const { snapshot } = await source.open({ object }, forever);
    await using _ = snapshot;
    const spec = await specOf(source, snapshot, object, more);
    const splits = (await snapshot.divide?.(spec, most, forever)) ?? [];
    await write();
    const { window, nullCursors, columns } = spec;
    const reading = { columns, nullCursors, ...(window === null ? {} : { window }) };
    const whole = await readAll(snapshot, object, reading);
    const parts = await Promise.all(splits.map((split) => readSplit(split, object, reading, host)));
    expect(parts.flatMap(({ rows }) => rows).sort(byText)).toEqual(whole.rows.toSorted(byText));
    expect(splits.map(({ id }) => id)).toEqual(splits.map((_, i) => String(i).padStart(5, '0')));
    return { splits, sizes: parts.map(({ summary }) => summary.extracted), whole: whole.rows.length };
  };

  const readSplit = async (
    { task }: Split,
    object: ObjectRef,
    reading: Parameters<typeof readAll>[2],
    host = server.host,
  ) => {
    await using other = open(host);
    const split = await other.openSplit?.(object, JSON.parse(JSON.stringify(task)), forever);
    if (split === undefined) throw new Error('no splits');
    await using _ = split;
    return await readAll(split, object, reading);
  };

  const put = (count: number, fields: (i: number) => PutDocument['fields'], folder = 'items') =>
    loading.put(Array.from({ length: count }, (_, i) => ({ path: `${folder}/${idOf(i)}`, fields: fields(i) })));

  /** Adds, changes and deletes. */
  const writeTo = (count: number) => async () => {
    await put(30, () => ({ n: integer(-1) }), 'items');
    await loading.put(Array.from({ length: 100 }, (_, i) => ({ path: `items/order-new-${i}`, fields: {} })));
    for (let i = count - 20; i < count; i++) {
      const path = `projects/${loading.project}/databases/(default)/documents/items/${idOf(i)}`;
      const url = `http://${server.host}/v1/${path.split('/').map(encodeURIComponent).join('/')}`;
      const { status } = await fetch(url, { method: 'DELETE', headers: { authorization: 'Bearer owner' } });
      expect(status).toBe(200);
    }
  };

  test('one collection by counts: ids that begin alike, others elsewhere, a writer meanwhile', async () => {
    await put(1200, (i) => ({ n: integer(i), note: text(`n${i}`) }));
    const { splits, sizes, whole } = await compare({ collection: 'items' }, 6, {}, { write: writeTo(1200) });
    expect(whole).toBe(1200);
    expect(splits.map(({ rows }) => rows)).toEqual(sizes);
    expect(sizes).toHaveLength(6);
    expect(Math.max(...sizes)).toBeLessThan(300);
    expect(Math.min(...sizes)).toBeGreaterThan(100);
  });
  test('a group where the server parts it, and one collection of it', async () => {
    const shops = Array.from({ length: 12 }, (_, s) => `shops/s-${s}/orders`);
    for (const shop of shops) await put(60, (i) => ({ n: integer(i) }), shop);
    await put(400, (i) => ({ n: integer(i) }), 'orders');
    const { host } = partitioning;
    const group = await compare({ collectionGroup: 'orders' }, 5, {}, { host });
    expect(group.whole).toBe(1120);
    expect(group.sizes).toHaveLength(5);
    expect(Math.max(...group.sizes)).toBeLessThan(300);
    expect(partitioning.asked.filter(({ method }) => method === 'PartitionQuery')[0]?.request.partitionCount).toBe(
      '19',
    );
    const top = await compare({ collection: 'orders' }, 4, {}, { host });
    expect(top.sizes).toHaveLength(4);
    expect(top.sizes.reduce((sum, size) => sum + size)).toBe(400);
    // Its points are among others': these are too few, and it is counted.
    const shop = await compare({ collection: 'shops/s-3/orders' }, 2, {}, { host });
    expect(shop.sizes).toHaveLength(2);
    expect(shop.whole).toBe(60);
    // Nothing parts a group without the server.
    const alone = await compare({ collectionGroup: 'orders' }, 5);
    expect(alone.sizes).toEqual([1120]);
  });

  test('a window by its values: a crowd at one moment, and from the first on', async () => {
    const cursor = (i: number) => (i < 200 ? 5_000_000 : i * 7_777_777);
    await put(600, (i) => ({ n: integer(i), at: time(moment(cursor(i))) }));
    const object = { collection: 'items' };
    await loading.put([{ path: 'items/no-time', fields: { at: text('soon') } }]);
    const to = moment(cursor(550));
    const some = await compare(object, 4, { window: { column: 'at', from: moment(5_000_001), to } });
    expect(some.whole).toBe(350);
    expect(some.splits.map(({ rows }) => rows)).toEqual(some.sizes);
    expect(some.sizes).toHaveLength(4);
    const all = await compare(object, 4, { window: { column: 'at', from: null, to } }, { write: writeTo(600) });
    expect(all.whole).toBe(550);
    expect(all.splits.map(({ rows }) => rows)).toEqual(all.sizes);
    // No point lies within one moment.
    expect(Math.max(...all.sizes)).toBeGreaterThanOrEqual(200);
    expect(all.sizes.length).toBeGreaterThan(2);
  });

  test('what passes is asked again; a refusal, an end and what is no task say so', async () => {
    await put(200, (i) => ({ n: integer(i) }), 'shops/a/orders');
    const object = { collectionGroup: 'orders' };
    const { host } = partitioning;
    partitioning.refusals = [UNAVAILABLE, UNAVAILABLE];
    expect((await compare(object, 2, {}, { host })).sizes).toHaveLength(2);
    await using source = open(host);
    const { snapshot, bound } = await source.open({ object }, forever);
    await using _ = snapshot;
    expect(bound).toBeNull();
    expect(await snapshot.divisible?.(object, null)).toMatchObject({
      by: 'read-time',
      reason: expect.stringMatching(/as of 20\d\d-.*Z, which Firestore keeps for an hour$/),
    });
    const spec = await specOf(source, snapshot, object);
    partitioning.refusals = [PERMISSION_DENIED];
    const refused = await snapshot.divide?.(spec, 2, forever).catch(problemOf);
    expect(refused).toMatchObject({ code: 'SOURCE_PERMISSION', retryable: false });
    const stopped = new AbortController();
    stopped.abort(new Error('enough'));
    await expect(snapshot.divide?.(spec, 2, stopped.signal)).rejects.toThrow('enough');
    for (const task of [null, 'a', {}, { readTime: { seconds: 1, nanos: 0 }, range: { from: 1, to: null } }])
      expect(await source.openSplit?.(object, task, forever).catch(problemOf)).toMatchObject({ code: 'SPLIT_LOST' });
  });

  test('a read time that is not kept any more: the split is lost, when it is opened and when it is read', async () => {
    await put(100, (i) => ({ n: integer(i) }));
    const object = { collection: 'items' };
    await using source = open(partitioning.host);
    const { snapshot } = await source.open({ object }, forever);
    await using _ = snapshot;
    const spec = await specOf(source, snapshot, object);
    const [split] = (await snapshot.divide?.(spec, 2, forever)) ?? [];
    const seconds = Math.floor(Date.now() / 1000) - 8 * 24 * 3600;
    const task = { ...(split?.task as object), readTime: { seconds, nanos: 0 } };
    const lost = { code: 'SPLIT_LOST', detail: expect.stringContaining('items') };
    expect(await source.openSplit?.(object, task, forever).catch(problemOf)).toMatchObject(lost);
    await using kept = (await source.openSplit?.(object, split?.task, forever)) as Snapshot;
    // As Google says it: the emulator keeps more than an hour.
    partitioning.refuse = () => ({ code: FAILED_PRECONDITION, details: 'The requested snapshot version is too old.' });
    expect(await readAll(kept, object, { columns: spec.columns }).catch(problemOf)).toMatchObject(lost);
    partitioning.refuse = () => ({ code: FAILED_PRECONDITION, details: 'The query requires an index.' });
    expect(await readAll(kept, object, { columns: spec.columns }).catch(problemOf)).toMatchObject({
      code: 'SOURCE_QUERY_INVALID',
    });
    let failures = 2;
    partitioning.refuse = () => (failures-- > 0 ? { code: UNAVAILABLE, details: 'as the test wants it' } : null);
    expect((await readAll(kept, object, { columns: spec.columns })).summary.extracted).toBe(split?.rows);
    expect(failures).toBeLessThan(0);
  });
});

function byText(a: readonly (string | null)[], b: readonly (string | null)[]): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
