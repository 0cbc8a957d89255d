/** Runs that deploy a tenant's stack: the command line's own preview and up, as a child process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { type Problem, TributaryError } from '../core/errors.ts';
import { EXIT } from './exit.ts';
import { type Job, requiredOption } from './job.ts';
import type { Answer } from './view.ts';
import { environment } from './warehouse.ts';

const CLI = join(import.meta.dirname, '..', 'cli.js');

/** @throws USAGE where this machine deploys nothing */
export async function deploy(job: Job, tell: (data: Readonly<Record<string, unknown>>) => void): Promise<Answer> {
  const { settings, order, tenant, signal } = job;
  if (!settings.deploys)
    throw new TributaryError('USAGE', {
      reason: 'This runner deploys no stacks.',
      advice: `Run: tributary ${order.kind} ${tenant.tenant}`,
    });
  const approval = order.kind === 'up' ? [`--approve=${requiredOption(job, 'approve')}`] : [];
  const parameters = [order.kind, tenant.tenant, '--json', `--tenants=${settings.tenants}`, `--env=${environment()}`];
  const child = spawn(process.execPath, [CLI, ...parameters, ...approval], { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => child.kill('SIGINT');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const ended = once(child, 'close');
    createInterface({ input: child.stderr }).on('line', (line) => {
      const happened = parsed(line);
      if (happened !== null) tell(happened);
    });
    const [printed, [code]] = await Promise.all([text(child.stdout), ended]);
    signal.throwIfAborted();
    const document = parsed(printed);
    if (document === null)
      throw new TributaryError('INTERNAL', { message: `the deployment ended with ${code} and said nothing` });
    const { problem, ...summary } = document;
    const why = (problem as Problem | undefined) ?? null;
    if (why === null && code !== EXIT.done)
      throw new TributaryError('INTERNAL', { message: `the deployment ended with ${code}` });
    return { summary, problem: why };
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function parsed(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}
