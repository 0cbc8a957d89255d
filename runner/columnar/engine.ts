/** The main thread's handle on the thread that owns the DuckDB instance. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { InletEnd } from '../core/channel.ts';
import { TributaryError } from '../core/errors.ts';
import type {
  AfterFile,
  Answer,
  FilesRequest,
  JsonRow,
  OpenOptions,
  Parameter,
  Requests,
  WrittenFile,
} from './protocol.ts';

interface Pending {
  readonly resolve: (give: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Threads that load DuckDB for engines to come. */
const waiting = new Set<Worker>();

function startThread(): Worker {
  return new Worker(new URL('./thread.ts', import.meta.url), {
    name: 'duckdb',
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });
}

/** Begins to load DuckDB for the next engine, beside what the main thread does meanwhile; keeps no process alive. */
export function warmEngine(): void {
  const thread = startThread();
  const forget = () => waiting.delete(thread);
  thread.on('error', forget).on('exit', forget).unref();
  waiting.add(thread);
}

function takeThread(): Worker {
  const [thread] = waiting;
  if (thread === undefined) return startThread();
  waiting.delete(thread);
  thread.ref();
  return thread;
}

export class Engine {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #sequence = 0;

  constructor() {
    this.#worker = takeThread();
    this.#worker.on('message', ({ id, give, problem }: Answer) => {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (problem === undefined) pending?.resolve(give);
      else pending?.reject(TributaryError.from(problem));
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () =>
      this.#fail(new TributaryError('INTERNAL', { message: 'the warehouse thread ended' })),
    );
  }

  open(options: OpenOptions): Promise<Requests['open']['give']> {
    return this.#ask('open', options);
  }

  execute(sql: string, parameters?: readonly Parameter[]): Promise<{ changed: number }> {
    return this.#ask('execute', parameters === undefined ? { sql } : { sql, parameters });
  }

  query(sql: string, parameters?: readonly Parameter[]): Promise<readonly JsonRow[]> {
    return this.#ask('query', parameters === undefined ? { sql } : { sql, parameters });
  }

  rowGroups(file: string, rows: number): Promise<null> {
    return this.#ask('rowGroups', { file, rows });
  }

  load(take: Requests['load']['take']): Promise<Requests['load']['give']> {
    return this.#ask('load', take, take.inlet.ports);
  }

  /**
   * Writes the channel's rows into files, slice after slice.
   *
   * @param take what becomes of a finished file; while it is pending nothing more is written. What it throws ends the request.
   */
  async files(
    request: FilesRequest,
    inlet: InletEnd,
    take: (file: WrittenFile) => Promise<void>,
  ): Promise<Requests['files']['give']> {
    const { port1: port, port2 } = new MessageChannel();
    const failures: unknown[] = [];
    port.on('message', async (file: WrittenFile) => {
      let after: AfterFile = 'go on';
      await take(file).catch((error) => {
        failures.push(error);
        after = 'stop';
      });
      port.postMessage(after);
    });
    try {
      return await this.#ask('files', { ...request, inlet, port: port2 }, [...inlet.ports, port2]);
    } catch (error) {
      throw failures[0] ?? error;
    } finally {
      port.close();
    }
  }

  async close(): Promise<void> {
    await this.#ask('close', null).catch(() => undefined);
    await this.#worker.terminate();
  }

  #ask<K extends keyof Requests>(
    name: K,
    take: Requests[K]['take'],
    transfer: readonly MessagePort[] = [],
  ): Promise<Requests[K]['give']> {
    const id = ++this.#sequence;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as Pending['resolve'], reject });
      this.#worker.postMessage({ id, name, take }, [...transfer]);
    });
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
