/**
 * A webhook as a process, to be killed: a control plane on a store in a file, with an executions folder as its platform
 * and a file as its notifier. Reads commands as lines, answers each with a line.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Launcher } from '../../../runner/core/contracts/launcher.ts';
import type { Notifier } from '../../../runner/core/contracts/notice.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { openFolderTenants } from '../../../runner/stores/tenants/folder.ts';
import { createControl } from '../../../webhook/control/control.ts';

export interface Execution {
  readonly runId: string;
  readonly state: 'starting' | 'running' | 'succeeded' | 'failed';
}

export interface Command {
  readonly does: 'trigger' | 'ended' | 'sweep';
  readonly source: string;
  /** The moment of a trigger; the run id of an end. */
  readonly of: string;
  /** Where this one call stops for ever: before or after a method. @example "launched:before" */
  readonly stop?: string;
}

export function storeOf(folder: string) {
  return openSqliteStore(join(folder, 'runs.sqlite'), { onBehalf: true });
}

/** An execution is a file: what the platform accepted stays when the webhook is killed. */
export function folderPlatform(folder: string): Launcher & { readonly list: () => readonly [string, Execution][] } {
  const at = join(folder, 'executions');
  mkdirSync(at, { recursive: true });
  const list = () =>
    readdirSync(at)
      .filter((name) => name.endsWith('.json'))
      .map((name): [string, Execution] => [name, JSON.parse(readFileSync(join(at, name), 'utf8')) as Execution]);
  return {
    kind: 'child-process',
    list,
    launch: async ({ runId }) => {
      const name = `${process.hrtime.bigint()}-${process.pid}.json`;
      writeExecution(folder, name, { runId, state: 'starting' });
      return name;
    },
    find: async ({ runId }) => list().find(([, execution]) => execution.runId === runId)?.[0] ?? null,
    status: async (name) => {
      const state = list().find(([other]) => other === name)?.[1].state ?? 'gone';
      return { state, problem: null, logs: null };
    },
    cancel: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

export function writeExecution(folder: string, name: string, execution: Execution): void {
  const to = join(folder, 'executions', name);
  writeFileSync(`${to}.new`, JSON.stringify(execution));
  renameSync(`${to}.new`, to);
}

/** The same thing, which stops for ever at one point and says so. */
function stopping<T extends object>(thing: T, stop: string | undefined, reached: () => void): T {
  const [method, when] = (stop ?? '').split(':');
  return new Proxy(thing, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      const bound = value.bind(target) as (...given: unknown[]) => unknown;
      if (name !== method) return bound;
      return async (...given: unknown[]) => {
        if (when === 'after') await bound(...given);
        reached();
        return new Promise(() => undefined);
      };
    },
  });
}

async function main(folder: string): Promise<void> {
  const store = storeOf(folder);
  const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
  const notifier: Notifier = {
    name: 'file',
    send: async (notices) => {
      for (const { id } of notices) appendFileSync(join(folder, 'notices'), `${id}\n`);
    },
  };
  const carryOut = async (command: Command): Promise<void> => {
    const { does, source, of, stop } = command;
    const reached = () => say({ ...command, reached: stop });
    const control = createControl({
      store: stopping(store, stop, reached),
      tenants: openFolderTenants(join(folder, 'tenants')),
      launcher: stopping(folderPlatform(folder), stop, reached),
      notifiers: [stopping(notifier, stop, reached)],
      project: 'p',
      settings: { reservationMs: 300, pickupMs: 1500, missedAfterMs: 0, announceAfterMs: 0, longestPauseMs: 500 },
    });
    try {
      if (does === 'ended') await control.ended(of);
      else if (does === 'sweep') say({ ...command, report: await control.sweep() });
      else {
        const call = { tenant: 'acme', source, at: of, requestedBy: 'x', traceparent: null };
        say({ ...command, runId: (await control.trigger(call)).run.runId });
      }
    } catch (error) {
      say({ ...command, refused: problemOf(error).code });
    }
  };
  say({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) void carryOut(JSON.parse(line) as Command);
  await sleep(0);
  process.exit(0);
}

if (import.meta.main) await main(process.argv[2] ?? '');
