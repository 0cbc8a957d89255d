/** What a folder remembers of the processes that were started, so that a restarted webhook finds them. */
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LaunchRequest } from '../../core/contracts/launcher.ts';
import { isGone, type Owner, thisProcess } from '../../core/owner.ts';

export interface Execution {
  /** `<run id>~<attempt>` */
  readonly name: string;
  readonly runId: string;
  /** Path of its files, without what tells them apart. */
  readonly base: string;
  /** Who launched it. */
  readonly by: Owner;
  readonly createdAt: string;
}

export type Life =
  /** Its process has not said yet who it is. */
  | { readonly type: 'starting' }
  | { readonly type: 'alive'; readonly pid: number }
  /** `code` is null where nobody was left to write it down. */
  | { readonly type: 'ended'; readonly code: number | null }
  | { readonly type: 'never-began' };

/** Who was launched by a process that is gone has so long to begin. */
const BEGIN_WITHIN_MS = 15_000;
const NAME = /^([A-Za-z0-9_-]+)~([1-9][0-9]*)$/;

export class Executions {
  readonly #folder: string;
  /** What changes no more: records by name, ends by name and moment. */
  readonly #records = new Map<string, Execution>();
  readonly #ends = new Map<string, Life>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** The newest of a run. */
  newest(runId: string): Execution | null {
    const last = Math.max(0, ...this.#names().flatMap((name) => (runOf(name) === runId ? [attemptOf(name)] : [])));
    return last === 0 ? null : this.read(`${runId}~${last}`);
  }

  /** Makes the next attempt of a run this process's. @returns null where another process was faster. */
  take(request: LaunchRequest): Execution | null {
    if (!NAME.test(`${request.runId}~1`)) throw new RangeError(`no id of a run: ${request.runId}`);
    const last = this.newest(request.runId);
    const name = `${request.runId}~${last === null ? 1 : attemptOf(last.name) + 1}`;
    const { runId, tenant, source, kind } = request;
    const record = { runId, tenant, source, kind, by: thisProcess(), createdAt: new Date().toISOString() };
    // Written whole before it gets its name: whoever reads it reads all of it.
    const draft = join(this.#folder, `${name}.${randomBytes(4).toString('hex')}.draft`);
    writeFileSync(draft, JSON.stringify(record), { mode: 0o600 });
    try {
      linkSync(draft, join(this.#folder, `${name}.json`));
      return { name, base: join(this.#folder, name), ...record };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return null;
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }

  read(name: string): Execution | null {
    if (!NAME.test(name)) return null;
    const base = join(this.#folder, name);
    const text = textOf(`${base}.json`);
    if (text === null) return null;
    const { runId, by, createdAt } = JSON.parse(text) as Omit<Execution, 'name' | 'base'>;
    return { name, base, runId, by, createdAt };
  }

  /** Takes it back: its process could not be started. */
  forget({ name, base, createdAt }: Execution): void {
    this.#records.delete(name);
    this.#ends.delete(`${name} ${createdAt}`);
    for (const kind of ['json', 'process', 'exit', 'cancelled', 'log']) rmSync(`${base}.${kind}`, { force: true });
  }

  lifeOf(execution: Execution): Life {
    const key = `${execution.name} ${execution.createdAt}`;
    const life = this.#ends.get(key) ?? lifeOf(execution);
    if (life.type === 'ended' || life.type === 'never-began') this.#ends.set(key, life);
    return life;
  }

  /** Writes down that it was asked to end; one that has not begun never will. */
  cancel({ base }: Execution): void {
    writeFileSync(`${base}.cancelled`, '', { mode: 0o600 });
    voided(base, textOf(`${base}.process`));
  }

  wasCancelled({ base }: Execution): boolean {
    return existsSync(`${base}.cancelled`);
  }

  /** Those that may be alive. */
  living(): readonly Execution[] {
    return this.#all().filter((execution) => ['starting', 'alive'].includes(this.lifeOf(execution).type));
  }

  /** Forgets the oldest that have ended. */
  prune(keep: number): void {
    const all = this.#names();
    if (all.length <= keep) return;
    const ended = this.#all().filter((execution) => !['starting', 'alive'].includes(this.lifeOf(execution).type));
    ended.sort((a, b) => a.createdAt.localeCompare(b.createdAt));
    for (const execution of ended.slice(0, all.length - keep)) this.forget(execution);
  }

  #names(): string[] {
    const files = readdirSync(this.#folder).filter((file) => file.endsWith('.json'));
    return files.map((file) => file.slice(0, -'.json'.length)).filter((name) => NAME.test(name));
  }

  #all(): Execution[] {
    return this.#names().flatMap((name) => {
      const record = this.#records.get(name) ?? this.read(name);
      if (record !== null) this.#records.set(name, record);
      return record ?? [];
    });
  }
}

function lifeOf({ base, by, createdAt }: Execution): Life {
  const ended = endOf(base);
  if (ended !== null) return ended;
  const { host, namespace } = thisProcess();
  // The folder is of this machine, whose name may change; processes of a container end with it.
  if (by.namespace !== namespace) return { type: 'ended', code: null };
  const said = textOf(`${base}.process`);
  const [, pid, started = ''] = /^(\d+) (.*)\n$/.exec(said ?? '') ?? [];
  if (said === 'void') return { type: 'never-began' };
  if (pid === undefined) {
    const late = Date.now() > Date.parse(createdAt) + BEGIN_WITHIN_MS;
    return late && (isGone({ ...by, host }) || by.pid === process.pid) && voided(base, said)
      ? { type: 'never-began' }
      : { type: 'starting' };
  }
  const owner = { ...by, host, pid: Number(pid), started };
  if (!isGone(owner) || groupLives(owner)) return { type: 'alive', pid: owner.pid };
  // Its last word may have come after we looked first.
  return endOf(base) ?? { type: 'ended', code: null };
}

/** Whether it can never begin any more: the right to is taken from it. */
function voided(base: string, said: string | null): boolean {
  if (said === 'void') return true;
  try {
    if (said === null) writeFileSync(`${base}.process`, 'void', { flag: 'wx', mode: 0o600 });
    // Its shell took the right and was killed before it wrote its name.
    else if (Date.now() < statSync(`${base}.process`).mtimeMs + BEGIN_WITHIN_MS) return false;
    return true;
  } catch {
    return false;
  }
}

function endOf(base: string): Life | null {
  const exit = textOf(`${base}.exit`);
  return exit === null ? null : { type: 'ended', code: Number(exit) };
}

/** Its shell was killed alone, and the runner goes on. A number is given to nobody else while its group has members. */
function groupLives({ pid, started }: Owner): boolean {
  if (started === '') return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    // The shell is no more.
  }
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function runOf(name: string): string {
  return name.slice(0, name.lastIndexOf('~'));
}

function attemptOf(name: string): number {
  return Number(name.slice(name.lastIndexOf('~') + 1));
}
