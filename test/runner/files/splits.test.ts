/** Objects of real stores in splits, each read as another process would, while somebody replaces one of them. */
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { ReadSpec, Source } from '../../../runner/core/contracts/source.ts';
import type { Split } from '../../../runner/core/contracts/splits.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { batchLayout } from '../../../runner/core/vectors.ts';
import { dealObjects, type FilesTask } from '../../../runner/files/divide.ts';
import { openFiles } from '../../../runner/files/index.ts';
import { filesSchema } from '../../../tenants/schema/files.ts';
import { columnsOf, forever, readAll } from '../../contracts/source-reading.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { startAzureBlobStore } from '../sources/azure-blob-store.ts';
import { startGcsStore } from '../sources/gcs-store.ts';
import { startS3Store } from '../sources/s3-store.ts';

const spec = filesSchema.parse({ prefix: 'sales/', match: '**', format: 'csv', hive: true });
const object = { files: spec };
const lines = (file: number, rows: number) =>
  `id,note\n${Array.from({ length: rows }, (_, i) => `${file * 10_000 + i},"a\nb ü${i}"\n`).join('')}`;
const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

describeWith(['emulators'], 'files in splits', () => {
  test.each([
    ['Amazon S3', startS3Store],
    ['Azure Blob Storage', startAzureBlobStore],
    ['Cloud Storage', startGcsStore],
  ])('%s: together they are the whole, at the versions that were listed', { timeout: 60_000 }, async (_, start) => {
    await using store = await start();
    for (let i = 0; i < 9; i++)
      await store.put(`sales/year=202${i % 3}/f ${i}.csv`, Buffer.from(lines(i, 50 + i * 40)));
    await store.put('sales/year=2020/packed ü.csv.gz', gzipSync(lines(20, 900)));
    await store.put('sales/year=2020/nothing.csv', Buffer.from('id,note\n'));
    const open = (): Source => {
      Object.assign(process.env, store.environment(store.host));
      return openFiles(store.open(store.host), { splitBytes: 100_000 });
    };
    await using source = open();
    const columns = await columnsOf(source, object);
    const { snapshot } = await source.open({ object }, forever);
    const layout = batchLayout(snapshot.vectors(columns));
    const read: ReadSpec = { object, columns, layout, window: null, nullCursors: false, maxRejected: 0 };
    expect(await snapshot.divisible?.(object, null)).toEqual({
      by: 'versions',
      reason: '11 objects, each at the version that was listed',
    });
    const splits = (await snapshot.divide?.(read, 4, forever)) ?? [];
    expect(splits.map(({ id }) => id)).toEqual(['00000', '00001', '00002', '00003']);
    const whole = await readAll(snapshot, object, { columns });
    await store.put('sales/year=2020/new.csv', Buffer.from(lines(30, 10)));
    const readSplit = async ({ task }: Split) => {
      await using other = open();
      const split = await other.openSplit?.(object, JSON.parse(JSON.stringify(task)), forever);
      if (split === undefined) throw new Error('no splits');
      return await readAll(split, object, { columns });
    };
    const parts: Awaited<ReturnType<typeof readSplit>>[] = [];
    for (const split of splits) parts.push(await readSplit(split));
    expect(parts.flatMap(({ rows }) => rows).sort(byText)).toEqual(whole.rows.toSorted(byText));
    const files = parts.flatMap(({ summary }) => summary.files ?? []);
    expect(files.toSorted(byText)).toEqual(whole.summary.files?.toSorted(byText));
    expect(files).toHaveLength(11);
    await store.put('sales/year=2020/f 3.csv', Buffer.from(lines(3, 5)));
    const after = await Promise.all(splits.map((split) => readSplit(split).then(() => 'read', problemOf)));
    expect(after.filter((one) => one === 'read')).toHaveLength(3);
    expect(after.find((one) => one !== 'read')).toMatchObject({ code: 'FILE_CHANGED', retryable: true });
    for (const task of [null, {}, { objects: [['a']] }, { objects: [['a', 'v', 'many', '2026']] }])
      expect(await source.openSplit?.(object, task, forever).catch(problemOf)).toMatchObject({ code: 'SPLIT_LOST' });
  });
});

const stored = (name: string, bytes: number) => ({ name: `sales/${name}`, version: 'v', bytes, modifiedAt: '2026' });
const MB = 1 << 20;
const dealt = (objects: readonly ReturnType<typeof stored>[], most: number) =>
  dealObjects({ objects, spec, rowsPerByte: 0.5, splitBytes: 64 * MB }, most);
const namesOf = ({ task }: Split) => (task as FilesTask).objects.map(([name]) => name);

test('few bytes are one split, in the order of the list; one object is no more than one', () => {
  const small = Array.from({ length: 5 }, (_, i) => stored(`${9 - i}.csv`, 1000 * i));
  const [one, ...more] = dealt(small, 100);
  expect(more).toEqual([]);
  expect(one && namesOf(one)).toEqual(['9.csv', '8.csv', '7.csv', '6.csv', '5.csv']);
  expect(one?.rows).toBe(5000);
  expect(dealt([stored('large.csv', 900 * MB)], 100)).toHaveLength(1);
  expect(dealt([], 100)).toEqual([{ id: '00000', task: { objects: [] }, rows: 0 }]);
  expect(dealt([stored('a.csv', 900 * MB), stored('b.csv', 900 * MB)], 1)).toHaveLength(1);
});

test('a large object has a split for itself, the others are dealt evenly, each once', () => {
  const objects = [
    stored('large.csv', 500 * MB),
    ...Array.from({ length: 300 }, (_, i) => stored(`${i}.csv`, (1 + (i % 7)) * MB)),
  ];
  const splits = dealt(objects, 4);
  const bytes = splits.map(({ task }) => (task as FilesTask).objects.reduce((sum, [, , size]) => sum + size, 0) / MB);
  expect(splits.find((split) => namesOf(split).includes('large.csv'))?.rows).toBe(250 * MB);
  const others = bytes.filter((size) => size !== 500);
  expect(Math.max(...others) - Math.min(...others)).toBeLessThan(8);
  expect(splits.flatMap(namesOf).sort()).toEqual(objects.map(({ name }) => name.slice('sales/'.length)).sort());
  expect(dealt(objects, 4)).toEqual(splits);
});

test('many small objects are thousands for a split; packed bytes count for more', () => {
  const tiny = Array.from({ length: 100_000 }, (_, i) => stored(`${i}.csv`, 100));
  const splits = dealt(tiny, 1000);
  expect(splits.length).toBeGreaterThan(40);
  expect(splits.length).toBeLessThan(60);
  for (const split of splits) expect(namesOf(split).length).toBeGreaterThan(1500);
  const packed = [stored('a.csv.gz', 40 * MB), stored('b.csv.gz', 40 * MB), stored('c.csv', 40 * MB)];
  expect(dealt(packed, 10)).toHaveLength(3);
  expect(
    dealt(
      packed.map(({ name, bytes }) => stored(name.slice(6, -3), bytes)),
      10,
    ),
  ).toHaveLength(2);
});
