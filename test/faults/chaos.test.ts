import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { schedules } from '../chaos/boundary.ts';
import { kills } from '../chaos/kills.ts';
import { emptyReport } from '../chaos/report.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ settings: { max_connections: '200' } });
});
afterAll(() => server.stop());

const clean = { lost: 0, doubled: 0, hung: 0, problems: [] };

describe('every row exactly once', () => {
  test('when runs are killed, at every boundary and inside of every step', { timeout: 170_000 }, async () => {
    const report = emptyReport();
    await kills({ server, seed: 11, report, faults: 24, rows: 8000, faultsOfAWorld: 3 });
    expect(report).toMatchObject({ ...clean, faults: 24 });
  });

  test('when writers commit around the bound of a window', { timeout: 120_000 }, async () => {
    const report = emptyReport();
    await schedules({ server, seed: 11, report, schedules: 40 });
    expect(report).toMatchObject(clean);
    expect(report.rowsChecked).toBeGreaterThan(400);
  });
});
