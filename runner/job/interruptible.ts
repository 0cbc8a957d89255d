import { TributaryError } from '../core/errors.ts';

/** Aborts on the first Ctrl-C (or TERM); the second one ends the process at once. */
export function interruptible(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new TributaryError('INTERRUPTED'));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}
