/** A process that holds something, and whether it still lives. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface Owner {
  readonly host: string;
  readonly pid: number;
  /** Tells a process from a later one with the same pid; empty where the system does not say. */
  readonly started: string;
  /** Pids only mean something inside one process namespace (a container has its own). */
  readonly namespace: string;
}

export function thisProcess(): Owner {
  return {
    host: hostname(),
    pid: process.pid,
    started: startOf(process.pid)?.started ?? '',
    namespace: attempt(() => readlinkSync('/proc/self/ns/pid')) ?? '',
  };
}

/** True only where it is certain: on this host, in this namespace, and gone. */
export function isGone(owner: Owner, self: Owner = thisProcess()): boolean {
  if (owner.host !== self.host || owner.namespace !== self.namespace) return false;
  if (!exists(owner.pid)) return true;
  const now = startOf(owner.pid);
  if (now === null) return false;
  return now.ended || (owner.started !== '' && owner.started !== now.started);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Field 22 of proc(5)'s stat counts from boot, so the boot's own id goes with it. */
function startOf(pid: number): { readonly started: string; readonly ended: boolean } | null {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (stat === null) return null;
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields[19];
  if (ticks === undefined) return null;
  const boot = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()) ?? '';
  return { started: `${boot}:${ticks}`, ended: fields[0] === 'Z' || fields[0] === 'X' };
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
