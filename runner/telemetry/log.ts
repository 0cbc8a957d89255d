/** Logs as Google Cloud's logging reads them: one JSON object a line. Nothing gets in that looks like a secret. */
import { pino } from 'pino';
import { scrubbed, scrubbedValue } from './scrub.ts';

export type LogLevel = 'info' | 'notice' | 'warn' | 'error';

export interface StructuredLog extends Record<LogLevel, (fields: object, message: string) => void> {}

export interface LogOptions {
  /** Project of the traces; empty: traces are not linked. */
  readonly project?: string;
  /** Default: standard output. */
  readonly write?: (line: string) => void;
}

const SEVERITY: Readonly<Record<LogLevel, string>> = {
  info: 'INFO',
  notice: 'NOTICE',
  warn: 'WARNING',
  error: 'ERROR',
};
const LABELS = ['tenant', 'source', 'runId'] as const;

/** Fields `tenant`, `source` and `runId` become labels, `traceparent` the trace that the line belongs to. */
export function structuredLog({ project = '', write = writeOut }: LogOptions = {}): StructuredLog {
  const lines = pino(
    {
      base: null,
      messageKey: 'message',
      customLevels: { notice: 35 },
      formatters: { level: (level) => ({ severity: SEVERITY[level as LogLevel] }) },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
    },
    { write },
  );
  const at = (level: LogLevel) => (fields: object, message: string) => {
    lines[level]({ ...(scrubbedValue(fields) as object), ...known(fields, project) }, scrubbed(message));
  };
  return { info: at('info'), notice: at('notice'), warn: at('warn'), error: at('error') };
}

function known(fields: object, project: string): Record<string, unknown> {
  const said = fields as Readonly<Record<string, unknown>>;
  const labels = LABELS.flatMap((name) => (typeof said[name] === 'string' ? [[name, said[name]]] : []));
  const [, trace, span] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-/.exec(String(said.traceparent)) ?? [];
  return {
    ...(labels.length === 0 ? {} : { 'logging.googleapis.com/labels': Object.fromEntries(labels) }),
    ...(trace === undefined || project === ''
      ? {}
      : {
          'logging.googleapis.com/trace': `projects/${project}/traces/${trace}`,
          'logging.googleapis.com/spanId': span,
        }),
  };
}

function writeOut(line: string): void {
  process.stdout.write(line);
}
