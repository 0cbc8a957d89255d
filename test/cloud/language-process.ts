/** A process of the language host. */
import { spawn } from 'node:child_process';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly folder?: string;
}

export interface Started {
  /** Its exit code, once all its output was passed on; -1 where a signal ended it. */
  readonly ended: Promise<number>;
  /** Asks it to end, and ends it where it does not within five seconds. */
  readonly interrupt: () => void;
  readonly kill: () => void;
}

export interface Output {
  readonly stdout: (part: Buffer) => void;
  readonly stderr: (part: Buffer) => void;
}

/** Starts a command; none outlives the host. */
export function start({ program, args, environment, folder }: Command, output: Output): Started {
  const child = spawn(program, args, { env: environment, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.on('data', output.stdout);
  child.stderr.on('data', output.stderr);
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<number>((done) => {
    child.once('error', (error) => output.stderr(Buffer.from(`${error.message}\n`)));
    child.once('close', (code) => {
      process.off('exit', kill);
      done(code ?? -1);
    });
  });
  const interrupt = () => {
    child.kill('SIGINT');
    setTimeout(kill, 5_000).unref();
  };
  return { ended, interrupt, kill };
}
