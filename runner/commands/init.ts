import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { formatIssue, parseTenant } from '../../tenants/load.ts';
import { TributaryError } from '../core/errors.ts';
import { EXIT } from '../job/exit.ts';
import { type GlobalOptions, print } from './outcome.ts';

interface Question {
  readonly key: string;
  readonly ask: string;
  readonly otherwise: string;
}

const QUESTIONS: readonly Question[] = [
  { key: 'tenant', ask: 'Name of the tenant', otherwise: 'acme' },
  { key: 'host', ask: 'Host of the PostgreSQL server', otherwise: 'localhost' },
  { key: 'port', ask: 'Port', otherwise: '5432' },
  { key: 'database', ask: 'Database', otherwise: 'postgres' },
  { key: 'user', ask: 'User', otherwise: 'postgres' },
  { key: 'table', ask: 'First table to load', otherwise: 'public.orders' },
];

/** Asks (or takes answers line by line from stdin) and writes a tenant file that `check` accepts. */
export async function init(options: GlobalOptions): Promise<number> {
  const answers = await ask();
  const file = join(options.tenants, `${answers.tenant}.yaml`);
  if (existsSync(file))
    throw new TributaryError('USAGE', {
      reason: `${file} exists already.`,
      advice: 'Choose another name, or edit the file.',
    });
  const text = tenantFile(answers);
  const { errors } = parseTenant(text, file);
  if (errors.length > 0) throw new TributaryError('USAGE', { reason: errors.map(formatIssue).join('\n') });
  mkdirSync(options.tenants, { recursive: true });
  writeFileSync(file, text, { flag: 'wx' });
  if (options.json)
    print({
      file,
      next: [`tributary secret set ${answers.tenant} main-password`, `tributary test ${answers.tenant} main`],
    });
  else
    process.stdout.write(
      `✓ ${file}\nNext:\n  tributary secret set ${answers.tenant} main-password\n  tributary test ${answers.tenant} main\n  tributary discover ${answers.tenant} main\n`,
    );
  return EXIT.done;
}

async function ask(): Promise<Record<string, string>> {
  const lines = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal: process.stdin.isTTY === true,
  });
  const typed = lines[Symbol.asyncIterator]();
  const answers: Record<string, string> = {};
  for (const { key, ask: question, otherwise } of QUESTIONS) {
    process.stderr.write(`${question} [${otherwise}]: `);
    const { value } = await typed.next();
    answers[key] = (value ?? '').trim() || otherwise;
  }
  lines.close();
  return answers;
}

function tenantFile({ tenant, host, port, database, user, table }: Record<string, string>): string {
  const name =
    (table ?? '')
      .split('.')
      .at(-1)
      ?.replace(/[^A-Za-z0-9_]/g, '_') ?? 'first';
  return `# yaml-language-server: $schema=./tenant.schema.json
tenant: ${tenant}

connections:
  main: {kind: postgres, host: ${host}, port: ${port}, database: ${database}, user: ${user}, tls: prefer, secret: main-password}

sources:
  ${name}:
    connection: main
    table: ${table}
    load: {strategy: catalog, history: replace}
`;
}
