/** What the steps of a connection test have in common, whatever is connected to. */
import { connect as dial, type Socket } from 'node:net';
import type { Check } from './contracts/source.ts';
import { TributaryError } from './errors.ts';

export type Outcome = Pick<Check, 'status' | 'found' | 'problem'>;
export type Step = (id: string, title: string, work: () => Promise<Outcome>) => Promise<Check>;

const SKEW_SECONDS = 5;

export const pass = (found?: string): Outcome => ({ status: 'pass', ...(found === undefined ? {} : { found }) });
export const skip = (found: string): Outcome => ({ status: 'skip', found });
export const warn = (found: string, { problem }: TributaryError): Outcome => ({ status: 'warn', found, problem });

/** Does a step and times it; what it throws fails it. */
export function stepper(signal: AbortSignal, problemOf: (error: unknown) => TributaryError): Step {
  return async (id, title, work) => {
    const start = performance.now();
    const ms = () => Math.round(performance.now() - start);
    try {
      signal.throwIfAborted();
      const outcome = await work();
      return { id, title, ...outcome, ms: ms() };
    } catch (error) {
      const { problem } = problemOf(error);
      return { id, title, status: 'fail', ms: ms(), problem };
    }
  };
}

/** A connection without a word said; the caller ends it. */
export function reach(
  { host, port }: { readonly host: string; readonly port: number },
  timeout: number,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((done, fail) => {
    const socket = dial({ host, port, signal, timeout });
    socket.once('connect', () => done(socket.setTimeout(0)));
    socket.once('timeout', () => socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    socket.on('error', fail);
  });
}

/** @param ask the milliseconds of the epoch that the server believes it is at */
export async function clockSkew(ask: () => Promise<number>): Promise<Outcome> {
  const before = Date.now();
  const ms = await ask();
  const after = Date.now();
  const skew = ms < before ? ms - before : ms > after ? ms - after : 0;
  const seconds = Math.round(skew / 100) / 10;
  const found = `${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead'}`;
  if (Math.abs(seconds) <= SKEW_SECONDS) return pass(seconds === 0 ? 'in step' : found);
  return warn(found, new TributaryError('SOURCE_CLOCK_SKEW', { seconds: Math.abs(seconds) }));
}
