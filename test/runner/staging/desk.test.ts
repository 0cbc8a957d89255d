/** The work of a run in pieces: each result once, whoever is killed, comes twice or comes late. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { SplitResult, SplitWork } from '../../../runner/core/contracts/splits.ts';
import type { PartsSpec } from '../../../runner/core/contracts/staging.ts';
import { problemOf, TributaryError } from '../../../runner/core/errors.ts';
import { stagingPath } from '../../../tenants/naming.ts';
import { inletOf } from '../../contracts/batches.ts';
import { codeOf } from '../../contracts/warehouse-bench.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { type StorageProxy, startProxy } from './proxy.ts';
import { BUCKET, partColumns, partsSpec, type StorageScene, storageScene } from './scene.ts';

const COLUMNS = partColumns([['n', 'int64', 'INT64']]);
const never = new AbortController().signal;

function workOf(parts: PartsSpec = partsSpec(COLUMNS, 'parquet')): SplitWork {
  const { layout, run } = parts;
  return {
    version: 1,
    tenant: run.tenant,
    name: 'main',
    connection: { kind: 'firestore', project: 'p' } as SplitWork['connection'],
    source: { connection: 'main' } as unknown as SplitWork['source'],
    cloud: null,
    read: { object: { collection: 'items' }, columns: [], window: null, nullCursors: false, layout, maxRejected: 10 },
    parts,
    unity: { by: 'read-time', reason: 'of the test' },
    splits: ['00000', '00001'].map((id) => ({ id, task: { from: id }, rows: null })),
  };
}

const under = (work: SplitWork, fencingToken: number): SplitWork => {
  const run = { ...work.parts.run, fencingToken };
  return { ...work, parts: { ...work.parts, run } };
};

describeWith(['emulators'], 'the desk of splits', () => {
  let scene: StorageScene;
  let proxy: StorageProxy;

  beforeAll(async () => {
    scene = await storageScene();
    proxy = await startProxy(scene.host);
  });
  beforeEach(() => {
    proxy.fate = () => 'pass';
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await scene?.[Symbol.asyncDispose]();
  });

  const folderOf = ({ parts: { run } }: SplitWork) => stagingPath(run.tenant, run.source, run.runId, run.fencingToken);

  /** The rows of one attempt, for real. */
  async function attempted(work: SplitWork, id: string, attempt: string, rows = 3): Promise<SplitResult> {
    await using staging = await scene.open();
    const parts = { ...work.parts, split: { id, attempt } };
    const inlet = inletOf(
      parts.layout,
      Array.from({ length: rows }, (_, n) => [n]),
    );
    const written = await staging.write(parts, inlet, never);
    const summary = { extracted: rows, rejected: 0, nullified: 0, bytes: rows };
    return { id, attempt, written, summary, seconds: 1 };
  }

  async function put(name: string, text: string): Promise<void> {
    const url = `${scene.host}/upload/storage/v1/b/${BUCKET}/o?uploadType=media&name=${encodeURIComponent(name)}`;
    await fetch(url, { method: 'POST', body: text });
  }

  it('a work is laid down once and read back as it was; another one under its name is refused', async () => {
    await using staging = await scene.open();
    const work = workOf();
    const address = await staging.splits.lay(work);
    expect(address).toBe(`gs://${BUCKET}/${folderOf(work)}splits/work.json`);
    expect(await staging.splits.lay(work)).toBe(address);
    expect(await staging.splits.work(address)).toEqual(work);
    expect(await codeOf(staging.splits.lay({ ...work, splits: [] }))).toBe('STAGING_CORRUPT');
    expect(await staging.splits.work(address)).toEqual(work);
  });

  it('of two attempts at once one holds, and the parts of the other go', async () => {
    await using one = await scene.open();
    await using other = await scene.open();
    const work = workOf();
    const address = await one.splits.lay(work);
    const results = await Promise.all([attempted(work, '00000', 'aaaa'), attempted(work, '00000', 'bbbb', 4)]);
    const held = await Promise.all([one.splits.record(address, results[0]), other.splits.record(address, results[1])]);
    expect(held[0]).toEqual(held[1]);
    const [lost] = results.filter(({ attempt }) => attempt !== held[0].attempt) as [SplitResult];
    await other.splits.drop(address, lost);
    expect(await one.splits.result(address, '00000')).toEqual(held[0]);
    expect(await one.splits.results(address)).toEqual(new Map([['00000', held[0]]]));
    expect([...(await one.splits.done(address))]).toEqual(['00000']);
    const left = await scene.list(`${folderOf(work)}rows/`);
    expect(left.length).toBe(2);
    expect(left.every((name) => name.startsWith(`${folderOf(work)}rows/00000-${held[0].attempt}/`))).toBe(true);
    expect(await scene.rows(held[0].written.manifest)).toHaveLength(held[0].summary.extracted);
  });

  it('an attempt that was killed between its parts and its result is none', async () => {
    await using staging = await scene.open();
    const work = workOf();
    const address = await staging.splits.lay(work);
    await attempted(work, '00000', 'dead');
    expect(await staging.splits.result(address, '00000')).toBeNull();
    expect((await staging.splits.done(address)).size).toBe(0);
    const second = await attempted(work, '00000', 'live');
    expect(await staging.splits.record(address, second)).toEqual(second);
  });

  it('an answer that is lost after the result was written does not make a second one', async () => {
    await using staging = await scene.open({ endpoint: proxy.host });
    const work = workOf();
    const address = await staging.splits.lay(work);
    const result = await attempted(work, '00001', 'once');
    let lost = 0;
    proxy.fate = ({ method, path }) =>
      method === 'POST' && path.includes('/upload/') && lost++ === 0 ? 'swallow' : 'pass';
    expect(await staging.splits.record(address, result)).toEqual(result);
    expect(lost).toBe(2);
  });

  it.each([429, 503])('reads go on when Cloud Storage answers %i for a while', async (status) => {
    await using staging = await scene.open({ endpoint: proxy.host });
    const work = workOf();
    const address = await staging.splits.lay(work);
    let refused = 0;
    proxy.fate = ({ method, path }) =>
      method === 'GET' && path.includes('/o/') && ++refused < 3 ? { status } : 'pass';
    expect(await staging.splits.work(address)).toEqual(work);
    expect(refused).toBe(3);
  });

  it('garbage is told as such: no JSON, another work, a result without its rows', async () => {
    await using staging = await scene.open();
    const work = workOf();
    const address = await staging.splits.lay(work);
    const result = await attempted(work, '00000', 'good');
    for (const text of ['{"id":', '[]', '{}', JSON.stringify({ ...result, written: null })]) {
      await put(`${folderOf(work)}splits/results/00000.json`, text);
      expect(await codeOf(staging.splits.results(address))).toBe('STAGING_CORRUPT');
      expect(await codeOf(staging.splits.record(address, result))).toBe('STAGING_CORRUPT');
    }
    const other = workOf();
    for (const text of ['null', '{"version":2}', JSON.stringify(other), JSON.stringify({ ...work, splits: [{}] })]) {
      await put(`${folderOf(work)}splits/work.json`, text);
      expect(await codeOf(staging.splits.work(address))).toBe('STAGING_CORRUPT');
    }
    expect(await codeOf(staging.splits.work(await staging.splits.lay(other)))).toBe('done');
    expect(await codeOf(staging.splits.work(address.replace('work.json', 'other.json')))).toBe('USAGE');
    expect(await codeOf(staging.splits.work(address.replace(BUCKET, 'elsewhere')))).toBe('USAGE');
  });

  it('why a split failed is noted beside it; a note that is none is nothing', async () => {
    await using staging = await scene.open();
    const work = workOf();
    const address = await staging.splits.lay(work);
    const problem = (reason: string) => new TributaryError('SPLIT_LOST', { object: 'x', reason }).problem;
    await staging.splits.complain(address, '00000', problem('one'));
    await staging.splits.complain(address, '00000', problem('two'));
    await put(`${folderOf(work)}splits/problems/00001.json`, '{"code":1}');
    expect(await staging.splits.problems(address)).toEqual(new Map([['00000', problem('two')]]));
  });

  it('a process that takes the run up finds the newest work before it; who clears away behind itself leaves that', async () => {
    await using staging = await scene.open();
    const first = workOf();
    const [second, address] = [under(first, 2), await staging.splits.lay(first)];
    await staging.splits.lay(second);
    expect(await staging.splits.earlier(first.parts.run)).toBeNull();
    const third = under(first, 3).parts.run;
    expect((await staging.splits.earlier(third))?.work).toEqual(second);
    const taken = await scene.list(folderOf(second));
    await staging.remove(second.parts.run);
    expect(await scene.list(folderOf(second))).toEqual(taken);
    expect(await scene.list(folderOf(first))).toEqual([]);
    expect(problemOf(await staging.splits.work(address).catch((error: unknown) => error)).code).toBe('SPLIT_LOST');
    await staging.remove(third);
    expect(await scene.list(stagingPath('acme', 'orders', third.runId))).toEqual([]);
  });

  it('what is being cleared away is taken up by nobody', async () => {
    await using staging = await scene.open({ endpoint: proxy.host });
    await using taking = await scene.open();
    const work = workOf();
    await staging.splits.lay(work);
    let found: unknown = 'not asked';
    proxy.fate = async ({ method }): Promise<'pass'> => {
      if (method === 'DELETE' && found === 'not asked') {
        found = 'asked';
        found = await taking.splits.earlier(under(work, 2).parts.run);
      }
      return 'pass';
    };
    await staging.remove(work.parts.run);
    expect(found).toBeNull();
    expect(await scene.list(folderOf(work))).toEqual([]);
  });

  it('one that takes the work up and one that clears it away at once: never both', async () => {
    for (let round = 0; round < 5; round++) {
      await using old = await scene.open();
      await using young = await scene.open();
      const work = workOf();
      const address = await old.splits.lay(work);
      const [found] = await Promise.all([young.splits.earlier(under(work, 2).parts.run), old.remove(work.parts.run)]);
      if (found === null) expect(await scene.list(folderOf(work))).toEqual([]);
      else expect(await young.splits.work(address)).toEqual(work);
    }
  });
});
