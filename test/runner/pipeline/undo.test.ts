/** A run is taken back under the lease of its source, and the run store has a record of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunEvent, RunStore } from '../../../runner/core/contracts/run-store.ts';
import type { RunIdentity, Undone, Warehouse } from '../../../runner/core/contracts/warehouse.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { type UndoOutcome, undoRun } from '../../../runner/pipeline/undo.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { tenantSchema } from '../../../tenants/schema/index.ts';

const tenant = tenantSchema.parse({
  tenant: 'acme',
  connections: { main: { kind: 'postgres', host: 'h', database: 'd', user: 'u', secret: 's' } },
  sources: { orders: { connection: 'main', table: 't', load: { strategy: 'catalog' } } },
});
const UNDONE: Undone = { rows: 7, cursor: '2026-01-01', runs: ['run_2', 'run_3'] };

let folder: string;
let store: RunStore;
let asked: string[];
let events: RunEvent[];
let tokens: number[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-undo-'));
  store = openSqliteStore(join(folder, 'runs.sqlite'));
  asked = [];
  events = [];
  tokens = [];
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function warehouse(undo: () => Promise<Undone>): Warehouse {
  const said = (what: string) => async () => {
    asked.push(what);
  };
  const half: Partial<Warehouse> = {
    billed: { bytes: 5, slotMs: 6, usd: 0 },
    prepare: said('prepare'),
    committed: async ({ runId }) => runId === 'run_dead',
    undo: async ({ fencingToken }: RunIdentity, { dataset, table }, runId) => {
      asked.push(`undo ${dataset}.${table} ${runId}`);
      tokens.push(fencingToken);
      return undo();
    },
    [Symbol.asyncDispose]: said('close'),
  };
  return half as Warehouse;
}

function takeBack(undo: () => Promise<Undone>, signal = new AbortController().signal): Promise<UndoOutcome> {
  return undoRun({
    tenant,
    sourceName: 'orders',
    runId: 'run_undo',
    undo: 'run_2',
    store,
    signal,
    openWarehouse: async (onWarning) => {
      onWarning('a label is gone');
      return warehouse(undo);
    },
    onEvent: (event) => events.push(event),
  });
}

it('says what is left and what is gone, and is a run of its own', async () => {
  const { status, summary, problem } = await takeBack(async () => UNDONE);
  expect({ status, problem }).toEqual({ status: 'succeeded', problem: null });
  expect(summary).toMatchObject({
    runId: 'run_undo',
    source: 'orders',
    mode: 'undo',
    destination: 'acme_raw.orders',
    undone: { runId: 'run_2', ...UNDONE },
    billed: { bytes: 5 },
    status: 'succeeded',
  });
  expect(asked).toEqual(['prepare', 'undo acme_raw.orders run_2', 'close']);
  expect(tokens).toEqual([1]);
  expect(events.map(({ type }) => type)).toEqual(['run-start', 'warning', 'step-start', 'step-end', 'run-end']);
  expect((await store.events('run_undo'))[1]?.data).toEqual({ text: 'a label is gone' });
  expect(await store.get('run_undo')).toMatchObject({ status: 'succeeded', summary: { undone: { rows: 7 } } });
  await store.claim({ tenant: 'acme', source: 'orders', runId: 'next', ttlMs: 1000 });
});

it('is refused while a run holds the lease', async () => {
  await store.claim({ tenant: 'acme', source: 'orders', runId: 'the_other', ttlMs: 60_000 });
  const { status, problem, summary } = await takeBack(async () => UNDONE);
  expect(status).toBe('refused');
  expect(problem).toMatchObject({ code: 'LEASE_HELD', detail: expect.stringContaining('the_other') });
  expect(summary.undone).toBeNull();
  expect(asked).toEqual([]);
});

it('fails with what the warehouse says, recorded', async () => {
  const reason = 'time travel ended';
  const { status, problem } = await takeBack(async () => {
    throw new TributaryError('UNDO_IMPOSSIBLE', { run: 'run_2', reason });
  });
  expect({ status, code: problem?.code }).toEqual({ status: 'failed', code: 'UNDO_IMPOSSIBLE' });
  expect(await store.get('run_undo')).toMatchObject({ status: 'failed', problem: { code: 'UNDO_IMPOSSIBLE' } });
  expect(asked.at(-1)).toBe('close');
});

it('does nothing once it is interrupted', async () => {
  const { status, problem } = await takeBack(async () => UNDONE, AbortSignal.abort());
  expect({ status, code: problem?.code }).toEqual({ status: 'interrupted', code: 'INTERRUPTED' });
  expect(asked).toEqual(['prepare', 'close']);
});

it('settles what died before it', async () => {
  const lease = await store.claim({ tenant: 'acme', source: 'orders', runId: 'run_dead', ttlMs: 60_000 });
  await store.release(lease);
  await takeBack(async () => UNDONE);
  expect((await store.get('run_dead'))?.status).toBe('succeeded');
});
