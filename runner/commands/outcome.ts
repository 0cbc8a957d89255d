/** How commands end: the one way a problem is shown. */
import { type Problem, problemOf } from '../core/errors.ts';
import { exitCode } from '../job/exit.ts';

export interface GlobalOptions {
  readonly tenants: string;
  readonly warehouse: string;
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly verbose?: boolean;
}

/** Shows a problem and gives its exit code. */
export function fail(error: unknown, { json, verbose }: Partial<GlobalOptions>): number {
  const problem = problemOf(error);
  if (json) print({ problem });
  else process.stderr.write(`${problemText(problem)}\n`);
  if (verbose && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  return exitCode(problem);
}

export function problemText({ code, title, detail, fix }: Problem): string {
  return `✗ ${title} (${code})\n  ${detail}\n  fix: ${fix}`;
}

/** One JSON document on stdout. */
export function print(document: unknown): void {
  process.stdout.write(
    `${JSON.stringify(document, (_, value) => (typeof value === 'bigint' ? value.toString() : value), 2)}\n`,
  );
}
