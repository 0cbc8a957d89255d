/** What `tributary dev` says: lines for a person, or one JSON document a line. */
import { RUN_STORE_DAYS } from '../../tenants/run-store-layout.ts';
import type { Problem } from '../core/errors.ts';
import type { Tenants } from '../dev/upcoming.ts';
import { table } from './text.ts';

export type DevHappening =
  | ({ readonly type: 'ready'; readonly url: string; readonly pid: number | null; readonly seconds: number } & Tenants)
  | { readonly type: 'webhook'; readonly line: string | Readonly<Record<string, unknown>> }
  | {
      readonly type: 'webhook-died';
      readonly code: number | null;
      readonly signal: string | null;
      readonly restartMs: number;
    }
  | { readonly type: 'webhook-restarted'; readonly url: string; readonly pid: number | null }
  | { readonly type: 'forgot'; readonly runs: number }
  | { readonly type: 'not-forgotten'; readonly problem: Problem }
  | { readonly type: 'stopping' }
  | { readonly type: 'stopped' };

const SHOWN = 5;

export function devText(happening: DevHappening): string {
  switch (happening.type) {
    case 'ready':
      return readyText(happening);
    case 'webhook':
      return lineText(happening.line);
    case 'webhook-died':
      return `! the webhook died (${happening.signal ?? `exit ${happening.code}`}); it is started again in ${happening.restartMs / 1000} s`;
    case 'webhook-restarted':
      return `✓ the webhook is back: ${happening.url}`;
    case 'forgot':
      return `  ${happening.runs} run${happening.runs === 1 ? ' that ended' : 's that ended'} ${RUN_STORE_DAYS.runs} days ago: forgotten.`;
    case 'not-forgotten':
      return `! old runs are not forgotten: ${happening.problem.detail} ${happening.problem.fix}`;
    case 'stopping':
      return 'Stopping: running runs are told to end. Ctrl-C again kills them.';
    case 'stopped':
      return 'Stopped.';
  }
}

function readyText({ url, seconds, tenants, broken, upcoming }: Extract<DevHappening, { type: 'ready' }>): string {
  const lines = [`✓ ready in ${seconds.toFixed(1)} s: ${url}  (API: ${url}/docs; Ctrl-C ends all)`];
  const named = tenants.map(({ tenant, sources }) => `${tenant} (${sources} source${sources === 1 ? '' : 's'})`);
  lines.push(named.length === 0 ? '  No tenant yet: tributary init' : `  Tenants: ${named.join(', ')}`);
  for (const name of broken) lines.push(`! ${name}.yaml is no tenant as it is: tributary check`);
  if (upcoming.length === 0) lines.push('  Nothing is scheduled.');
  else {
    const rows = upcoming
      .slice(0, SHOWN)
      .map(({ tenant, source, at, cron, timeZone }) => [at, `${tenant}/${source}`, cron, timeZone]);
    lines.push('', table(['next (UTC)', 'source', 'cron', 'time zone'], rows).trimEnd());
    if (upcoming.length > SHOWN) lines.push(`… and ${upcoming.length - SHOWN} more`);
    lines.push('');
  }
  return lines.join('\n');
}

/** A line of the webhook's log as a person reads it. */
function lineText(line: string | Readonly<Record<string, unknown>>): string {
  if (typeof line === 'string') return line;
  const { time, message, severity } = line as { time?: unknown; message?: unknown; severity?: unknown };
  const at = typeof time === 'string' ? time.slice(11, 19) : new Date().toISOString().slice(11, 19);
  const mark = severity === 'ERROR' || severity === 'CRITICAL' ? '✗' : severity === 'WARNING' ? '!' : ' ';
  return `${at} ${mark} ${typeof message === 'string' ? message : JSON.stringify(line)}`;
}

/** The problem that a line of a log carries. */
export function problemIn(line: string | Readonly<Record<string, unknown>>): Problem | null {
  if (typeof line === 'string') return null;
  const { problem } = line as { problem?: Problem };
  return typeof problem?.code === 'string' && typeof problem.fix === 'string' ? problem : null;
}
