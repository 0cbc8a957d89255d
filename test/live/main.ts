/** `npm run live -- --project P [--location EU] [--max-cost 1] [--only name] [--dry-run]`: the suite of the warehouse against a real project. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { BigQuery } from '@google-cloud/bigquery';
import { Storage } from '@google-cloud/storage';
import { GoogleAuth } from 'google-auth-library';
import { LIVE_VARIABLE } from './environment.ts';
import { type LiveOptions, liveOptions } from './options.ts';
import type { Clients } from './place.ts';
import { liveSession } from './session.ts';

const root = join(import.meta.dirname, '..', '..');
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

async function connect({ project, location }: LiveOptions): Promise<Clients> {
  const auth = new GoogleAuth({ scopes: [SCOPE], projectId: project });
  await auth.getAccessToken();
  return { bigquery: new BigQuery({ projectId: project, location }), storage: new Storage({ projectId: project }) };
}

function suite(options: LiveOptions, signal: AbortSignal): Promise<number> {
  const { only, project, location, budget, names } = options;
  const words = [join(import.meta.dirname, 'tests.ts'), ...(only === undefined ? [] : [only])];
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, words, {
      cwd: root,
      stdio: 'inherit',
      // Ctrl-C reaches this process only, which then ends it.
      detached: true,
      env: {
        ...process.env,
        TRIBUTARY_SUITE_TENANT: names.tenant,
        [LIVE_VARIABLE]: JSON.stringify({ project, location, budget, names }),
      },
    });
    const stop = () => {
      // With the workers of the test runner.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    child.once('error', fail);
    child.once('close', (code) => done(code ?? 1));
  });
}

const controller = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => controller.abort());
try {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  process.exitCode = await liveSession(liveOptions(process.argv.slice(2)), {
    connect,
    suite,
    say,
    signal: controller.signal,
  });
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
