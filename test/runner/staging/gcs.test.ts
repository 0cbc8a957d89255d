/** Objects of a run: all there and whole, or none that counts. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Manifest, PartFormat, PartsSpec, Written } from '../../../runner/core/contracts/staging.ts';
import type { GcsStagingOptions } from '../../../runner/staging/gcs.ts';
import { stagingPath } from '../../../tenants/naming.ts';
import { failingInlet, inletOf } from '../../contracts/batches.ts';
import { codeOf } from '../../contracts/warehouse-bench.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { type Fate, isData, type Passing, type StorageProxy, startProxy } from './proxy.ts';
import { BUCKET, partColumns, partsSpec, type StorageScene, storageScene } from './scene.ts';

const COLUMNS = partColumns([
  ['n', 'int64', 'INT64'],
  ['t', 'text', 'STRING'],
]);
const ROWS = Array.from({ length: 10_000 }, (_, n) => [n, `row ${n} of the table`] as const);
/** One part for each batch of 2048 rows. */
const SMALL = { partBytes: 1 };

describeWith(['emulators'], 'staged objects', () => {
  let scene: StorageScene;
  let proxy: StorageProxy;
  let scratch: string;
  const before = process.env.TMPDIR;

  beforeAll(async () => {
    scene = await storageScene();
    proxy = await startProxy(scene.host);
    scratch = mkdtempSync(join(tmpdir(), 'tributary-gcs-test-'));
    process.env.TMPDIR = scratch;
  });

  beforeEach(() => {
    proxy.fate = () => 'pass';
    (proxy.seen as Passing[]).length = 0;
  });

  afterAll(async () => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(scratch, { recursive: true, force: true });
    await proxy?.[Symbol.asyncDispose]();
    await scene?.[Symbol.asyncDispose]();
  });

  const files = () => readdirSync(scratch, { recursive: true }).map(String);
  const folderOf = ({ run, name }: PartsSpec) =>
    `${stagingPath(run.tenant, run.source, run.runId, run.fencingToken)}${name}/`;

  /** Stages {@link ROWS} through the proxy. */
  async function stage(
    spec: PartsSpec = partsSpec(COLUMNS, 'parquet'),
    options: Partial<GcsStagingOptions> = SMALL,
    signal = new AbortController().signal,
  ): Promise<Written> {
    await using staging = await scene.open({ endpoint: proxy.host, ...options });
    return await staging.write(spec, inletOf(spec.layout, ROWS), signal);
  }

  async function expectWhole(manifest: Manifest): Promise<void> {
    const [found] = await scene.rows(manifest, 'count(*)::INT AS rows, count(DISTINCT n)::INT AS different');
    expect(found).toEqual({ rows: ROWS.length, different: ROWS.length });
    expect(files()).toEqual([]);
  }

  it.each<PartFormat>(['parquet', 'ndjson'])(
    'many %s parts lie in their folder, the manifest says which',
    async (format) => {
      const spec = partsSpec(COLUMNS, format, { cursor: { from: null, to: '9' } });
      const { manifest } = await stage(spec);
      expect(manifest.parts.map(({ uri, rows }) => [uri, rows])).toEqual(
        [2048, 2048, 2048, 2048, 1808].map((rows, i) => [
          `gs://${BUCKET}/${folderOf(spec)}part-0000${i}.${format}`,
          rows,
        ]),
      );
      const stored = JSON.parse((await scene.bytes(`${folderOf(spec)}manifest.json`)).toString());
      expect(stored).toEqual({ ...manifest, rows: ROWS.length, cursor: { from: null, to: '9' } });
      expect(manifest.bytes).toBe(manifest.parts.reduce((sum, { bytes }) => sum + bytes, 0));
      expect((await scene.list(folderOf(spec))).length).toBe(6);
      await expectWhole(manifest);
      const last = proxy.seen.filter(isData).at(-1);
      expect(last?.body.toString()).toContain('"version": 1');
    },
  );

  it('no rows are no part, and a manifest that says so', async () => {
    await using staging = await scene.open();
    const spec = partsSpec(COLUMNS, 'parquet', { name: 'keys' });
    const { manifest } = await staging.write(spec, inletOf(spec.layout, []), new AbortController().signal);
    expect(manifest).toMatchObject({ rows: 0, bytes: 0, parts: [] });
    expect(await scene.list(folderOf(spec))).toEqual([`${folderOf(spec)}manifest.json`]);
  });

  it('two finished files lie on disk at most, and nothing is written while they do', async () => {
    const opened = Promise.withResolvers<void>();
    let side = 0;
    let most = 0;
    proxy.fate = async (request): Promise<Fate> => {
      if (!isData(request)) return 'pass';
      most = Math.max(most, ++side);
      await opened.promise;
      side -= 1;
      return 'pass';
    };
    const staging = stage();
    for (let waited = 0; side < 2 && waited < 5000; waited += 20) await sleep(20);
    for (let i = 0; i < 20; i++) {
      expect(files().filter((name) => name.endsWith('.parquet')).length).toBeLessThanOrEqual(2);
      await sleep(20);
    }
    expect(side).toBe(2);
    opened.resolve();
    await expectWhole((await staging).manifest);
    expect(most).toBe(2);
  });

  it('an aborted run rejects with the reason, at once, and leaves no file', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    proxy.fate = (request) => {
      if (!isData(request)) return 'pass';
      abort.abort(reason);
      return new Promise(() => undefined);
    };
    const spec = partsSpec(COLUMNS, 'parquet');
    await expect(stage(spec, SMALL, abort.signal)).rejects.toBe(reason);
    expect(files()).toEqual([]);
    expect(await scene.list(folderOf(spec))).toEqual([]);
  });

  it('a source that fails leaves no manifest and no file', async () => {
    await using staging = await scene.open(SMALL);
    const spec = partsSpec(COLUMNS, 'parquet');
    const problem = { code: 'SOURCE_FAILED', title: 't', detail: 'd', fix: 'f', origin: 'source', retryable: true };
    const inlet = failingInlet(spec.layout, ROWS.slice(0, 2048), problem);
    expect(await codeOf(staging.write(spec, inlet, new AbortController().signal))).toBe('SOURCE_FAILED');
    expect((await scene.list(folderOf(spec))).filter((name) => name.endsWith('manifest.json'))).toEqual([]);
    expect(files()).toEqual([]);
  });

  it('a flipped bit is noticed and sent again', async () => {
    let flips = 1;
    proxy.fate = (request) => {
      if (isData(request) && flips-- > 0) request.body[100] = (request.body[100] ?? 0) ^ 1;
      return 'pass';
    };
    await expectWhole((await stage()).manifest);
    expect(flips).toBeLessThan(0);
  });

  it('what alters all that passes is STAGING_CORRUPT, without a manifest', async () => {
    proxy.fate = (request) => {
      if (isData(request)) request.body[100] = (request.body[100] ?? 0) ^ 1;
      return 'pass';
    };
    const spec = partsSpec(COLUMNS, 'parquet');
    expect(await codeOf(stage(spec))).toBe('STAGING_CORRUPT');
    expect((await scene.list(folderOf(spec))).filter((name) => name.endsWith('manifest.json'))).toEqual([]);
    expect(files()).toEqual([]);
  });

  const limited = '{"error":{"code":403,"message":"slow","errors":[{"reason":"rateLimitExceeded"}]}}';
  const troubles: Record<string, (request: Passing) => Fate> = {
    'answers that get lost': (request) => (isData(request) ? 'swallow' : 'pass'),
    'sessions whose start gets lost': ({ method }) => (method === 'POST' ? 'swallow' : 'pass'),
    'connections that are reset': () => 'cut',
    '503': () => ({ status: 503 }),
    '429': () => ({ status: 429 }),
    'rate limits that are called 403': () => ({ status: 403, body: limited }),
    'sessions that are forgotten': (request) => (isData(request) ? { status: 410 } : 'pass'),
  };

  it.each(Object.keys(troubles))('%s do no harm', async (name) => {
    let random = 1;
    proxy.fate = (request) => {
      random = (random * 48271) % 0x7fff_ffff;
      return random % 3 === 0 ? (troubles[name] as (typeof troubles)[string])(request) : 'pass';
    };
    const budget = { attempts: 20, seconds: 20, firstMs: 1, longestMs: 5 };
    const { manifest } = await stage(undefined, { ...SMALL, budget });
    await expectWhole(manifest);
  });

  it('an object whose answer and session got lost is found by its sum', async () => {
    let lost = false;
    proxy.fate = (request) => {
      if (isData(request) && !lost) {
        lost = true;
        return 'swallow';
      }
      if (request.method === 'PUT' && !isData(request)) return { status: 404 };
      return lost && request.method === 'POST' && request.path.includes('part-00000') ? { status: 412 } : 'pass';
    };
    const { manifest } = await stage(undefined, { ...SMALL, uploads: 1 });
    await expectWhole(manifest);
    expect(proxy.seen.filter(({ method, path }) => method === 'GET' && path.includes('part-00000'))).toHaveLength(1);
  });

  it('what will not change is told at once and without the address of the session', async () => {
    const refused =
      '{"error":{"code":403,"message":"no, not https://x.example/upload?upload_id=secret","errors":[{"reason":"forbidden"}]}}';
    proxy.fate = (request) => (isData(request) ? { status: 403, body: refused } : 'pass');
    const failure = await stage().catch((error: unknown) => error);
    expect(await codeOf(Promise.reject(failure))).toBe('STAGING_DENIED');
    expect(JSON.stringify(failure)).not.toContain('secret');
    expect(proxy.seen.filter(isData).length).toBeLessThanOrEqual(2);
    expect(await codeOf(stage(undefined, { ...SMALL, bucket: 'not-there' }))).toBe('STAGING_MISSING');
    proxy.fate = () => ({ status: 500 });
    expect(await codeOf(stage())).toBe('STAGING_FAILED');
    expect(files()).toEqual([]);
  });

  it('the objects of a run are removed, the manifest first; those of others only where they are dead', async () => {
    const specs = [
      partsSpec(COLUMNS, 'parquet'),
      partsSpec(COLUMNS, 'parquet'),
      partsSpec(COLUMNS, 'parquet'),
    ] as const;
    const [dead, other, live] = specs;
    const neighbour = { ...other, run: { ...other.run, source: 'orders-eu' } };
    for (const spec of [dead, neighbour, live]) await stage(spec);
    await using staging = await scene.open({ endpoint: proxy.host });
    await staging.removeOthers(live.run);
    expect(await scene.list(folderOf(dead))).toEqual([]);
    expect(await scene.list(folderOf(neighbour))).toHaveLength(6);
    expect(await scene.list(folderOf(live))).toHaveLength(6);
    (proxy.seen as Passing[]).length = 0;
    await staging.remove(live.run);
    expect(await scene.list(folderOf(live))).toEqual([]);
    expect(proxy.seen.find(({ method }) => method === 'DELETE')?.path).toContain('manifest.json');
    await staging.remove(live.run);
  });

  it('an old process of a run, or of an older one, takes nothing from a newer one', async () => {
    const made = partsSpec(COLUMNS, 'parquet');
    const [older, newer] = [5, 6].map((fencingToken) => ({ ...made, run: { ...made.run, fencingToken } })) as [
      PartsSpec,
      PartsSpec,
    ];
    const before = { ...made, run: { ...made.run, runId: 'before', fencingToken: 4 } };
    for (const spec of [before, older, newer]) await stage(spec);
    await using staging = await scene.open();
    await staging.removeOthers(before.run);
    await staging.remove(older.run);
    expect(await scene.list(folderOf(older))).toEqual([]);
    expect(await scene.list(folderOf(newer))).toHaveLength(6);
    await staging.removeOthers(newer.run);
    expect(await scene.list(folderOf(before))).toEqual([]);
    await stage(older);
    await staging.removeRun(newer.run);
    expect(await scene.list(stagingPath('acme', 'orders', made.run.runId))).toEqual([]);
  });

  it('a process that is killed while it uploads leaves no manifest, and what it left goes', async () => {
    const started = Promise.withResolvers<void>();
    let data = 0;
    proxy.fate = async (request): Promise<Fate> => {
      if (isData(request) && ++data === 3) {
        started.resolve();
        await new Promise(() => undefined);
      }
      return 'pass';
    };
    const child = spawn(process.execPath, [join(import.meta.dirname, 'child.ts'), proxy.host, 'killed'], {
      stdio: 'inherit',
    });
    const ended = new Promise((done) => child.once('exit', done));
    await started.promise;
    child.kill('SIGKILL');
    await ended;
    const left = await scene.list('acme/orders/killed/');
    expect(left.length).toBeGreaterThan(0);
    expect(left.filter((name) => name.endsWith('manifest.json'))).toEqual([]);
    await using staging = await scene.open();
    await staging.removeOthers(partsSpec(COLUMNS, 'parquet').run);
    expect(await scene.list('acme/orders/killed/')).toEqual([]);
  });
});
