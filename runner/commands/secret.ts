import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { TributaryError } from '../core/errors.ts';
import { table } from '../display/text.ts';
import { listSecrets, setSecret } from '../secrets.ts';
import { openTenant } from './context.ts';
import { EXIT, type GlobalOptions, print } from './outcome.ts';

export async function secret(options: GlobalOptions, action: string, tenant: string, name?: string): Promise<number> {
  openTenant(options, tenant);
  if (action === 'list') {
    const names = await listSecrets({ tenant });
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
  if ((action !== 'set' && action !== 'rotate') || name === undefined) {
    throw new TributaryError('USAGE', {
      reason: `secret ${action} is not complete.`,
      advice: 'Write: tributary secret set <tenant> <name>   (the value comes from stdin)',
    });
  }
  await setSecret({ tenant, name, value: await readValue(name) });
  if (options.json) print({ tenant, secret: name, set: true });
  else process.stdout.write(`✓ ${name} is set\n`);
  return EXIT.done;
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
