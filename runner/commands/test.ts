import type { Check } from '../core/contracts/source.ts';
import { objectOf } from '../pipeline/plan.ts';
import { connectSource, interruptible, openTenant } from './context.ts';
import { EXIT, type GlobalOptions, print } from './outcome.ts';

const MARK: Readonly<Record<Check['status'], string>> = { pass: '✓', warn: '!', fail: '✗', skip: '·' };

/** The steps of the connection, with the object and cursor of every source that uses it. */
export async function test(options: GlobalOptions, tenantName: string, connection: string): Promise<number> {
  const tenant = openTenant(options, tenantName);
  const { source } = await connectSource(tenant, connection);
  await using _ = source;
  const signal = interruptible();
  const users = Object.entries(tenant.sources).filter(([, spec]) => spec.connection === connection);
  const targets =
    users.length === 0
      ? [{}]
      : users.map(([, spec]) => ({
          object: objectOf(spec),
          ...(spec.load.strategy === 'transactional' && spec.load.cursor !== undefined
            ? { cursor: spec.load.cursor }
            : {}),
        }));
  const seen = new Map<string, Check>();
  for (const target of targets) {
    for await (const step of source.check(target, signal)) {
      const key = `${step.id} ${step.title}`;
      if (seen.has(key)) continue;
      seen.set(key, step);
      if (!options.json) show(step);
    }
  }
  const checks = [...seen.values()];
  if (options.json) print({ tenant: tenantName, connection, checks });
  return checks.some(({ status }) => status === 'fail') ? EXIT.failed : EXIT.done;
}

function show({ status, title, found, ms, problem }: Check): void {
  process.stdout.write(`${MARK[status]} ${title}${found === undefined ? '' : `: ${found}`} (${Math.round(ms)} ms)\n`);
  if (problem !== undefined) process.stdout.write(`    ${problem.title} ${problem.detail}\n    fix: ${problem.fix}\n`);
}
