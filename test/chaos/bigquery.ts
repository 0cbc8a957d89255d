/** BigQuery under chaos: the real command line against emulators, through a wire on which everything may go wrong. */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { evidenceDataset, rawDataset, stagingBucket, stagingDataset } from '../../tenants/naming.ts';
import type { FaultRule } from '../cloud/emulators/fault.ts';
import { startCommand } from '../faults/command.ts';
import type { Destination, Destinations, Look, RunEnd, Spoilt, World } from './destination.ts';
import { type Emulators, emulatorClients } from './emulators.ts';
import { Learned } from './learned.ts';
import { bigqueryDialect } from './oracle.ts';
import { type Coverage, faultName, type KillAt, type Schedule, scheduleOf } from './schedule.ts';
import { SECRET_VARIABLE, TENANT } from './tenant.ts';
import { openWire, type Wire } from './wire.ts';

const SOURCE = 'rows';
const HUNG_SECONDS = 150;
const PEACE: Schedule = { hits: [], killAfterMs: null, skewHours: 0, serverHours: 0, mayFail: [] };
const SKEW = pathToFileURL(join(import.meta.dirname, 'skew.ts')).href;

export interface BigqueryDestinationsOptions {
  readonly emulators: Emulators;
  /** Of the source. */
  readonly password: string;
  /** Told of every run's calls. */
  readonly onRun?: (calls: Wire['calls']) => void;
}

export function bigqueryDestinations(
  options: BigqueryDestinationsOptions,
): Destinations & { readonly coverage: Coverage } {
  const learned = new Learned();
  return {
    coverage: learned.coverage,
    conflicts: ['WAREHOUSE_CONFLICT'],
    busyWriters: true,
    // As texts, by which an append compares rows, the emulator's NUMERIC(12, 2) and NUMERIC differ; BigQuery's do not.
    columns: { types: { amount: 'NUMERIC' } },
    lane: async () => ({
      open: (world) => open(options, learned, world),
      [Symbol.asyncDispose]: async () => undefined,
    }),
  };
}

async function open(options: BigqueryDestinationsOptions, learned: Learned, world: World): Promise<Destination> {
  const { emulators, password } = options;
  const project = `chaos-${world.seed}`;
  const { bigquery, storage } = emulatorClients(emulators, project);
  const bucket = storage.bucket(stagingBucket(project, TENANT));
  await bucket.create();
  const wire = await openWire(emulators);
  let runs = 0;

  async function carryOut(schedule: Schedule): Promise<{ end: RunEnd; met: string[] }> {
    runs += 1;
    wire.reset(schedule.serverHours);
    const events: string[] = [];
    const met: string[] = [];
    const words = [
      'run',
      TENANT,
      SOURCE,
      '--tenants',
      'tenants',
      '--warehouse',
      `bigquery:${project}`,
      '--json',
      '--yes',
    ];
    const { child, ended } = startCommand({
      folder: world.folder,
      words,
      environment: {
        ...wire.environment,
        [SECRET_VARIABLE]: password,
        ...skewed(schedule.skewHours),
      },
      seconds: HUNG_SECONDS,
      onEvent: ({ type, step }) => {
        if (type !== 'progress') events.push(step === undefined ? type : `${step} ${type}`);
      },
    });
    const kill = () => child.kill('SIGKILL');
    for (const { step, nth, fault } of schedule.hits) {
      const strike = () => {
        met.push(faultName(fault));
        learned.coverage.add(typeof fault === 'string' ? 'kill' : 'answer', step);
      };
      wire.fault(step, {
        nth,
        ...(typeof fault === 'string' ? killing(fault, kill, strike) : { fault, onArrive: strike }),
      });
    }
    const over = new AbortController();
    if (schedule.killAfterMs !== null) {
      const ambush = sleep(schedule.killAfterMs, undefined, { signal: over.signal });
      ambush.then(() => met.push('kill at random') && kill()).catch(() => undefined);
    }
    const { code, json, stderr, stdout, hung } = await ended;
    over.abort();
    const detail = json.problem === undefined ? `${stdout}${stderr}`.trim().slice(-1500) : json.problem.detail;
    const said = { runId: json.runId ?? null, status: json.status ?? null, code: json.problem?.code ?? null, detail };
    options.onRun?.(wire.calls);
    return { end: { killed: code === null && !hung, hung, events, ...said }, met };
  }

  return {
    async spoil(number, random): Promise<Spoilt> {
      const calls = learned.callsOf(world.shape.name, runs === 0);
      const schedule = scheduleOf(number, calls, learned.coverage, random);
      const first = runs === 0;
      const { end, met } = await carryOut(schedule);
      if (first) learned.first(wire.calls.map(({ step }) => step));
      const { skewHours, serverHours } = schedule;
      const clocks = { "runner's clock wrong": skewHours, "servers' clock wrong": serverHours };
      const beside = Object.entries(clocks).flatMap(([clock, hours]) => (hours === 0 ? [] : [clock]));
      return { end, met, beside, what: JSON.stringify(schedule), mayFail: schedule.mayFail };
    },
    async run() {
      const { end } = await carryOut(PEACE);
      const steps = wire.calls.map(({ step }) => step);
      if (end.status === 'succeeded') learned.later(world.shape.name, steps);
      return end;
    },
    look: async () => lookAt(project, emulators),
    async [Symbol.asyncDispose]() {
      await wire[Symbol.asyncDispose]();
      for (const dataset of [rawDataset, stagingDataset, evidenceDataset]) {
        await bigquery
          .dataset(dataset(TENANT))
          .delete({ force: true })
          .catch(() => undefined);
      }
      await bucket.deleteFiles({ force: true }).catch(() => undefined);
    },
  };
}

function killing(at: KillAt, kill: () => void, met: () => void): Omit<FaultRule, 'when'> {
  const die = () => {
    met();
    kill();
  };
  if (at === 'arrived') return { fault: { how: 'lose request' }, onArrive: die };
  return { fault: { how: 'lose answer' }, ...(at === 'passed' ? { onArrive: die } : { onAnswer: die }) };
}

function skewed(hours: number): Record<string, string> {
  return hours === 0 ? {} : { NODE_OPTIONS: `--import ${SKEW}`, TRIBUTARY_TEST_SKEW_MS: `${hours * 3_600_000}` };
}

/** Past the wire: what is asked here is no call of a run. */
function lookAt(project: string, emulators: Emulators): Look {
  const { bigquery, storage } = emulatorClients(emulators, project);
  return {
    dialect: bigqueryDialect,
    async ask(sql) {
      const [rows] = await bigquery.query(sql);
      return rows as Record<string, unknown>[];
    },
    name: (dataset, table) => `\`${project}.${dataset}.${table}\``,
    async staged() {
      const [tables] = await bigquery.dataset(stagingDataset(TENANT)).getTables();
      const [files] = await storage.bucket(stagingBucket(project, TENANT)).getFiles();
      return [...tables.map(({ id }) => String(id)), ...files.map(({ name }) => name)];
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
