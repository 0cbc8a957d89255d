/** Processes of workers, as the kernel shows them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const pageSize = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));

/** Extractors that are children of this process. */
export function extractorsOf(parent: number): readonly number[] {
  const words = ['-A', '-o', 'ppid=,pid=,args='];
  return execFileSync('ps', words, { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, of, pid] = /^\s*(\d+)\s+(\d+)\s.* extract-split$/.exec(line) ?? [];
      return Number(of) === parent ? [Number(pid)] : [];
    });
}

export function residentMb(pid: number): number {
  return (Number(read(`/proc/${pid}/statm`)?.split(' ')[1] ?? 0) * pageSize) / 2 ** 20;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}
