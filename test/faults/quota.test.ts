/** A hundred tables, each loaded every quarter of an hour, stay inside of BigQuery's quotas of tables. */
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulators, startEmulators } from '../chaos/emulators.ts';
import { seeded } from '../chaos/random.ts';
import type { ProxyCall } from '../cloud/emulators/proxy.ts';
import { LIMITS, type TableUsage, tableUsage } from '../cloud/emulators/quota.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { describeWith } from '../setup/describe-with.ts';
import { CloudPlace } from './cloud-place.ts';
import { type DayOptions, dayOf, type RecordedRun, type RecordedStrategy } from './day.ts';
import { openScene } from './scene.ts';

const TENANT = 'acme';
const TABLES = 100;
const TICKS = 96;
const LOADS = {
  appended: { strategy: 'transactional', mode: 'append', cursor: 'stamp' },
  merged: { strategy: 'transactional', mode: 'merge', key: ['id'], cursor: 'stamp', deletes: 'hard' },
  daily: { strategy: 'catalog', history: 'daily' },
  replaced: { strategy: 'catalog', history: 'replace' },
} as const;

describeWith(['emulators'], `${TABLES} tables, ${TICKS} runs a day`, () => {
  let server: PostgresServer;
  let admin: pg.Client;
  let emulators: Emulators & AsyncDisposable;
  let place: CloudPlace;
  const strategies: RecordedStrategy[] = [];

  beforeAll(async () => {
    ({ server, admin } = await openScene());
    emulators = await startEmulators();
    place = await CloudPlace.make({ server, emulators, project: 'one-project' });
    const sources = Object.entries(LOADS).map(([name, load]) => [name, { table: `public.${name}`, load }]);
    await place.tenant(TENANT, Object.fromEntries(sources));
    for (const source of Object.keys(LOADS)) {
      await admin.query(
        `CREATE TABLE ${source} (id int PRIMARY KEY, note text, stamp timestamptz NOT NULL DEFAULT now())`,
      );
      const first = await recorded(source, 1);
      const usual = await recorded(source, 2);
      await admin.query(`ALTER TABLE ${source} ADD COLUMN more int DEFAULT 7`);
      strategies.push({ first, usual, grown: await recorded(source, 3) });
    }
  }, 240_000);
  afterAll(async () => {
    await place?.[Symbol.asyncDispose]();
    await emulators?.[Symbol.asyncDispose]();
    await admin?.end();
    await server?.stop();
  });

  async function recorded(source: string, batch: number): Promise<RecordedRun> {
    const wire = place.wire(TENANT);
    wire.reset();
    await admin.query(`INSERT INTO ${source} (id, note) SELECT ${batch} * 100 + i, 'n' FROM generate_series(1, 60) i`);
    const { code, json, stdout, stderr } = await place.run(TENANT, source);
    expect(code, `${stdout}${stderr}`).toBe(0);
    return { source, runId: String(json.runId), calls: [...wire.calls] };
  }

  const usageOf = (more: Partial<DayOptions> = {}) =>
    tableUsage(dayOf({ strategies, tables: TABLES, ticks: TICKS, random: seeded(1), fresh: false, ...more }));

  function most(usage: ReadonlyMap<string, TableUsage>, figure: keyof TableUsage): [string, number] {
    const [table = '', found] = [...usage].reduce((a, b) => (b[1][figure] > a[1][figure] ? b : a));
    return [table, found?.[figure] ?? 0];
  }

  const figuresOf = (usage: ReadonlyMap<string, TableUsage>) => ({
    modifications: most(usage, 'modifications'),
    peakPer10Seconds: most(usage, 'peakPer10Seconds'),
    dml: most(usage, 'dml'),
  });

  test.each([1, 2, 3])('no table is modified too often, on no day and in no ten seconds (seed %i)', (seed) => {
    const usage = usageOf({ random: seeded(seed) });
    const of = (dataset: string) => [...usage].filter(([table]) => table.includes(`_${dataset}.`));
    // Targets, their state, the shared evidence, and a staging table for each run.
    expect(of('raw').length).toBeGreaterThanOrEqual(TABLES);
    expect(of('staging').length).toBeGreaterThanOrEqual(TABLES * TICKS);
    const figures = figuresOf(usage);
    console.log('the busiest tables of a usual day:', figures);
    expect(figures.modifications[1]).toBeLessThan(LIMITS.modificationsPerDay);
    expect(figures.peakPer10Seconds[1]).toBeLessThanOrEqual(LIMITS.updatesPer10Seconds);
    // A column that came; the view of the newest day is written anew by each run.
    const often = of('raw').filter(([, { modifications }]) => modifications > 10);
    expect(often.filter(([table]) => !table.endsWith('_latest'))).toEqual([]);
  });

  test('nor on the day on which all of them are new, but for the view over their states', () => {
    const usage = new Map(usageOf({ fresh: true }));
    const view = [...usage].find(([table]) => table.endsWith('_tributary._state'));
    console.log('the view on the first day:', view);
    // Each new source writes it once: a hundred in one quarter of an hour may meet; a refusal is waited for.
    expect(view?.[1]).toMatchObject({ modifications: TABLES });
    usage.delete(view?.[0] ?? '');
    const figures = figuresOf(usage);
    console.log('the busiest tables of the first day:', figures);
    expect(figures.modifications[1]).toBeLessThan(LIMITS.modificationsPerDay);
    expect(figures.peakPer10Seconds[1]).toBeLessThanOrEqual(LIMITS.updatesPer10Seconds);
  });

  test('a usual run modifies nothing but its own staging tables and the view of the newest day', () => {
    for (const { usual } of strategies) {
      const usage = tableUsage(usual.calls);
      const modified = [...usage].filter(([, { modifications }]) => modifications > 0).map(([table]) => table);
      expect(
        modified.filter((table) => !table.includes(`${TENANT}_staging.`) && !table.endsWith('daily_latest')),
      ).toEqual([]);
    }
  });

  test('a job per run that writes a shared table would be found', () => {
    const planted: DayOptions['planted'] = ({ table, tick, at }) => [
      {
        method: 'POST',
        url: '/bigquery/v2/projects/one-project/jobs',
        jobId: `copy_${table}_${tick}`,
        body: { configuration: { copy: { destinationTable: { projectId: 'p', datasetId: 'd', tableId: 'shared' } } } },
        bytes: 0,
        at,
        fault: null,
        status: 200,
        answer: null,
      } satisfies ProxyCall,
    ];
    const usage = usageOf({ planted }).get('p.d.shared');
    expect(usage?.modifications).toBe(TABLES * TICKS);
    expect(usage?.modifications).toBeGreaterThan(LIMITS.modificationsPerDay);
  });
});
