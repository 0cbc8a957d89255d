import { afterAll, beforeAll, expect, test } from 'vitest';
import { bigqueryDestinations } from '../chaos/bigquery.ts';
import { type Emulators, startEmulators } from '../chaos/emulators.ts';
import { kills } from '../chaos/kills.ts';
import { emptyReport } from '../chaos/report.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { describeWith } from '../setup/describe-with.ts';

/** Each has to be struck, by a kill or by a bad answer, however few faults there are. */
const STEPS = [
  'staging: list tables',
  'tributary: list tables',
  'evidence: insert',
  'create: insert',
  'objects: begin part',
  'objects: send part',
  'objects: send manifest',
  'load_rows: insert',
  'check: insert',
  'check: rows',
  'commit: insert',
  'commit: rows',
  'billing: insert',
  'staging: delete table',
  'objects: delete',
];

/** As many as it takes to strike each; usually two or three. */
const ROUNDS = 8;

describeWith(['emulators'], 'every row exactly once on BigQuery', () => {
  let server: PostgresServer;
  let emulators: Emulators & AsyncDisposable;
  beforeAll(async () => {
    server = await startPostgres({ settings: { max_connections: '50' } });
    emulators = await startEmulators();
  });
  afterAll(async () => {
    await emulators?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  test('when runs are killed and answers are bad, at every step', { timeout: 400_000 }, async () => {
    const report = emptyReport();
    const destinations = bigqueryDestinations({ emulators, password: server.password });
    const { coverage } = destinations;
    const struck = (step: string) => coverage.count('kill', step) + coverage.count('answer', step) > 0;
    for (let round = 1; round <= ROUNDS && (round === 1 || !STEPS.every(struck)); round++) {
      const faults = report.faults + 12;
      await kills({ server, seed: 50 + round, report, destinations, faults, rows: 600, faultsOfAWorld: 2, lanes: 2 });
    }
    expect(report).toMatchObject({ lost: 0, doubled: 0, hung: 0, problems: [] });
    expect(STEPS.filter((step) => !struck(step))).toEqual([]);
    expect(Object.keys(report.kinds).filter((kind) => kind.startsWith('kill')).length).toBeGreaterThan(0);
  });
});
