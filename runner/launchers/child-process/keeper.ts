/**
 * The shell that a runner is the child of. It says who it is before the runner begins and how the runner ended, to files,
 * because whoever launched it may be gone by then. A signal to the group reaches both; the shell waits for the runner.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export interface KeptProcess {
  /** Its files are `<base>.process`, `<base>.exit` and `<base>.log`. */
  readonly base: string;
  readonly command: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
}

/** `set -C` makes the file of the process a right to begin that is given once; see `void` in executions.ts. */
const KEEPER = `base=$1; shift
started() {
  [ -r /proc/$$/stat ] || return 0
  read -r stat </proc/$$/stat; read -r boot </proc/sys/kernel/random/boot_id
  set -- \${stat##*) }; shift 19; printf '%s:%s' "$boot" "$1"
}
(set -C; printf '%s %s\\n' $$ "$(started)" >"$base.process") 2>/dev/null || exit 75
trap : TERM INT HUP
"$@"; code=$?
printf '%s\\n' $code >"$base.exit.new" && mv "$base.exit.new" "$base.exit"`;

/** @returns once the operating system has started it. */
export async function startKept({ base, command, environment }: KeptProcess): Promise<void> {
  const log = openSync(`${base}.log`, 'a', 0o600);
  try {
    const child = spawn('/bin/sh', ['-c', KEEPER, 'tributary-run', base, ...command], {
      stdio: ['ignore', log, log],
      detached: true,
      env: { ...environment },
    });
    await spawned(child);
    child.unref();
  } finally {
    closeSync(log);
  }
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((done, fail) => {
    child.once('spawn', done);
    child.once('error', fail);
  });
}
