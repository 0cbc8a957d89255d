/** Requests over connections that are kept. */
import { Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';

export interface Connections {
  get(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage>;
  close(): void;
}

/** Without a byte in either direction for so long a request is given up. */
const STALL_MS = 60_000;
const USER_AGENT = 'tributary/0.1 (GPN:tributary)';

export function openConnections(origin: string): Connections {
  const secure = origin.startsWith('https:');
  const agent = secure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  const start = secure ? requestHttps : requestHttp;
  return {
    get: (url, headers, signal) =>
      new Promise((resolve, reject) => {
        const request = start(url, { headers: { ...headers, 'user-agent': USER_AGENT }, agent, signal });
        request.setTimeout(STALL_MS, () => request.destroy(new Error(`nothing moved for ${STALL_MS / 1000} s`)));
        request.once('response', resolve).on('error', reject).end();
      }),
    close: () => agent.destroy(),
  };
}
