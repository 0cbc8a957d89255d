import type { Check } from '../core/contracts/source.ts';
import { EXIT } from '../job/exit.ts';
import { interruptible } from '../job/interruptible.ts';
import { checkConnection } from '../job/look.ts';
import { connectSource, openTenant } from './context.ts';
import { type GlobalOptions, print } from './outcome.ts';

const MARK: Readonly<Record<Check['status'], string>> = { pass: '✓', warn: '!', fail: '✗', skip: '·' };

/** The steps of the connection, with the object and cursor of every source that uses it. */
export async function test(options: GlobalOptions, tenantName: string, connection: string): Promise<number> {
  const tenant = openTenant(options, tenantName);
  const { source } = await connectSource(tenant, connection);
  await using _ = source;
  const checks: Check[] = [];
  for await (const step of checkConnection(source, tenant, connection, interruptible())) {
    checks.push(step);
    if (!options.json) show(step);
  }
  if (options.json) print({ tenant: tenantName, connection, checks });
  return checks.some(({ status }) => status === 'fail') ? EXIT.failed : EXIT.done;
}

function show({ status, title, found, ms, problem }: Check): void {
  process.stdout.write(`${MARK[status]} ${title}${found === undefined ? '' : `: ${found}`} (${Math.round(ms)} ms)\n`);
  if (problem !== undefined) process.stdout.write(`    ${problem.title} ${problem.detail}\n    fix: ${problem.fix}\n`);
}
