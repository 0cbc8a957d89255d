import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { TenantSpec } from '../../tenants/schema/index.ts';
import { TributaryError } from '../core/errors.ts';
import { table } from '../display/text.ts';
import { EXIT } from '../job/exit.ts';
import { projectOf } from '../job/warehouse.ts';
import { listSecrets, setSecret } from '../secrets/laptop.ts';
import { type SecretsKind, secretsKind } from '../secrets/open.ts';
import { secretManager } from '../secrets/secret-manager.ts';
import { openTenant } from './context.ts';
import { type GlobalOptions, print } from './outcome.ts';

interface SecretOptions extends GlobalOptions {
  readonly secrets: string;
}

/** Where the secrets of a tenant are kept, as this command needs it. */
interface Kept extends AsyncDisposable {
  set(name: string, value: string): Promise<void>;
  list(): Promise<readonly { readonly name: string; readonly source: string }[]>;
}

export async function secret(options: SecretOptions, action: string, name: string, secret?: string): Promise<number> {
  const spec = openTenant(options, name);
  const { tenant } = spec;
  await using kept = open(secretsKind(options.secrets), spec);
  if (action === 'list') {
    const names = await kept.list();
    if (options.json) print({ tenant, secrets: names });
    else
      process.stdout.write(
        names.length === 0
          ? 'No secrets.\n'
          : table(
              ['secret', 'kept in'],
              names.map((entry) => [entry.name, entry.source]),
            ),
      );
    return EXIT.done;
  }
  if ((action !== 'set' && action !== 'rotate') || secret === undefined) {
    throw new TributaryError('USAGE', {
      reason: `secret ${action} is not complete.`,
      advice: 'Write: tributary secret set <tenant> <name>   (the value comes from stdin)',
    });
  }
  await kept.set(secret, await readValue(secret));
  if (options.json) print({ tenant, secret, set: true });
  else process.stdout.write(`✓ ${secret} is set\n`);
  return EXIT.done;
}

function open(kind: SecretsKind, spec: TenantSpec): Kept {
  const { tenant } = spec;
  if (kind === 'laptop')
    return {
      set: (name, value) => setSecret({ tenant, name, value }),
      list: () => listSecrets({ tenant }),
      [Symbol.asyncDispose]: async () => undefined,
    };
  const project = projectOf('', spec);
  const managed = secretManager({ tenant, project });
  return {
    set: (name, value) => managed.set(name, value),
    list: async () => (await managed.list()).map((name) => ({ name, source: `Secret Manager of ${project}` })),
    [Symbol.asyncDispose]: () => managed[Symbol.asyncDispose](),
  };
}

/** From a pipe, or typed without an echo. */
async function readValue(name: string): Promise<string> {
  if (process.stdin.isTTY !== true) {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks)
      .toString('utf8')
      .replace(/\r?\n$/, '');
  }
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  process.stderr.write(`${name}: `);
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  const value = await lines.question('');
  lines.close();
  process.stderr.write('\n');
  return value;
}
