/** The service: everything it needs, made from its environment. */
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { problemOf, TributaryError } from '../runner/core/errors.ts';
import { createApp } from './app.ts';
import { compose, type Service } from './compose.ts';
import { serverSettings } from './settings.ts';

/** What requests that are under way have for it when the service is told to end. */
const DRAIN_MS = 8_000;
/** Longer than a caller keeps an idle connection: else it is closed under the request that is on its way. */
const KEEP_ALIVE_MS = 620_000;

const say = (fields: object, message: string) =>
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...fields, message })}\n`);

async function main(): Promise<void> {
  const settings = serverSettings(process.env);
  let service: Service | null = null;
  let answer: ReturnType<typeof createApp>['fetch'] | null = null;
  const listener = getRequestListener(
    (request, env) =>
      answer?.(request, env as never) ?? new Response(null, { status: 503, headers: { 'Retry-After': '1' } }),
  );
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  server.requestTimeout = 60_000;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const port = await listen(server, settings.host, settings.port);
  const url = `http://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${port}`;
  service = await compose(settings, { env: process.env, url, runner: join(import.meta.dirname, '../runner/main.ts') });
  answer = createApp(service.dependencies).fetch;
  service.begin();
  service.dependencies.log.info({ url }, 'listening');

  let ending = false;
  const end = async (signal: 'SIGTERM' | 'SIGINT') => {
    if (ending) return;
    ending = true;
    service.dependencies.log.info({ signal }, 'ending');
    await service.quiet(signal === 'SIGINT');
    await drained(server);
    await service[Symbol.asyncDispose]();
    process.exit(0);
  };
  process.on('SIGTERM', () => void end('SIGTERM'));
  process.on('SIGINT', () => void end('SIGINT'));
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((done, fail) => {
    server.on('error', (error: NodeJS.ErrnoException) => {
      fail(error.code === 'EADDRINUSE' ? new TributaryError('PORT_IN_USE', { host, port }) : error);
    });
    server.listen(port, host, () => done((server.address() as { port: number }).port));
  });
}

/** No new connection; what is being answered may end, then what is left is cut. */
async function drained(server: Server): Promise<void> {
  const closed = new Promise<void>((done) => server.close(() => done()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearTimeout(cut);
}

main().catch((error: unknown) => {
  const problem = problemOf(error);
  say({ severity: 'ERROR', problem }, `${problem.title} ${problem.detail}`);
  process.exit(1);
});
