/** Objects of another store in staging: all there and equal, or the run fails. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ObjectStore } from '../../../runner/core/contracts/object-store.ts';
import type { OfferedFile } from '../../../runner/core/contracts/offer.ts';
import { openAzureBlob } from '../../../runner/sources/azure-blob/index.ts';
import { COPY_BYTES } from '../../../runner/staging/copy-files.ts';
import { crc32c, crc32cText } from '../../../runner/staging/crc32c.ts';
import { stagingPath } from '../../../tenants/naming.ts';
import { codeOf } from '../../contracts/warehouse-bench.ts';
import { type AzureServer, startAzure } from '../../servers/azure.ts';
import { type ObjectProxy, startObjectProxy } from '../../servers/object-proxy.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { isData, type StorageProxy, startProxy } from './proxy.ts';
import { BUCKET, QUICK, type StorageScene, storageScene } from './scene.ts';

const never = new AbortController().signal;
const MB = 1 << 20;
/** The emulator forgets a session that broke, so that one break costs several attempts. */
const PATIENT = { attempts: 20, seconds: 20, firstMs: 1, longestMs: 5 };

describeWith(['emulators'], 'objects of another store', () => {
  let scene: StorageScene;
  let azure: AzureServer;
  /** Before the store that is read. */
  let reading: ObjectProxy;
  /** Before the bucket that is written. */
  let writing: StorageProxy;
  let store: ObjectStore;
  let runs = 0;
  const contents = new Map<string, Buffer>();

  beforeAll(async () => {
    scene = await storageScene();
    azure = await startAzure();
    reading = await startObjectProxy(azure.host);
    writing = await startProxy(scene.host);
    await azure.client().getContainerClient('exports').create();
    store = openAzureBlob(
      {
        ...{ tenant: 'acme', name: 'erp', secrets: { get: async () => azure.connectionString } },
        connection: {
          ...{ kind: 'azure-blob', account: azure.account, container: 'exports', secret: 'erp' },
          endpoint: `${reading.host}/${azure.account}`,
        },
      },
      { budget: QUICK },
    );
    await put('a/empty.csv', 0);
    await put('a/small, ünï.csv.gz', 1000);
    await put('a/middle.csv', 3 * MB);
    await put('a/large.parquet', 21 * MB + 7);
    for (let i = 0; i < 30; i++) await put(`many/${String(i).padStart(2, '0')}.csv`, 10_000 + i);
  }, 60_000);

  beforeEach(() => {
    reading.reset();
    writing.fate = () => 'pass';
    (writing.seen as unknown[]).length = 0;
  });

  afterAll(async () => {
    await store?.[Symbol.asyncDispose]();
    for (const one of [writing, reading, azure, scene]) await one?.[Symbol.asyncDispose]();
  });

  async function put(name: string, length: number, seed = length): Promise<void> {
    const bytes = Buffer.alloc(length);
    for (let at = 0, state = seed + 1; at + 4 <= length; at += 4) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      bytes.writeUInt32LE(state, at);
    }
    await azure.client().getContainerClient('exports').getBlockBlobClient(name).uploadData(bytes);
    contents.set(store.uri(name), bytes);
  }

  async function offered(prefix: string): Promise<OfferedFile[]> {
    const files: OfferedFile[] = [];
    for await (const page of store.list({ prefix }, never))
      for (const object of page)
        files.push({
          ...{ uri: store.uri(object.name), version: object.version, bytes: object.bytes },
          ...{ modifiedAt: object.modifiedAt, constants: {}, compression: 'none' },
          open: (from, signal, to) => store.open(object, to === undefined ? { from } : { from, to }, signal),
        });
    return files;
  }

  const newRun = () => ({ tenant: 'acme', source: 'orders', runId: `c${++runs}`, fencingToken: 1 });

  async function copy(files: readonly OfferedFile[], run = newRun(), signal = never) {
    await using staging = await scene.open({ endpoint: writing.host, budget: PATIENT });
    const copied = await staging.copy(run, files, signal);
    const folder = `gs://${BUCKET}/${stagingPath(run.tenant, run.source, run.runId, run.fencingToken)}files/`;
    expect(copied.map(({ from, bytes }) => ({ uri: from.uri, version: from.version, bytes }))).toEqual(
      files.map(({ uri, version, bytes }) => ({ uri, version, bytes })),
    );
    for (const { uri, from, crc32c: sum } of copied) {
      expect(uri.startsWith(folder)).toBe(true);
      const sent = contents.get(from.uri) as Buffer;
      expect(Buffer.compare(await scene.bytes(uri.slice(`gs://${BUCKET}/`.length)), sent)).toBe(0);
      expect(sum).toBe(crc32cText(crc32c(sent)));
    }
    return copied;
  }

  it('are copied byte for byte and in order, with the endings of their names', async () => {
    const copied = await copy(await offered('a/'));
    expect(copied.map(({ uri }) => uri.split('/').slice(-2).join('/'))).toEqual([
      '_tributary_file=0/empty.csv',
      '_tributary_file=1/large.parquet',
      '_tributary_file=2/middle.csv',
      '_tributary_file=3/small___n_.csv.gz',
    ]);
    await copy(await offered('many/'));
    expect(await copy([])).toEqual([]);
  });

  it('a large one is read over several connections, in bounded memory', async () => {
    let most = 0;
    reading.onBody = () => {
      most = Math.max(most, reading.open);
    };
    await copy(await offered('a/large'));
    expect(most).toBeGreaterThan(1);
    expect(most * 8 * MB).toBeLessThanOrEqual(COPY_BYTES);
  });

  it('connections that break on both sides do no harm', async () => {
    let data = 0;
    reading.cutAfter = 1_500_000;
    writing.fate = (request) => (isData(request) && ++data <= 3 ? (data % 2 === 0 ? 'swallow' : 'cut') : 'pass');
    await copy(await offered('a/'));
    expect(reading.cuts).toBeGreaterThan(10);
    expect(data).toBeGreaterThan(4);
  });

  it('a run that is repeated takes the copies that are there', async () => {
    const run = newRun();
    const files = await offered('many/');
    const first = await copy(files.slice(0, 10), run);
    const again = await copy(files, run);
    expect(again.slice(0, 10)).toEqual(first);
  });

  it('one that changes meanwhile fails the copy', async () => {
    await put('changing/a.csv', 6 * MB, 1);
    const files = await offered('changing/');
    await put('changing/a.csv', 6 * MB, 2);
    expect(await codeOf(copy(files))).toBe('FILE_CHANGED');
    await put('changing/a.csv', 6 * MB, 3);
    const [late] = await offered('changing/');
    let replaced: Promise<void> | undefined;
    reading.cutAfter = 500_000;
    reading.onBody = () => {
      replaced ??= put('changing/a.csv', 6 * MB, 4);
    };
    expect(await codeOf(copy([late as OfferedFile]))).toBe('FILE_CHANGED');
    await replaced;
  });

  it('a store that fails for good fails the copy, and all connections end', async () => {
    const files = await offered('many/');
    reading.pass = 5;
    reading.answers = Array.from({ length: 500 }, () => ({ status: 503 }));
    expect(await codeOf(copy(files))).toBe('OBJECTS_FAILED');
    await expect.poll(() => reading.open).toBe(0);
  });

  it('a bucket that is not there is told as one', async () => {
    await using staging = await scene.open({ bucket: 'nobody-has-this' });
    expect(await codeOf(staging.copy(newRun(), await offered('a/'), never))).toBe('STAGING_MISSING');
  });

  it('an abort ends it at once', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const files = await offered('a/');
    reading.onBody = () => abort.abort(reason);
    await expect(copy(files, newRun(), abort.signal)).rejects.toBe(reason);
    await expect.poll(() => reading.open).toBe(0);
  });
});
