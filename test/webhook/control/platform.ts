/** A place that runs executions, as far as a launcher sees one; the test decides what becomes of each. */
import type { ExecutionState, Launcher, LaunchRequest } from '../../../runner/core/contracts/launcher.ts';
import { type Problem, TributaryError } from '../../../runner/core/errors.ts';

/** What the next launch meets. `lost`: it happens, and its answer does not arrive. */
export type Fault = 'failed' | 'lost' | 'refused' | 'busy';

interface Execution {
  readonly request: LaunchRequest;
  state: ExecutionState;
  problem: Problem | null;
}

export class TestPlatform implements Launcher {
  readonly kind = 'child-process';
  readonly executions = new Map<string, Execution>();
  readonly cancelled: string[] = [];
  /** Used up from the front, one by each launch. */
  readonly faults: Fault[] = [];
  /** Executions at once. */
  room = Number.POSITIVE_INFINITY;
  /** Called in the middle of each launch. */
  during: (request: LaunchRequest) => Promise<void> = async () => undefined;

  async launch(request: LaunchRequest): Promise<string> {
    await this.during(request);
    const fault = this.faults.shift();
    const { runId: run } = request;
    if (fault === 'failed') throw new TributaryError('LAUNCH_FAILED', { launcher: 'test', run, reason: 'no answer' });
    if (fault === 'refused')
      throw new TributaryError('LAUNCH_REFUSED', { launcher: 'test', run, reason: 'no such job' });
    if (fault === 'busy' || this.living() >= this.room)
      throw new TributaryError('LAUNCHER_BUSY', { launcher: 'test', run, limit: this.room });
    const name = `execution-${this.executions.size + 1}`;
    this.executions.set(name, { request, state: 'starting', problem: null });
    if (fault === 'lost') throw new TributaryError('LAUNCH_FAILED', { launcher: 'test', run, reason: 'answer lost' });
    return name;
  }

  async find({ runId }: LaunchRequest): Promise<string | null> {
    return [...this.executions].find(([, { request }]) => request.runId === runId)?.[0] ?? null;
  }

  async status(execution: string) {
    const { state, problem } = this.executions.get(execution) ?? { state: 'gone' as const, problem: null };
    return { state, problem, logs: null };
  }

  async cancel(execution: string): Promise<void> {
    this.cancelled.push(execution);
    const found = this.executions.get(execution);
    if (found !== undefined && isLiving(found)) found.state = 'cancelled';
  }

  /** Ends an execution, whatever its runner has reported. */
  end(execution: string, state: ExecutionState, problem: Problem | null = null): void {
    const found = this.executions.get(execution);
    if (found === undefined) throw new Error(`no ${execution}`);
    Object.assign(found, { state, problem });
  }

  /** Run ids in the order of their launches. */
  get launched(): readonly string[] {
    return [...this.executions.values()].map(({ request }) => request.runId);
  }

  living(): number {
    return [...this.executions.values()].filter(isLiving).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function isLiving({ state }: Execution): boolean {
  return state === 'starting' || state === 'running';
}
