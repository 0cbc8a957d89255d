/**
 * A subscriber of Tributary's webhook: it starts something when rows have landed. It needs nothing but Node.
 *
 *   TRIBUTARY_SECRET=whsec_… PORT=8088 node docs/examples/subscriber.ts
 *
 * On a platform of its own, point `TRIBUTARY_NOTIFY_<NAME>_URL` at `https://<host>/`.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

interface Notice {
  readonly id: string;
  readonly type: string;
  readonly tenant: string;
  readonly source: string;
  readonly runId: string | null;
  readonly summary: { readonly rows?: { readonly loaded?: number } };
}

const { TRIBUTARY_SECRET: secret = '', PORT: port = '8088' } = process.env;
const MOST_BYTES = 1 << 20;
const TOLERANCE_SECONDS = 300;

/** Replace it by what should begin: a training run, a feature pipeline, a deployment. */
async function start({ tenant, source, summary }: Notice): Promise<void> {
  console.log(`rows landed in ${tenant}/${source}: ${summary.rows?.loaded ?? 0}`);
}

/** Ids that were dealt with. Notices come at least once; keep these in a database where a restart must not repeat one. */
const seen = new Set<string>();

/** Whether Tributary signed it, a short time ago. @see https://www.standardwebhooks.com */
export function isGenuine(headers: IncomingHttpHeaders, body: string, now = Date.now()): boolean {
  const id = `${headers['webhook-id']}`;
  const timestamp = `${headers['webhook-timestamp']}`;
  if (!(Math.abs(now / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS)) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  if (key.length === 0) return false;
  const wanted = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
  // While a secret is exchanged there are two signatures.
  return `${headers['webhook-signature']}`.split(' ').some((part) => {
    const given = Buffer.from(part.replace(/^v1,/, ''), 'base64');
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MOST_BYTES) throw new Error('too long');
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function answer(request: IncomingMessage): Promise<number> {
  const body = await textOf(request);
  if (request.method !== 'POST' || !isGenuine(request.headers, body)) return 401;
  const notice = JSON.parse(body) as Notice;
  if (seen.has(notice.id)) return 204;
  if (notice.type === 'run.landed') await start(notice);
  // Only now: had it failed, Tributary would send it again.
  seen.add(notice.id);
  return 204;
}

const server = createServer((request, response) => {
  answer(request)
    .catch(() => 500)
    .then((status) => response.writeHead(status).end());
});
server.listen(Number(port), () => console.log(`listening on ${JSON.stringify(server.address())}`));
