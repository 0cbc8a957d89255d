/** Where a run is executed: rules that hold for every source and every figure, and what people read. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SIZES } from '../../../components/sizing.ts';
import type { Unity } from '../../../runner/core/contracts/splits.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { MACHINE } from '../../../runner/launchers/dataflow/launch.ts';
import { workerUsd } from '../../../runner/launchers/dataflow/price.ts';
import { comparing, type DecisionFacts, decide, dividing, readersOf } from '../../../runner/pipeline/mode.ts';
import { CONTAINER, type MeasuredRates, WORKER_SECOND_USD } from '../../../runner/pipeline/rates.ts';
import { connectionSchema, executionSchema } from '../../../tenants/schema/index.ts';

const SNAPSHOT: Unity = { by: 'snapshot', reason: 'one exported snapshot' };
const SHOP = { kind: 'postgres', host: 'db', database: 'shop', user: 'reader' };

interface Given {
  readonly execution?: object;
  readonly connection?: object;
  readonly rows?: number | null;
  readonly bytes?: number | null;
  readonly executors?: DecisionFacts['executors'];
  readonly unity?: Unity | string;
  readonly measured?: MeasuredRates;
  readonly embedded?: boolean;
}

function factsOf(given: Given): DecisionFacts {
  return {
    source: 'orders',
    execution: executionSchema.parse(given.execution ?? {}),
    connection: connectionSchema.parse(given.connection ?? SHOP),
    estimate: { rows: given.rows === undefined ? 40_000_000 : given.rows, bytes: given.bytes ?? null },
    embedded: given.embedded ?? false,
    executors: given.executors ?? ['tasks', 'dataflow'],
    unity: given.unity ?? SNAPSHOT,
    measured: given.measured ?? {},
  };
}

const decided = (given: Given) => decide(factsOf(given));

function refusal(given: Given): { readonly code: string; readonly detail: string; readonly fix: string } {
  try {
    decided(given);
  } catch (error) {
    if (error instanceof TributaryError) return error.problem;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('auto', () => {
  it('goes to Dataflow from the threshold on, and says what it compared', () => {
    expect(decided({})).toMatchObject({
      mode: 'dataflow',
      tasks: 8,
      unity: SNAPSHOT,
      modeReason:
        'dataflow: about 40,000,000 rows, at or over 1,000,000; cloud_run 100 s ($0.01) by defaults; dataflow 285 s ($0.04) by defaults; one read by snapshot: one exported snapshot',
    });
    expect(decided({ rows: 999_999 })).toMatchObject({
      mode: 'cloud_run',
      tasks: 1,
      unity: null,
      modeReason: 'cloud_run: about 999,999 rows, under 1,000,000',
    });
    expect(decided({ rows: null }).modeReason).toBe('cloud_run: nobody knows how many rows');
  });

  it('is taught by the source’s own runs, wherever they were', () => {
    const slow = { cloud_run: 20_000 };
    expect(decided({ measured: slow })).toMatchObject({
      mode: 'dataflow',
      modeReason: expect.stringContaining(
        'cloud_run 2,000 s ($0.18) by its own runs; dataflow 285 s ($0.04) by defaults',
      ),
    });
    expect(decided({ measured: { cloud_run: 400_000 } })).toMatchObject({ mode: 'cloud_run', tasks: 1 });
    // A job of 40 million rows that took ten minutes: one machine would have been done before the workers were there.
    expect(decided({ measured: { dataflow: 120_000 } })).toMatchObject({
      mode: 'cloud_run',
      modeReason: expect.stringMatching(/cloud_run 100 s .* by defaults; dataflow 604 s .* by its own runs$/),
    });
  });

  it.each([
    [{ connection: { kind: 'bigquery', project: 'p-project' } }, 'not dataflow: BigQuery reads its own tables itself'],
    [
      { connection: { kind: 'gcs', bucket: 'acme-landing' } },
      'not dataflow: BigQuery loads objects of Cloud Storage itself',
    ],
    [{ unity: 'views have no pages' }, 'not dataflow: views have no pages'],
    [{ executors: [] }, 'not dataflow: no Dataflow template is provisioned'],
    [
      { execution: { maxCostUsd: 0.01 } },
      'not dataflow: the job is predicted to cost $0.04, over execution.maxCostUsd of $0.01',
    ],
    [{ embedded: true }, 'on this machine the run stays in one process'],
  ] as [Given, string][])('stays where it cannot be, and says why: %o', (given, reason) => {
    const { mode, modeReason, unity } = decided(given);
    expect([mode, unity]).toEqual(['cloud_run', null]);
    expect(modeReason).toContain(reason);
  });
});

describe('a wish for Dataflow', () => {
  it('is kept for few rows too', () => {
    expect(decided({ execution: { mode: 'dataflow' }, rows: 3 })).toMatchObject({
      mode: 'dataflow',
      modeReason: expect.stringMatching(/^dataflow: dataflow is set, about 3 rows; cloud_run 1 s/),
    });
    expect(decided({ execution: { mode: 'dataflow' }, rows: null })).toMatchObject({
      mode: 'dataflow',
      predictions: [],
    });
  });

  it.each([
    [{ unity: 'views have no pages' }, /but views have no pages/, /mode: auto/],
    [{ executors: ['tasks'] }, /no Dataflow template is provisioned/, /dataflowImage/],
    [{ execution: { mode: 'dataflow', maxCostUsd: 0.01 } }, /predicted to cost \$0\.04/, /Raise execution\.maxCostUsd/],
  ] as [Given, RegExp, RegExp][])('that cannot be kept is an error with what to do: %o', (given, detail, fix) => {
    const problem = refusal({ execution: { mode: 'dataflow' }, ...given });
    expect(problem.code).toBe('MODE_IMPOSSIBLE');
    expect(problem.detail).toMatch(detail);
    expect(problem.fix).toMatch(fix);
  });

  it('stays in one process in front of the embedded warehouse, where the same file is tried', () => {
    expect(decided({ execution: { mode: 'dataflow' }, embedded: true })).toMatchObject({
      ...{ mode: 'cloud_run', tasks: 1, predictions: [] },
      modeReason: expect.stringContaining('dataflow is set, about 40,000,000 rows; on this machine'),
    });
  });
});

describe('tasks', () => {
  const EIGHT = { mode: 'cloud_run', tasks: 8 };

  it('share the read where it can be parted', () => {
    expect(decided({ execution: EIGHT })).toMatchObject({
      ...{ mode: 'cloud_run', tasks: 8, unity: SNAPSHOT },
      modeReason:
        'cloud_run, 8 tasks: cloud_run is set, about 40,000,000 rows; one read by snapshot: one exported snapshot',
    });
    expect(decided({ execution: { tasks: 8 }, rows: 900_000 })).toMatchObject({ mode: 'cloud_run', tasks: 8 });
  });

  it('are fewer for few rows, and for a server that bears fewer', () => {
    expect(decided({ execution: EIGHT, rows: 2500 }).tasks).toBe(3);
    expect(decided({ execution: EIGHT, rows: 0 })).toMatchObject({ tasks: 1, unity: null });
    expect(decided({ execution: EIGHT, connection: { ...SHOP, protect: { connections: 4 } } }).tasks).toBe(4);
  });

  it.each([
    [{ unity: 'views have no pages' }, 'one task, not 8: views have no pages'],
    [{ executors: ['dataflow'] }, 'one task, not 8: this process may not start the job of the tenant'],
  ] as [Given, string][])('are one where they cannot be, and it says why: %o', (given, reason) => {
    expect(decided({ execution: EIGHT, ...given })).toMatchObject({
      ...{ mode: 'cloud_run', tasks: 1 },
      modeReason: expect.stringContaining(reason),
    });
  });
});

describe('whatever the figures are', () => {
  const unity = fc.constantFrom<Unity | string>(SNAPSHOT, 'views have no pages');
  const execution = fc.record({
    mode: fc.constantFrom('auto', 'cloud_run', 'dataflow'),
    tasks: fc.integer({ min: 1, max: 100 }),
    readers: fc.integer({ min: 1, max: 16 }),
    maxWorkers: fc.integer({ min: 1, max: 100 }),
    dataflowAtRows: fc.integer({ min: 1, max: 1e9 }),
  });
  const rate = fc.option(fc.integer({ min: 1, max: 1e7 }), { nil: undefined });
  const given = fc.record({
    execution,
    connection: fc.integer({ min: 1, max: 64 }).map((connections) => ({ ...SHOP, protect: { connections } })),
    rows: fc.option(fc.integer({ min: 0, max: 2e9 })),
    bytes: fc.option(fc.integer({ min: 0, max: 1e12 })),
    executors: fc.subarray<'tasks' | 'dataflow'>(['tasks', 'dataflow']),
    unity,
    measured: fc.record({ cloud_run: rate, dataflow: rate }).map(
      ({ cloud_run, dataflow }): MeasuredRates => ({
        ...(cloud_run === undefined ? {} : { cloud_run }),
        ...(dataflow === undefined ? {} : { dataflow }),
      }),
    ),
    embedded: fc.boolean(),
  });

  it('a server never bears more than its file says, and nothing goes where it cannot', () => {
    fc.assert(
      fc.property(given, (one) => {
        const facts = factsOf(one);
        const { connections } = one.connection.protect;
        expect(readersOf(facts.execution, facts.connection)).toBeLessThanOrEqual(connections);
        const possible = !one.embedded && one.executors.includes('dataflow') && typeof one.unity !== 'string';
        if (one.execution.mode === 'dataflow' && !possible && !one.embedded)
          return void expect(() => decide(facts)).toThrow(TributaryError);
        const { mode, tasks, unity: together, modeReason, predictions } = decide(facts);
        expect(tasks).toBeLessThanOrEqual(connections);
        const distributed = mode === 'dataflow' || tasks > 1;
        expect(together !== null).toBe(distributed);
        if (distributed) {
          expect(one.embedded || typeof one.unity === 'string').toBe(false);
          expect(one.executors).toContain(mode === 'dataflow' ? 'dataflow' : 'tasks');
          // Who decides for many machines has asked the source whether they may be.
          expect(dividing(facts)).toBe(true);
        }
        if (mode === 'dataflow' && one.execution.mode === 'auto') {
          expect(one.rows).toBeGreaterThanOrEqual(one.execution.dataflowAtRows);
          expect(comparing(facts)).toBe(true);
        }
        if (one.execution.mode === 'cloud_run') expect(mode).toBe('cloud_run');
        expect(modeReason.startsWith(mode)).toBe(true);
        for (const { seconds, usd } of predictions) {
          expect(Number.isFinite(seconds) && seconds >= 0).toBe(true);
          expect(Number.isFinite(usd) && usd >= 0).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('more rows never take less time, nor more machines more', () => {
    const rows = fc.integer({ min: 0, max: 1e9 });
    fc.assert(
      fc.property(rows, rows, fc.integer({ min: 1, max: 50 }), (a, b, workers) => {
        const seconds = (count: number, maxWorkers: number) =>
          decided({ rows: count, execution: { mode: 'dataflow', maxWorkers } }).predictions.map((one) => one.seconds);
        const [few, many] = [Math.min(a, b), Math.max(a, b)];
        const [more, less] = [seconds(many, workers), seconds(few, workers)];
        for (const [i, value] of more.entries()) expect(value).toBeGreaterThanOrEqual(less[i] ?? 0);
        expect(seconds(many, workers + 1)[1]).toBeLessThanOrEqual(more[1] ?? 0);
      }),
    );
  });
});

it('the machines of the predictions are those that are rented', () => {
  expect(WORKER_SECOND_USD * 3600).toBeCloseTo(workerUsd(MACHINE), 10);
});

it('the container of the predictions is the one that tenants get', () => {
  expect(SIZES.job).toMatchObject({ cpu: `${CONTAINER.cores}`, memory: `${CONTAINER.memoryGb}Gi` });
});
