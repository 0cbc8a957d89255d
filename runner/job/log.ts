/** What a runner writes to standard output: the lines of its run. */
import type { RunEvent } from '../core/contracts/run-store.ts';
import type { Problem } from '../core/errors.ts';
import { structuredLog } from '../telemetry/log.ts';

type Severity = 'INFO' | 'WARNING' | 'ERROR';

export interface RunnerLog {
  write(severity: Severity, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** An event of the run; progress is left to its record. */
  event(event: RunEvent): void;
}

export interface RunnerLogOptions {
  readonly tenant: string;
  /** Empty until it is known. */
  readonly source: () => string;
  readonly run: string;
  readonly traceparent: string | null;
  /** Takes the values of secrets out of a line. */
  readonly redact: (text: string) => string;
}

const LEVELS = { INFO: 'info', WARNING: 'warn', ERROR: 'error' } as const;

export function runnerLog({ tenant, source, run, traceparent, redact }: RunnerLogOptions): RunnerLog {
  const lines = structuredLog({
    project: process.env.TRIBUTARY_PROJECT ?? '',
    write: (line) => void process.stdout.write(redact(line)),
  });
  const write: RunnerLog['write'] = (severity, message, fields = {}) => {
    const concerns = source() === '' ? {} : { source: source() };
    const trace = traceparent === null ? {} : { traceparent };
    lines[LEVELS[severity]]({ ...fields, tenant, ...concerns, runId: run, ...trace }, message);
  };
  return {
    write,
    event({ type, step, data }) {
      if (type === 'progress') return;
      const problem = data?.problem as Problem | undefined;
      const text = type === 'warning' && typeof data?.text === 'string' ? data.text : `${step ?? 'run'} ${type}`;
      const severity = problem !== undefined ? 'ERROR' : type === 'warning' ? 'WARNING' : 'INFO';
      write(severity, problem === undefined ? text : `${problem.code}: ${problem.title} ${problem.detail}`, {
        type,
        // The alert on late sources counts these lines.
        ...(typeof data?.event === 'string' ? { event: data.event } : {}),
        ...(step === undefined ? {} : { step }),
        ...(data === undefined ? {} : { data }),
      });
    },
  };
}
