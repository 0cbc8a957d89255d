/** What one child process does with its stack. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Around, attempt, PARALLEL_STEPS } from './attempt.ts';
import { createStack, throwaway } from './automation.ts';
import { keepHash } from './backend.ts';
import type { StackFailure, StackOutcome, StackRequest } from './contract.ts';
import { operationsDigest } from './digest.ts';
import { existing, nameOf } from './failure.ts';
import { offboard } from './offboard.ts';
import { adopt, type PendingCreate, pendingCreates } from './orphans.ts';
import { Watch } from './watch.ts';

type Partly = Pick<StackOutcome, 'done'> & Partial<StackOutcome>;

export async function operate(request: StackRequest, around: Around): Promise<StackOutcome> {
  const { operation, target } = request;
  const { tenant, stack } = target;
  const since = performance.now();
  const seconds = () => Number(((performance.now() - since) / 1000).toFixed(2));
  const end = (partly: Partly): StackOutcome => {
    const outcome = { tenant, stack, operation, seconds: seconds(), ...partly };
    return partly.preview === undefined ? outcome : { ...outcome, preview: { ...partly.preview, seconds: seconds() } };
  };
  const operations = { preview: previewStack, up, refresh, destroy: offboard };
  return end(await operations[operation](request, around));
}

async function previewStack(request: StackRequest, around: Around): Promise<Partly> {
  if (request.exists) return preview(request, around);
  using empty = throwaway(request.engine, request.target.stack);
  await createStack(empty, request.target.stack);
  return await preview({ ...request, engine: empty }, around);
}

async function preview(request: StackRequest, around: Around): Promise<Partly> {
  const { tenant, stack } = request.target;
  const watch = new Watch(stack, around.tell);
  const failure = await attempt(request, around, watch, (opened) =>
    opened.preview({ onEvent: watch.see, ...policyOptions(request), color: 'never' }),
  );
  const { operations, policies } = watch;
  const result = { tenant, stack, digest: operationsDigest(operations), operations, policies, seconds: 0 };
  if (failure === undefined) return { preview: result, done: {} };
  return { preview: { ...result, error: textOf(failure) }, done: {}, failure };
}

async function up(request: StackRequest, around: Around): Promise<Partly> {
  const { target, engine, approved, patience, hash } = request;
  const { tenant, stack } = target;
  if (!request.exists) await createStack(engine, stack);
  around.tell({ type: 'step', stack, step: 'preview' });
  const before = await preview(request, around);
  if (before.failure !== undefined || before.preview === undefined) return before;
  const { digest } = before.preview;
  if (approved !== undefined && approved !== digest)
    return { ...before, failure: { code: 'STACK_UNAPPROVED', facts: { tenant, stack, approved, digest } } };
  around.tell({ type: 'step', stack, step: 'up' });
  const begun = new Set(await pendingCreates(engine, stack));
  const waits = [...patience];
  for (;;) {
    const watch = new Watch(stack, around.tell);
    const failure = await attempt(request, around, watch, (opened) =>
      opened.up({
        onEvent: watch.see,
        ...policyOptions(request),
        parallel: PARALLEL_STEPS,
        color: 'never',
      }),
    );
    if (failure === undefined) {
      await keepHash(engine, stack, hash);
      return { ...before, done: watch.done };
    }
    if (failure.code === 'STACK_FAILED' && (await adoptOrphans(request, around, watch, begun))) continue;
    const wait = failure.code === 'STACK_IAM_LAG' ? waits.shift() : undefined;
    if (wait === undefined || around.signal.aborted)
      return { ...before, done: watch.done, failure: withAttempts(failure, patience.length - waits.length + 1) };
    around.tell({ type: 'retry', stack, seconds: wait, reason: String(failure.facts.reason ?? '') });
    await sleep(wait * 1000, undefined, { signal: around.signal }).catch(() => {});
  }
}

/** True where something was taken into the state, so that the next attempt meets it there. */
async function adoptOrphans(
  request: StackRequest,
  around: Around,
  failed: Watch,
  begun: Set<PendingCreate>,
): Promise<boolean> {
  const { engine, target } = request;
  const there = existing(failed.errors);
  const orphans = [...begun].filter(({ resource }) => there.has(resource.urn));
  for (const orphan of orphans) begun.delete(orphan);
  const urns = orphans.length === 0 ? [] : await adopt(engine, target.stack, orphans);
  if (urns.length === 0) return false;
  around.tell({ type: 'step', stack: target.stack, step: `take in ${urns.map(nameOf).join(', ')}` });
  const watch = new Watch(target.stack, around.tell);
  const options = { onEvent: watch.see, target: urns, runProgram: true, color: 'never' } as const;
  return (await attempt(request, around, watch, (opened) => opened.refresh(options))) === undefined;
}

async function refresh(request: StackRequest, around: Around): Promise<Partly> {
  const { stack } = request.target;
  if (!request.exists) return { done: {}, drift: [] };
  const watch = new Watch(stack, around.tell);
  const options = { onEvent: watch.see, runProgram: true, color: 'never' } as const;
  const failure = await attempt(request, around, watch, (opened): Promise<unknown> => {
    if (request.adopt) return opened.refresh({ ...options, parallel: PARALLEL_STEPS });
    return opened.previewRefresh(options);
  });
  const drift = watch.drift;
  return { done: {}, drift, ...(failure === undefined ? {} : { failure }) };
}

/** The Automation API takes packs and their configurations as two lists of the same order. */
function policyOptions({ policies }: StackRequest): { policyPacks?: string[]; policyPackConfigs?: string[] } {
  const configs = policies.flatMap(({ config }) => config ?? []);
  return {
    ...(policies.length > 0 ? { policyPacks: policies.map(({ folder }) => folder) } : {}),
    ...(configs.length > 0 ? { policyPackConfigs: configs } : {}),
  };
}

function withAttempts(failure: StackFailure, attempts: number): StackFailure {
  return { ...failure, facts: { ...failure.facts, attempts } };
}

function textOf({ code, facts }: StackFailure): string {
  return facts.reason === undefined ? code : `${code}: ${facts.resource ?? facts.stack}: ${facts.reason}`;
}
