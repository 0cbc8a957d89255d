/** How commands end: exit codes and the one way a problem is shown. */
import { type Problem, problemOf } from '../core/errors.ts';

export interface GlobalOptions {
  readonly tenants: string;
  readonly warehouse: string;
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly verbose?: boolean;
}

/** docs/cli.md has the table. */
export const EXIT = { done: 0, input: 1, failed: 2, quarantined: 3, refused: 4, interrupted: 130 } as const;

const INPUT = new Set([
  'TENANT_INVALID',
  'TENANT_NOT_FOUND',
  'SOURCE_NOT_FOUND',
  'CONNECTOR_MISSING',
  'RUN_NOT_FOUND',
  'WAREHOUSE_PROJECT_MISSING',
  'DESIGN_INVALID',
  'STACK_PLATFORM_MISSING',
  'USAGE',
]);

/** A lock, an approval or a policy stands in the way; nothing was changed that cannot stay. */
const REFUSED = new Set(['STACK_LOCKED', 'STACK_BUSY', 'STACK_NEEDED', 'STACK_UNAPPROVED', 'STACK_POLICY']);

export function exitCode({ code }: Problem): number {
  if (code === 'INTERRUPTED' || code === 'STACK_INTERRUPTED') return EXIT.interrupted;
  if (code.startsWith('BRAKE_') || code.startsWith('LEASE_') || REFUSED.has(code)) return EXIT.refused;
  return INPUT.has(code) ? EXIT.input : EXIT.failed;
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
