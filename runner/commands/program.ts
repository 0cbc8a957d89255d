/** Reads the command line and hands over; each command loads what it needs when it is called. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { EXIT } from '../job/exit.ts';
import { fail, type GlobalOptions } from './outcome.ts';

type Action = (options: never, ...parameters: never[]) => Promise<number>;

const program = new Command('tributary')
  .description('Ingestion into BigQuery; on a laptop into an embedded warehouse.')
  .addOption(new Option('--tenants <dir>', 'folder of the tenant files').default('tenants'))
  .addOption(
    new Option('--warehouse <url>', 'duckdb:<file>, bigquery or bigquery:<project>').default(
      'duckdb:.tributary/warehouse.duckdb',
    ),
  )
  .option('--json', 'one JSON document on stdout, progress as JSON lines on stderr')
  .option('--yes', 'go past the brakes')
  .option('--verbose', 'show causes')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

function command(usage: string, description: string, load: () => Promise<Action>): Command {
  return program
    .command(usage)
    .description(description)
    .action(async (...given: unknown[]) => {
      const self = given.pop() as Command;
      given.pop();
      process.exitCode = await (await load())(self.optsWithGlobals() as never, ...(given.flat() as never[]));
    });
}

/** The words that the first argument may be; for help and completion, the command itself refuses others. */
function choosing(self: Command, ...words: string[]): Command {
  const [first] = self.registeredArguments;
  if (first !== undefined) first.argChoices = words;
  return self;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('not a whole number above 0');
  return value;
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65_535) throw new InvalidArgumentError('not a port from 1 to 65535');
  return value;
}

function dollars(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('not an amount of US dollars');
  return value;
}

/** A command whose run may cost something. */
function capped(self: Command): Command {
  return self.option('--max-cost <usd>', 'stop before a commit that would cost more', dollars);
}

command('check [file...]', 'validate tenant files', async () => (await import('./check.ts')).check);
command('test <tenant> <connection>', 'connect for real, step by step', async () => (await import('./test.ts')).test);
command(
  'discover <tenant> <connection> [object]',
  'tables with estimates; for one: columns, types, keys, cursors',
  async () => (await import('./discover.ts')).discover,
);
capped(command('plan <tenant> <source>', 'what a run would do', async () => (await import('./plan.ts')).plan));
capped(command('run <tenant> <source>', 'run a source now', async () => (await import('./run.ts')).run));
capped(
  command(
    'backfill <tenant> <source>',
    'load a stretch of the cursor again',
    async () => (await import('./backfill.ts')).backfill,
  ),
)
  .requiredOption('--from <cursor>', 'first value, included')
  .requiredOption('--to <cursor>', 'last value, not included')
  .option('--dry-run', 'say what would be read');
choosing(
  command(
    'quarantine <action> <tenant> <source>',
    'rows that did not fit: list them, or replay those that fit now',
    async () => (await import('./quarantine.ts')).quarantine,
  ),
  'list',
  'replay',
)
  .option('--limit <rows>', 'list: rows to show', count, 100)
  .option('--all', 'list: replayed rows too')
  .option('--dry-run', 'replay: say how many rows fit now');
command('undo <tenant> <run>', 'restore a table as it was before a run', async () => (await import('./undo.ts')).undo);
command('runs <tenant> [source]', 'history', async () => (await import('./runs.ts')).runs).option(
  '--limit <runs>',
  'runs to show',
  count,
  20,
);
command('logs <run>', 'the events of a run', async () => (await import('./logs.ts')).logs);
choosing(
  command(
    'secret <action> <tenant> [name]',
    'set (value from stdin or a hidden prompt) or list',
    async () => (await import('./secret.ts')).secret,
  ),
  'set',
  'rotate',
  'list',
).option('--secrets <store>', 'laptop or secret-manager', 'laptop');
/** A command that works on stacks: of tenants, of the platform, of all. */
function stackCommand(name: string, description: string, load: () => Promise<Action>): Command {
  return command(`${name} [tenant...]`, description, load)
    .option('--all', 'every tenant of the folder')
    .option('--changed', 'only what has changed since its last up')
    .option('--env <name>', 'environment: the part of a stack after the dot', 'dev')
    .option('--parallel <stacks>', 'stacks at a time', count, 4)
    .option('--policy-pack <dir...>', 'policies of this folder instead of the own ones')
    .option('--no-policies', 'without policies')
    .option('--release-stale-lock', 'release the lock of a process of this machine that is gone');
}

stackCommand(
  'preview',
  'what an up of tenants (or platform) would do, with its digest',
  async () => (await import('./preview.ts')).preview,
);
stackCommand('up', 'apply what was previewed', async () => (await import('./up.ts')).up).option(
  '--approve <digest>',
  'apply only what has this digest',
);
stackCommand(
  'refresh',
  'what was changed past Pulumi, the loudest first',
  async () => (await import('./refresh.ts')).refresh,
).option('--adopt', 'write it into the state');
stackCommand('destroy', 'take tenants out of service; data stays', async () => (await import('./destroy.ts')).destroy);
command(
  'dev',
  'the platform on this machine: API, schedules and runs',
  async () => (await import('./dev.ts')).dev,
).option('--port <port>', 'of the API, on the loopback only; 8080', port);
command('init', 'write a new tenant file, guided', async () => (await import('./init.ts')).init);
choosing(
  command(
    'completion <shell>',
    'print the script that completes commands in a shell',
    async () => (await import('./completion.ts')).completion,
  ),
  'bash',
  'zsh',
  'fish',
);
program
  .command('complete [words...]', { hidden: true })
  .action(async (words: string[]) => (await import('./completion.ts')).complete(program, words));

/** @returns the exit code */
export async function main(): Promise<number> {
  try {
    await program.parseAsync();
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.input;
    return fail(error, program.opts<GlobalOptions>());
  }
}
