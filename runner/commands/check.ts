import { join } from 'node:path';
import { formatIssue, listTenants, readTenant, type TenantIssue } from '../../tenants/load.ts';
import { TributaryError } from '../core/errors.ts';
import { EXIT } from '../job/exit.ts';
import { type GlobalOptions, print } from './outcome.ts';

/** Validates the files named, or all of the tenants' folder. */
export async function check(options: GlobalOptions, ...files: string[]): Promise<number> {
  const chosen =
    files.length > 0 ? files : listTenants(options.tenants).map((name) => join(options.tenants, `${name}.yaml`));
  if (chosen.length === 0)
    throw new TributaryError('USAGE', {
      reason: `${options.tenants} holds no tenant file.`,
      advice: 'Create one: tributary init',
    });
  const issues = chosen.flatMap((file) => readTenant(file).errors);
  if (options.json) print({ files: chosen, errors: issues });
  else if (issues.length === 0)
    process.stdout.write(`✓ ${chosen.length === 1 ? chosen[0] : `${chosen.length} tenant files`}: no errors\n`);
  else printIssues(issues);
  return issues.length === 0 ? EXIT.done : EXIT.input;
}

export function printIssues(issues: readonly TenantIssue[]): void {
  for (const issue of issues) process.stderr.write(`${formatIssue(issue)}\n`);
  process.stderr.write(`✗ ${issues.length} error${issues.length === 1 ? '' : 's'}\n`);
}
