import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TributaryError } from '../core/errors.ts';
import { forgetDaily } from '../dev/prune.ts';
import { supervise } from '../dev/supervisor.ts';
import { lookAt } from '../dev/upcoming.ts';
import { type DevHappening, devText, problemIn } from '../display/dev.ts';
import { EXIT } from '../job/exit.ts';
import { Executions } from '../launchers/child-process/executions.ts';
import { STORE } from './context.ts';
import type { GlobalOptions } from './outcome.ts';

const HOST = '127.0.0.1';
const PORT = 8080;
/** What the launcher remembers, and the logs of runs. */
const EXECUTIONS = resolve('.tributary', 'executions');
/** More would only wait for the one warehouse file, each with the memory of a process. */
const LEAST_PROCESSES = 4;
const root = join(import.meta.dirname, '..', '..');

export type DevOptions = GlobalOptions & { readonly port?: number };

/**
 * The platform on a laptop: the webhook with its scheduler as a child that is kept alive, and a process for each run.
 *
 * @throws PORT_IN_USE
 */
export async function dev(options: DevOptions): Promise<number> {
  const started = performance.now();
  const port = options.port ?? PORT;
  await probe(port);
  mkdirSync(dirname(STORE), { recursive: true });
  const say = (happening: DevHappening): void => {
    process.stdout.write(`${options.json ? JSON.stringify(happening) : devText(happening)}\n`);
  };
  let url: string | null = null;
  using ending = new DisposableStack();
  let failure: TributaryError | null = null;
  const webhook = supervise({
    program: [
      process.execPath,
      '--import',
      pathToFileURL(join(root, 'runner', 'dev', 'keeper.ts')).href,
      join(root, 'webhook', 'server.ts'),
    ],
    environment: { ...process.env, ...settings(options, port) },
    isReady: (line) => listening(line) !== null,
    onLine: (line) => {
      const at = typeof line === 'string' ? null : listening(line);
      const problem = problemIn(line);
      if (problem !== null && url === null) failure = TributaryError.from(problem);
      if (at === null) return say({ type: 'webhook', line });
      if (url === null) {
        const seconds = (performance.now() - started) / 1000;
        say({ type: 'ready', url: at, pid: webhook.pid(), seconds, ...lookAt(options.tenants, new Date()) });
        ending.use(
          forgetDaily({
            file: STORE,
            onForgot: (runs) => say({ type: 'forgot', runs }),
            onFailure: (problem) => say({ type: 'not-forgotten', problem }),
          }),
        );
      } else say({ type: 'webhook-restarted', url: at, pid: webhook.pid() });
      url = at;
    },
    onDeath: ({ code, signal, restartMs }) => {
      if (restartMs !== null) say({ type: 'webhook-died', code, signal, restartMs });
      else if (url === null && failure === null)
        failure = new TributaryError('INTERNAL', { message: `the webhook ended before it worked (${signal ?? code})` });
    },
  });
  let stopping = false;
  const stop = () => {
    if (stopping) {
      killRuns();
      return webhook.stop('SIGKILL');
    }
    stopping = true;
    say({ type: 'stopping' });
    webhook.stop('SIGINT');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  await webhook.ended;
  if (stopping) {
    say({ type: 'stopped' });
    return EXIT.done;
  }
  throw failure ?? new TributaryError('INTERNAL', { message: 'the webhook ended' });
}

/** What webhook/settings.ts reads; the store is the one of `tributary run`, so that `runs` and `logs` see everything. */
function settings(options: DevOptions, port: number): NodeJS.ProcessEnv {
  return {
    HOST,
    PORT: String(port),
    TRIBUTARY_AUTH: 'laptop',
    TRIBUTARY_RUN_STORE: `sqlite:${resolve(STORE)}`,
    TRIBUTARY_TENANTS: resolve(options.tenants),
    TRIBUTARY_LAUNCHER: 'child-process',
    TRIBUTARY_SCHEDULER: 'local',
    TRIBUTARY_WAREHOUSE: options.warehouse,
    TRIBUTARY_SECRETS: 'laptop',
    TRIBUTARY_DEPLOYER: 'laptop',
    TRIBUTARY_EXECUTIONS: EXECUTIONS,
    TRIBUTARY_MAX_PROCESSES:
      process.env.TRIBUTARY_MAX_PROCESSES ?? String(Math.max(LEAST_PROCESSES, availableParallelism())),
  };
}

function killRuns(): void {
  const executions = new Executions(EXECUTIONS);
  for (const execution of executions.living()) {
    const life = executions.lifeOf(execution);
    if (life.type !== 'alive') continue;
    try {
      process.kill(-life.pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}

function listening(line: Readonly<Record<string, unknown>>): string | null {
  return line.message === 'listening' && typeof line.url === 'string' ? line.url : null;
}

/** A taken port is said in a sentence before anything is started. */
function probe(port: number): Promise<void> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      fail(
        error.code === 'EADDRINUSE' ? new TributaryError('PORT_IN_USE', { host: HOST, port }, { cause: error }) : error,
      ),
    );
    server.listen({ host: HOST, port, exclusive: true }, () => server.close(() => done()));
  });
}
