/** A process as a container of Cloud Run is one: its own environment and nothing else, and it never outlives this process. */
import { spawn } from 'node:child_process';

export interface ContainerProcess {
  /** Of the shell that keeps it. */
  readonly pid: number | null;
  /** Exit code; 128 and the number of the signal where one ended it. */
  readonly ended: Promise<number>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** The shell ends the process when its own input ends: that is when this process is gone, however it went. */
const KEEPER = `exec 3<&0
  "$@" </dev/null 3<&- & child=$!
  (/bin/cat <&3 >/dev/null; kill -KILL $child) 2>/dev/null & keeper=$!
  trap 'kill -TERM $child' TERM
  wait $child; code=$?
  while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
  kill $keeper 2>/dev/null; exit $code`;

export function startContainer(
  command: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
  onOutput: (text: string) => void,
): ContainerProcess {
  const child = spawn('/bin/sh', ['-c', KEEPER, 'container', ...command], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { ...environment },
  });
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', onOutput);
  child.stdin.on('error', () => undefined);
  const ended = new Promise<number>((done) => {
    child.once('error', (error) => {
      onOutput(`${error.message}\n`);
      done(127);
    });
    child.once('close', (code) => done(code ?? 137));
  });
  return {
    pid: child.pid ?? null,
    ended,
    kill(signal) {
      // The end of its input is what kills it hard.
      if (signal === 'SIGKILL') child.stdin.end();
      else child.kill(signal);
    },
  };
}
