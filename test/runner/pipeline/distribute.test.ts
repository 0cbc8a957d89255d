/** Reads in pieces from the side of the run: what is laid down, gone on with, begun anew and told. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReadSpec, Snapshot } from '../../../runner/core/contracts/source.ts';
import type { SplitDesk, SplitExecutor, SplitJob, SplitWork, Unity } from '../../../runner/core/contracts/splits.ts';
import type { PartsSpec } from '../../../runner/core/contracts/staging.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { parseType } from '../../../runner/core/types.ts';
import { type Distribution, splitCount, splitsOffer } from '../../../runner/pipeline/distribute.ts';
import { inletOf } from '../../contracts/batches.ts';
import { codeOf } from '../../contracts/warehouse-bench.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { partColumns, partsSpec, type StorageScene, storageScene } from '../staging/scene.ts';

const COLUMNS = partColumns([['n', 'int64', 'INT64']]);
const never = new AbortController().signal;
const READ_TIME: Unity = { by: 'read-time', reason: 'one read time' };
const SNAPSHOT: Unity = { by: 'snapshot', reason: 'an exported snapshot' };
const late = (kind: string) =>
  ({ name: 'late', sourceType: kind, logical: parseType(kind) ?? { kind: 'JSON' }, nullable: true }) as const;

describeWith(['emulators'], 'a read in pieces', () => {
  let scene: StorageScene;

  beforeAll(async () => {
    scene = await storageScene();
  });
  afterAll(() => scene?.[Symbol.asyncDispose]());

  /** Carries out those splits of a job with two rows each, for real. */
  async function carryOut({ work: address }: SplitJob, ids: readonly string[]): Promise<void> {
    await using staging = await scene.open();
    const work = await staging.splits.work(address);
    for (const [nth, id] of ids.entries()) {
      const attempt = `a${nth}`;
      const parts = { ...work.parts, split: { id, attempt } };
      const written = await staging.write(parts, inletOf(parts.layout, [[1], [2]]), never);
      const more = { late: [late(nth === 0 ? 'INT64' : 'FLOAT64')], files: [file('a'), file(id)] };
      const summary = { extracted: 2, rejected: 0, nullified: 1, bytes: 10, ...more };
      await staging.splits.record(address, { id, attempt, written, summary, seconds: 1 });
    }
  }

  const file = (name: string) => ({
    uri: `s3://b/${name}`,
    version: '1',
    bytes: 5,
    modifiedAt: '2026-01-01T00:00:00Z',
    rows: 1,
  });

  interface Seen {
    readonly jobs: SplitJob[];
    readonly cancelled: string[];
    readonly adopted: SplitWork[];
    readonly warnings: string[];
    divided: number;
  }

  interface Case {
    readonly parts: PartsSpec;
    readonly unity?: Unity;
    readonly to?: string;
    readonly column?: string;
    readonly execute?: SplitExecutor['execute'];
    readonly signal?: AbortSignal;
    readonly splits?: readonly string[];
  }

  async function distribute({
    parts,
    unity = READ_TIME,
    to = '9',
    column = 'n',
    execute,
    signal = never,
    splits,
  }: Case) {
    const seen: Seen = { jobs: [], cancelled: [], adopted: [], warnings: [], divided: 0 };
    const read = {
      object: { collection: 'items' },
      columns: [
        { source: column, name: 'n', sourceType: 'INT64', logical: { kind: 'INT64' }, unrepresentable: 'quarantine' },
      ],
      window: { column: 'n', from: null, to },
      ...{ nullCursors: false, layout: parts.layout, maxRejected: 10, maskKey: 'not to be written down' },
    } as const satisfies ReadSpec;
    const ids = splits ?? ['00000', '00001'];
    const snapshot = {
      divide: async () => {
        seen.divided += 1;
        return ids.map((id) => ({ id, task: { id }, rows: 2 }));
      },
    } as unknown as Snapshot;
    const executor: SplitExecutor = {
      kind: 'tasks',
      async execute(job, watch) {
        seen.jobs.push(job);
        await (execute ?? ((given) => carryOut(given, ids)))(job, watch);
      },
      cancel: async ({ runId }) => void seen.cancelled.push(runId),
      async [Symbol.asyncDispose]() {},
    };
    const distribution: Distribution = {
      ...{ snapshot, read, unity, reached: to, workers: 2, rows: 4, traceparent: null },
      openExecutor: async () => executor,
      about: {
        tenant: 'acme',
        name: 'main',
        connection: { kind: 'firestore', project: 'p' } as SplitWork['connection'],
        source: { connection: 'main' } as unknown as SplitWork['source'],
        cloud: null,
      },
      onAdopted: (work) => seen.adopted.push(work),
      onWarning: (text) => seen.warnings.push(text),
      onJob: () => undefined,
    };
    await using staging = await scene.open();
    const write = (desk: SplitDesk) =>
      splitsOffer(distribution).write(parts, desk, { signal, onProgress: () => undefined });
    const [result] = await Promise.allSettled([write(staging.splits)]);
    return { seen, result, gathered: result.status === 'fulfilled' ? result.value : null };
  }

  const failing =
    (error: unknown, ids: readonly string[] = []): SplitExecutor['execute'] =>
    async (job) => {
      await carryOut(job, ids);
      throw error;
    };
  const died = new TributaryError('SPLIT_DIED', { split: '00001', end: 'killed' });
  const under = (parts: PartsSpec, fencingToken: number) => ({ ...parts, run: { ...parts.run, fencingToken } });
  const codeIn = ({ result }: { result: PromiseSettledResult<unknown> }) =>
    codeOf(
      Promise.allSettled([]).then(() => {
        if (result.status === 'rejected') throw result.reason;
      }),
    );

  test('all results are one: parts in order, counts, late fields, files', async () => {
    const parts = partsSpec(COLUMNS, 'parquet');
    const { seen, gathered } = await distribute({ parts });
    expect(gathered?.manifest).toMatchObject({ rows: 4, runId: parts.run.runId, cursor: { from: null, to: '9' } });
    expect(gathered?.manifest.parts.map(({ uri }) => /rows\/(\d+)-/.exec(uri)?.[1])).toEqual(['00000', '00001']);
    expect(gathered?.summary).toMatchObject({ extracted: 4, nullified: 2, bytes: 20, rejected: 0 });
    expect(gathered?.summary.late).toEqual([late('FLOAT64')].map((column) => ({ ...column, sourceType: 'FLOAT64' })));
    expect(gathered?.summary.files?.map(({ uri, rows }) => [uri, rows])).toEqual([
      ['s3://b/a', 2],
      ['s3://b/00000', 1],
      ['s3://b/00001', 1],
    ]);
    expect(await scene.rows(gathered?.manifest as never)).toHaveLength(4);
    const stored = (await scene.bytes(seen.jobs[0]?.work.replace('gs://acme-staging/', '') ?? '')).toString();
    expect(stored).toContain('"collection":"items"');
    expect(stored).not.toContain('not to be written down');
  });

  test('no splits are no job and no rows', async () => {
    const { seen, gathered } = await distribute({ parts: partsSpec(COLUMNS, 'parquet'), splits: [] });
    expect(gathered?.manifest).toMatchObject({ rows: 0, parts: [] });
    expect(seen.jobs).toEqual([]);
  });

  test('what another process can go on with is gone on with, as far as it reads', async () => {
    const parts = partsSpec(COLUMNS, 'parquet');
    await distribute({ parts, execute: failing(died, ['00000']) });
    const { seen, gathered } = await distribute({
      parts: under(parts, 2),
      to: '12',
      execute: (job) => carryOut(job, ['00001']),
    });
    expect(seen).toMatchObject({ divided: 0, cancelled: [] });
    expect(seen.adopted.map(({ read, parts: { cursor } }) => [read.window?.to, cursor?.to])).toEqual([['9', '9']]);
    expect(
      seen.jobs.map(({ run, work }) => [run.fencingToken, work.includes(`/${parts.run.runId}/1/splits/`)]),
    ).toEqual([[1, true]]);
    expect(gathered?.manifest.rows).toBe(4);
  });

  test.each([
    ['its snapshot died with its holder', { unity: SNAPSHOT }, {}],
    ['other columns are asked for', {}, { column: 'm' }],
    ['what makes the pieces one is another', {}, { unity: { by: 'bound', reason: 'b' } as Unity }],
  ])('it is begun anew where %s, and the job is cancelled first', async (_, before, after) => {
    const parts = partsSpec(COLUMNS, 'parquet');
    await distribute({ parts, execute: failing(died, ['00000']), ...before });
    const { seen, gathered } = await distribute({ parts: under(parts, 2), ...before, ...after });
    expect(seen).toMatchObject({ divided: 1, cancelled: [parts.run.runId], adopted: [] });
    expect(seen.jobs[0]?.run.fencingToken).toBe(2);
    expect(gathered?.manifest.parts.every(({ uri }) => uri.includes(`/${parts.run.runId}/2/rows/`))).toBe(true);
  });

  test('a snapshot that is gone does no harm once all pieces are read', async () => {
    const parts = partsSpec(COLUMNS, 'parquet');
    await distribute({ parts, unity: SNAPSHOT });
    const { seen, gathered } = await distribute({ parts: under(parts, 2), unity: SNAPSHOT });
    expect(seen).toMatchObject({ divided: 0, jobs: [] });
    expect(gathered?.manifest.rows).toBe(4);
  });

  test('what an earlier process wrote and nobody can read is left alone', async () => {
    const parts = partsSpec(COLUMNS, 'parquet');
    const { seen: first } = await distribute({ parts, execute: failing(died) });
    const name = first.jobs[0]?.work.replace('gs://acme-staging/', '') ?? '';
    const url = `${scene.host}/upload/storage/v1/b/acme-staging/o?uploadType=media&name=${encodeURIComponent(name)}`;
    await fetch(url, { method: 'POST', body: '{"version":' });
    const { seen } = await distribute({ parts: under(parts, 2) });
    expect(seen).toMatchObject({ divided: 1, cancelled: [parts.run.runId] });
  });

  test('missing pieces fail the run: by what a piece met, else by what its job ended with, else as missing', async () => {
    const problem = new TributaryError('SOURCE_AUTHENTICATION', { user: 'u', host: 'h' }).problem;
    const noting: SplitExecutor['execute'] = async ({ work }) => {
      await using staging = await scene.open();
      await staging.splits.complain(work, '00001', problem);
    };
    const noted = await distribute({ parts: partsSpec(COLUMNS, 'parquet'), execute: noting });
    expect(noted.result).toMatchObject({
      reason: { problem: { ...problem, detail: `Split 00001 of 2: ${problem.detail}` } },
    });
    expect(await codeIn(await distribute({ parts: partsSpec(COLUMNS, 'parquet'), execute: failing(died) }))).toBe(
      'SPLIT_DIED',
    );
    const silent = await distribute({
      parts: partsSpec(COLUMNS, 'parquet'),
      execute: (job) => carryOut(job, ['00000']),
    });
    expect(silent.result).toMatchObject({
      reason: {
        problem: { code: 'SPLITS_INCOMPLETE', detail: expect.stringContaining('1 of 2 pieces have no result (00001)') },
      },
    });
  });

  test('a job that ends badly after all pieces were read is a warning', async () => {
    const { seen, gathered } = await distribute({
      parts: partsSpec(COLUMNS, 'parquet'),
      execute: failing(died, ['00000', '00001']),
    });
    expect(gathered?.manifest.rows).toBe(4);
    expect(seen.warnings.join()).toContain('SPLIT_DIED');
  });

  test('a run that is stopped says so, whatever its job says', async () => {
    const abort = new AbortController();
    const reason = new TributaryError('RUN_CANCELLED');
    const { result } = await distribute({
      parts: partsSpec(COLUMNS, 'parquet'),
      signal: abort.signal,
      execute: async () => {
        abort.abort(reason);
        throw died;
      },
    });
    expect(result).toMatchObject({ status: 'rejected', reason });
  });

  test('pieces are several for each machine, and more where rows are many', () => {
    expect([splitCount(2, null), splitCount(4, 1000), splitCount(4, 1e9), splitCount(50, 1e12)]).toEqual([
      8, 16, 500, 2000,
    ]);
  });
});
