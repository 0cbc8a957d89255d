/** A bound that lies before that of the last run: a replica fell behind, or `lag` was raised. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isEarlier } from '../../../runner/strategies/cursor.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { Loading } from './loading.ts';

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
  const client = await server.client();
  // The bound of a materialized view is the clock less the lag.
  await client.query(`CREATE TABLE t AS SELECT i AS id, now() - interval '10 s' AS at FROM generate_series(1, 10) i;
    CREATE MATERIALIZED VIEW seen AS SELECT * FROM t`);
  await client.end();
});
afterAll(() => server?.stop());

it.each([
  ['append', []],
  ['append', ['at']],
  ['merge', []],
] as const)('%s without %j reads nothing twice, and the cursor stays', async (mode, without) => {
  await using loading = new Loading(server);
  const run = async (lag: string) => {
    const load = {
      strategy: 'transactional',
      mode,
      cursor: 'at',
      lag,
      ...(mode === 'merge' && { key: ['id'] }),
    } as const;
    return (await loading.load('seen', { table: 'seen', load, columns: { exclude: [...without] } })).summary;
  };
  const first = await run('1s');
  expect(first.rows.extracted).toBe(10);
  const back = await run('60s');
  expect(back.window).toEqual({ from: first.window?.to, to: first.window?.to });
  expect(back.rows.extracted).toBe(0);
  const next = await run('1s');
  expect(next.window?.from).toBe(first.window?.to);
  expect(next.rows.extracted).toBe(0);
  expect(await loading.query('SELECT count(*)::INT AS n FROM acme_raw.seen')).toEqual([{ n: 10 }]);
});

it.each([
  ['2026-03-01 00:00:00.000001+00', '2026-03-01 00:00:00.000002+00', true],
  ['2026-03-01 00:00:00+00', '2026-03-01T00:00:00.000001Z', true],
  ['2026-03-01 02:00:00+02', '2026-03-01 00:00:00+00', false],
  ['2026-03-01 01:59:59+02', '2026-03-01 00:00:00+00', true],
  ['2026-03-01 01:59:59.5+0200', '2026-03-01 00:00:00Z', true],
  ['2026-03-01', '2026-03-02', true],
  ['2026-03-01', '2026-03-01', false],
  ['0001-01-01 00:00:00', '9999-12-31 23:59:59.999999', true],
  ['-9223372036854775808', '5', false],
])('%s before %s: %s', (a, b, earlier) => {
  expect(isEarlier(a, b)).toBe(earlier);
});
