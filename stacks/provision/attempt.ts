/** One run of the engine on one stack, and what became of it. */
import type { Stack } from '@pulumi/pulumi/automation/index.js';
import { EngineRefusal, openStack } from './automation.ts';
import type { ActiveRun, ProvisionEvent, StackFailure, StackRequest } from './contract.ts';
import { runEngine } from './engine.ts';
import { failureOf } from './failure.ts';
import { isStale, locksIn } from './locks.ts';
import { programOf } from './program.ts';
import type { Watch } from './watch.ts';

/** What an operation needs beside its request. */
export interface Around {
  readonly tell: (event: ProvisionEvent) => void;
  /** Runs that still work with the tenant's resources. */
  readonly activeRuns: () => Promise<readonly ActiveRun[]>;
  readonly signal: AbortSignal;
}

/** Resources that the engine works on at once; more meets the limits of IAM's write rate. */
export const PARALLEL_STEPS = 8;

/** Runs one command on the opened stack; a lock of a dead process is released once, where that was asked for. */
export async function attempt(
  request: StackRequest,
  { signal }: Pick<Around, 'signal'>,
  watch: Watch,
  work: (stack: Stack) => Promise<unknown>,
): Promise<StackFailure | undefined> {
  const { target, engine } = request;
  const program = programOf(request);
  let text = '';
  for (const chance of ['first', 'after a lock was released']) {
    try {
      await work(await openStack(engine, target.stack, program, signal));
      return undefined;
    } catch (error) {
      text = error instanceof EngineRefusal ? error.text : String((error as Error).stack ?? error);
      if (signal.aborted) break;
      const locks = locksIn(text);
      const releasable = request.releaseStaleLock && locks.length > 0 && locks.every((lock) => isStale(lock));
      if (chance !== 'first' || !releasable) break;
      await runEngine(engine, ['cancel', '--yes', '--stack', target.stack]);
    }
  }
  const evidence = watch.evidence(target.tenant, text);
  if (signal.aborted)
    return { code: 'STACK_INTERRUPTED', facts: { tenant: target.tenant, stack: target.stack, done: evidence.done } };
  return failureOf(evidence);
}
