/** `npm run chaos [-- --warehouse bigquery]`: kills, or with --schedules writers around the bound; exit 1 where a row was lost or doubled. */
import { parseArgs } from 'node:util';
import { startPostgres } from '../servers/postgres.ts';
import { bigqueryDestinations } from './bigquery.ts';
import { schedules } from './boundary.ts';
import { startEmulators } from './emulators.ts';
import { kills } from './kills.ts';
import { emptyReport } from './report.ts';

const { values } = parseArgs({
  options: {
    faults: { type: 'string' },
    schedules: { type: 'string' },
    seed: { type: 'string', default: '1' },
    source: { type: 'string', default: 'postgres' },
    warehouse: { type: 'string', default: 'duckdb' },
    lanes: { type: 'string' },
    rows: { type: 'string' },
    json: { type: 'boolean' },
  },
});

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${name} must be a whole number, not ${text}`);
}

if (values.source !== 'postgres')
  throw new Error(`--source ${values.source} is not part of this version; try postgres`);
if (values.warehouse !== 'duckdb' && values.warehouse !== 'bigquery')
  throw new Error(`--warehouse ${values.warehouse} is not part of this version; try duckdb or bigquery`);
if (values.warehouse === 'bigquery' && values.schedules !== undefined)
  throw new Error('--schedules is about the source: it is the same for every warehouse, and runs on duckdb');
const seed = whole('seed', values.seed);
const wanted = {
  faults: whole('faults', values.faults ?? (values.schedules === undefined ? '200' : '0')),
  schedules: whole('schedules', values.schedules ?? '0'),
};
const lanes = values.lanes === undefined ? {} : { lanes: Math.max(1, whole('lanes', values.lanes)) };
const rows = values.rows === undefined ? {} : { rows: whole('rows', values.rows) };
const report = emptyReport();
/** Which steps of BigQuery were struck how often. */
let struck: (() => Readonly<Record<string, number>>) | null = null;
const started = performance.now();
/** Also where it is told to stop: what was found so far counts. */
const finish = () => {
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  process.stdout.write(
    `${JSON.stringify({ ...report, ...(struck === null ? {} : { struck: struck() }), seed, seconds }, null, 2)}\n`,
  );
  process.exitCode = report.problems.length + report.lost + report.doubled + report.hung > 0 ? 1 : 0;
};
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    finish();
    process.exit(130);
  });
const shown = (done: number, of: number, what: string) => {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${of} ${what}`);
};
await using server = await startPostgres({ settings: { max_connections: '200' } });
await using ending = new AsyncDisposableStack();
const given = { server, seed, report, ...lanes };
const onBigquery = async () => {
  const emulators = ending.use(await startEmulators());
  const destinations = bigqueryDestinations({ emulators, password: server.password });
  struck = () => destinations.coverage.summary;
  return { destinations };
};
if (wanted.faults > 0)
  await kills({
    ...given,
    ...rows,
    ...(values.warehouse === 'bigquery' ? await onBigquery() : {}),
    faults: wanted.faults,
    onFault: (done) => shown(done, wanted.faults, 'faults'),
  });
if (wanted.schedules > 0) {
  const onSchedule = (done: number) => shown(done, wanted.schedules, 'schedules');
  await schedules({ ...given, schedules: wanted.schedules, onSchedule });
}
if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K');
finish();
