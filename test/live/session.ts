/** One session: make the place, run the suite, remove the place, whatever happens. */

import { type LiveOptions, planText } from './options.ts';
import { type Clients, makePlace, removePlace } from './place.ts';

export interface SessionParts {
  /** @throws where there are no credentials. */
  readonly connect: (options: LiveOptions) => Promise<Clients>;
  /** Runs the tests; their exit code. Ends early when the signal is aborted. */
  readonly suite: (options: LiveOptions, signal: AbortSignal) => Promise<number>;
  readonly say: (line: string) => void;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

const INTERRUPTED = 130;

/** @returns the exit code: 0, 1 where something failed or was left, 130 after Ctrl-C. */
export async function liveSession(options: LiveOptions, parts: SessionParts): Promise<number> {
  const { connect, suite, say, signal } = parts;
  say(planText(options));
  if (options.dryRun) return 0;
  let clients: Clients;
  try {
    clients = await connect(options);
  } catch (error) {
    say(`No credentials for Google Cloud: ${(error as Error).message}\nfix: gcloud auth application-default login`);
    return 1;
  }
  const { names, location } = options;
  let code = 1;
  try {
    await makePlace({ ...clients, names, location });
    if (!signal.aborted) code = await suite(options, signal);
  } catch (error) {
    say((error as Error).message);
  } finally {
    const left = await removePlace({ ...clients, names });
    for (const line of left) say(`left: ${line}`);
    say(left.length === 0 ? 'removed: all of it' : `labels of what is left: purpose=live, tenant=${names.tenant}`);
    if (left.length > 0) code = Math.max(code, 1);
  }
  return signal.aborted ? INTERRUPTED : code;
}
