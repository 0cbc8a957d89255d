/** A control plane on a real store and a folder of tenants; the platform and the notifiers are the test's. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import type { Notice, Notifier } from '../../../runner/core/contracts/notice.ts';
import type { RunOrder } from '../../../runner/core/contracts/run-order.ts';
import type { EndedStatus, Lease, RunRecord, RunStore } from '../../../runner/core/contracts/run-store.ts';
import { type Problem, problemOf, TributaryError } from '../../../runner/core/errors.ts';
import { systemClock } from '../../../runner/core/retry.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { openFolderTenants } from '../../../runner/stores/tenants/folder.ts';
import type { ControlEvent, ControlSettings } from '../../../webhook/control/context.ts';
import type { ControlPlane, Tick } from '../../../webhook/control/contract.ts';
import { createControl } from '../../../webhook/control/control.ts';
import { TestPlatform } from './platform.ts';

/** A Tuesday; the clock of every scene starts here and moves only when told. */
export const START = new Date('2026-11-24T09:00:20.000Z');
export const T0900 = '2026-11-24T09:00:00.000Z';
export const T0915 = '2026-11-24T09:15:00.000Z';
export const T0930 = '2026-11-24T09:30:00.000Z';

const SECOND = 1000;

export class TestNotifier implements Notifier {
  readonly name: string;
  readonly received: Notice[] = [];
  /** So many deliveries fail before one succeeds. */
  failures = 0;

  constructor(name: string) {
    this.name = name;
  }

  async send(notices: readonly Notice[]): Promise<void> {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new TributaryError('NOTICE_FAILED', { notifier: this.name, reason: '503' });
    }
    this.received.push(...notices);
  }

  get ids(): readonly string[] {
    return this.received.map(({ id }) => id);
  }

  get types(): readonly string[] {
    return this.received.map(({ type }) => type);
  }
}

export interface Scene extends AsyncDisposable {
  readonly control: ControlPlane;
  readonly store: RunStore;
  readonly platform: TestPlatform;
  readonly notifiers: readonly [TestNotifier, TestNotifier];
  readonly events: ControlEvent[];
  /** A second webhook on the same store; knows nothing of the first. */
  another(): Promise<ControlPlane>;
  tick(at: string | null, of?: Partial<Tick>): ReturnType<ControlPlane['trigger']>;
  /** What the runner of a run does first, and last. */
  begin(runId: string): Promise<Lease>;
  end(runId: string, status?: EndedStatus, problem?: Problem | null): Promise<void>;
  run(runId: string): Promise<RunRecord>;
  /** Somebody writes a tenant's file. */
  write(yaml: string, updatedAt?: string): void;
}

export async function openScene(settings: Partial<ControlSettings> = {}): Promise<Scene> {
  vi.useFakeTimers({ toFake: ['Date'], now: START });
  const folder = mkdtempSync(join(tmpdir(), 'tributary-control-'));
  const file = join(folder, 'runs.sqlite');
  const store = openSqliteStore(file, { onBehalf: true });
  const stores: RunStore[] = [store];
  const tenants = join(folder, 'tenants');
  mkdirSync(tenants);
  const platform = new TestPlatform();
  const notifiers = [new TestNotifier('topic'), new TestNotifier('chat')] as const;
  const events: ControlEvent[] = [];
  const controlOn = (of: RunStore) =>
    createControl({
      store: of,
      tenants: openFolderTenants(tenants),
      launcher: platform,
      notifiers,
      project: 'platform-dev',
      link: (runId) => `https://console/runs/${runId}`,
      observe: (event) => events.push(event),
      clock: { ...systemClock, random: () => 0 },
      settings,
    });
  const control = controlOn(store);
  const leases = new Map<string, Lease>();
  const scene: Scene = {
    ...{ control, store, platform, notifiers, events },
    another: async () => {
      const other = openSqliteStore(file, { onBehalf: true });
      stores.push(other);
      return controlOn(other);
    },
    tick: (at, of = {}) =>
      control.trigger({
        tenant: 'acme',
        source: 'orders',
        at,
        requestedBy: 'scheduler@acme.example',
        traceparent: null,
        ...of,
      }),
    begin: async (runId) => {
      const { tenant, source } = await scene.run(runId);
      const lease = await store.claim({ tenant, source, runId, ttlMs: 30_000 });
      leases.set(runId, lease);
      return lease;
    },
    end: async (runId, status = 'succeeded', problem = null) => {
      await store.finish(runId, status, { rows: { loaded: 3, quarantined: 0 }, destination: 'raw.orders' }, problem);
      await control.ended(runId);
      const lease = leases.get(runId);
      if (lease !== undefined) await store.release(lease);
    },
    run: async (runId) => {
      const run = await store.get(runId);
      if (run === null) throw new Error(`no run ${runId}`);
      return run;
    },
    write: (yaml, updatedAt = '2026-11-01T00:00:00.000Z') => {
      const file = join(tenants, `${/^tenant: (.*)$/m.exec(yaml)?.[1]}.yaml`);
      writeFileSync(file, yaml);
      utimesSync(file, new Date(updatedAt), new Date(updatedAt));
    },
    [Symbol.asyncDispose]: async () => {
      for (const opened of stores) await opened[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
      vi.useRealTimers();
    },
  };
  scene.write(acme());
  return scene;
}

/** A tenant with a source `orders` of this schedule, and `stock` without one. */
export function acme(schedule = '{ cron: "*/15 * * * *" }', after = ''): string {
  return `tenant: acme
connections:
  shop: { kind: postgres, host: db.example, database: shop, user: reader, secret: shop-password }
sources:
  orders:
    connection: shop
    table: public.orders
    load: { strategy: catalog }
    schedule: ${schedule}${after}
  stock: { connection: shop, table: public.stock, load: { strategy: catalog } }
`;
}

export function pass(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * SECOND);
}

export function order(kind: RunOrder['kind'] = 'run', options: RunOrder['options'] = {}): RunOrder {
  return { kind, options, trigger: 'person', tick: null, requestedBy: 'ann@acme.example', traceparent: null };
}

export async function refusal(work: Promise<unknown>, code: string): Promise<Problem> {
  const problem = problemOf(
    await work.then(
      () => new Error('it was not refused'),
      (error) => error,
    ),
  );
  expect(problem).toMatchObject({ code });
  return problem;
}
