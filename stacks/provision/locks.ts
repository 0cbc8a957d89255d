/** Who holds the lock of a stack. A file, gs://, s3:// or azblob:// backend writes host, process and time into it. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

export interface Lock {
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  /** RFC 3339. */
  readonly since: string;
}

/** The locks that the engine names when it refuses a locked stack; empty where it was refused for another reason. */
export function locksIn(text: string): Lock[] {
  if (!text.includes('the stack is currently locked by')) return [];
  const line = /created by ([^\s@]*)@(\S*) \(pid (\d+)\) at (\S+)/g;
  return [...text.matchAll(line)].map(([, user = '', host = '', pid = '', since = '']) => ({
    user,
    host,
    pid: Number(pid),
    since,
  }));
}

/** What this machine knows of a process: when it began (ms since 1970), `null` where it does not exist, or nothing. */
export type ProcessStart = (pid: number) => number | null | undefined;

/**
 * True only where it is certain: taken on this host, by a process that is gone, or whose number now belongs to one that
 * began after the lock was taken.
 */
export function isStale(lock: Lock, host: string = hostname(), start: ProcessStart = processStart): boolean {
  if (lock.host !== host) return false;
  const began = start(lock.pid);
  if (began === null) return true;
  const taken = Date.parse(lock.since);
  // The lock's time is in whole seconds.
  return began !== undefined && Number.isFinite(taken) && began > taken + 1000;
}

function processStart(pid: number): number | null | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return null;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    const boot = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1];
    // proc(5): field 22 counts clock ticks since boot, 100 a second on every Linux that Node runs on.
    return boot === undefined ? undefined : Number(boot) * 1000 + Number(fields[19]) * 10;
  } catch {
    return undefined;
  }
}
