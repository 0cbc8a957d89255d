import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Notice } from '../../../runner/core/contracts/notice.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { addressOf } from '../../../webhook/notices/address.ts';
import { digested } from '../../../webhook/notices/digest.ts';
import { messageOf } from '../../../webhook/notices/message.ts';
import { type Environment, openNotifiers } from '../../../webhook/notices/registry.ts';
import { noticeSchema } from '../../../webhook/notices/schema.ts';
import { signingKeys } from '../../../webhook/notices/signature.ts';
import { noticeOf, type Receiver, startReceiver } from './receiver.ts';

const KEY = Buffer.alloc(32, 7);
const SECRET = `whsec_${KEY.toString('base64')}`;
const OPTIONS = {
  projectOf: async (tenant: string) => (tenant === 'gone' ? null : `${tenant}-data`),
  patience: { firstWaitMs: 10 },
  windowMs: 50,
};

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver[Symbol.asyncDispose]());

const environment = (kind: 'webhook' | 'slack' | 'pubsub'): Environment => ({
  TRIBUTARY_NOTIFY: kind === 'pubsub' ? kind : `${kind}:ops-team`,
  TRIBUTARY_NOTIFY_OPS_TEAM_URL: receiver.url,
  TRIBUTARY_NOTIFY_OPS_TEAM_SECRET: SECRET,
  PUBSUB_EMULATOR_HOST: receiver.host,
});

function open(kind: 'webhook' | 'slack' | 'pubsub', over: Environment = {}, options = {}) {
  const [notifier, ...others] = openNotifiers({ ...environment(kind), ...over }, { ...OPTIONS, ...options });
  expect(others).toEqual([]);
  if (notifier === undefined) throw new Error('there is no notifier');
  return notifier;
}

async function undelivered(attempt: Promise<unknown>): Promise<string> {
  const problem = await attempt.then(
    () => {
      throw new Error('It should have failed.');
    },
    (error: unknown) => problemOf(error),
  );
  expect(problem).toMatchObject({ code: 'NOTICE_FAILED', retryable: true });
  expect(JSON.stringify(problem)).not.toMatch(/s3cret|whsec_|127\.0\.0\.1/);
  return problem.detail;
}

describe('webhook', () => {
  test('the body is the notice, signed as Standard Webhooks has it', async () => {
    const notice = noticeOf();
    await open('webhook').send([notice]);
    const [{ headers, body, path }] = receiver.received as [Receiver['received'][0]];
    expect(path).toBe('/hook/s3cret-path');
    expect(JSON.parse(body)).toEqual(notice);
    expect(noticeSchema.parse(JSON.parse(body))).toEqual(notice);
    expect(headers['content-type']).toBe('application/json');
    expect(headers['webhook-id']).toBe(notice.id.replaceAll('.', '_'));
    const seconds = Number(headers['webhook-timestamp']);
    expect(Math.abs(Date.now() / 1000 - seconds)).toBeLessThan(120);
    const signed = `${headers['webhook-id']}.${seconds}.${body}`;
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', KEY).update(signed).digest('base64')}`);
  });

  test('the example of Standard Webhooks itself', async () => {
    const { signatureHeaders } = await import('../../../webhook/notices/signature.ts');
    const keys = signingKeys('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'X');
    const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at: new Date(1614265330_000), body: '{"test": 2432232314}' };
    expect(signatureHeaders(keys, message)['webhook-signature']).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });

  test('while a secret is exchanged both sign', async () => {
    const other = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
    await open('webhook', { TRIBUTARY_NOTIFY_OPS_TEAM_SECRET: `${SECRET} ${other}` }).send([noticeOf()]);
    expect(`${receiver.received[0]?.headers['webhook-signature']}`.split(' ')).toHaveLength(2);
  });

  test.each([500, 502, 503, 408, 429])('after %d it is sent again, under the same id', async (status) => {
    receiver.answers.push({ status }, 'cut', { status });
    await open('webhook').send([noticeOf()]);
    expect(receiver.received).toHaveLength(4);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  test.each([400, 401, 403, 404, 410])('after %d it is not', async (status) => {
    receiver.answers.push({ status, body: 'who are you? s3cret' });
    expect(await undelivered(open('webhook').send([noticeOf()]))).toContain(`it answered ${status}`);
    expect(receiver.received).toHaveLength(1);
  });

  test('no redirect is followed', async () => {
    await using inside = await startReceiver();
    receiver.answers.push({ status: 307, headers: { location: inside.url } });
    expect(await undelivered(open('webhook').send([noticeOf()]))).toContain('redirects are not followed');
    expect(inside.received).toEqual([]);
  });

  test('it is given up in the end', async () => {
    receiver.answers.push({ status: 500 }, { status: 500 }, { status: 500 }, { status: 500 }, { status: 200 });
    expect(await undelivered(open('webhook').send([noticeOf()]))).toContain('tried 4 times');
  });

  test('one that does not answer holds nobody for long', async () => {
    receiver.answers.push('hang', 'hang');
    const patience = { totalMs: 100 };
    expect(await undelivered(open('webhook', {}, { patience }).send([noticeOf()]))).toContain(
      'does not answer in time',
    );
  });

  test('nobody listens', async () => {
    const url = 'http://127.0.0.1:1/s3cret';
    const detail = await undelivered(open('webhook', { TRIBUTARY_NOTIFY_OPS_TEAM_URL: url }).send([noticeOf()]));
    expect(detail).toContain('webhook:ops-team: it cannot be reached');
  });

  test('Retry-After is kept to', async () => {
    receiver.answers.push({ status: 429, headers: { 'retry-after': '1' } });
    const begin = performance.now();
    await open('webhook').send([noticeOf()]);
    expect(performance.now() - begin).toBeGreaterThan(900);
    expect(receiver.received).toHaveLength(2);
  });

  test('a hundred are a hundred, and one that is refused keeps the others for later', async () => {
    const notices = Array.from({ length: 100 }, () => noticeOf());
    await open('webhook').send(notices);
    expect(receiver.received.map(({ body }) => (JSON.parse(body) as Notice).id).sort()).toEqual(
      notices.map(({ id }) => id).sort(),
    );
    receiver.received.length = 0;
    receiver.answers.push(...Array.from({ length: 4 }, () => ({ status: 400 })));
    await undelivered(open('webhook').send(notices));
    expect(receiver.received.length).toBeLessThan(10);
  });
});

describe('Slack', () => {
  const texts = () =>
    receiver.received.map(({ body }) => JSON.parse(body) as { text: string; blocks: { text: { text: string } }[] });

  test('a failure is its entry of the catalogue, the state of the data and the way to the run', async () => {
    const notice = noticeOf();
    await open('slack').send([notice]);
    const [{ text, blocks }] = texts() as [ReturnType<typeof texts>[0]];
    expect(text).toBe('acme/orders failed: The runner had too little memory.');
    const all = blocks.map((block) => block.text.text).join('\n');
    for (const part of ['8 GiB were not enough', 'Do this: Read less at once', 'RUNNER_OUT_OF_MEMORY'])
      expect(all).toContain(part);
    expect(all).toContain('Data: Nothing of this run was committed.');
    expect(all).toContain(`<${notice.link}|Open the run>`);
  });

  test('only what somebody should look at, unless it is asked for', async () => {
    await open('slack').send([noticeOf({ type: 'run.succeeded' }), noticeOf({ type: 'run.started' })]);
    expect(receiver.received).toEqual([]);
    await open('slack', { TRIBUTARY_NOTIFY_OPS_TEAM_TYPES: 'run.landed' }).send([noticeOf({ type: 'run.landed' })]);
    expect(texts()[0]?.text).toBe('acme/orders has new rows');
  });

  test('names cannot call everybody, nor be links', async () => {
    await open('slack').send([noticeOf({ tenant: '<!channel>', link: 'https://x|<!here>' })]);
    expect(receiver.received[0]?.body).not.toMatch(/<!/);
  });

  test('a storm is one message with counts', async () => {
    const storm = Array.from({ length: 60 }, (_, n) => noticeOf({ source: `source_${n}` }));
    await open('slack').send([...storm, noticeOf({ type: 'schedule.missed', source: 'late' })]);
    expect(receiver.received).toHaveLength(1);
    const [{ text, blocks }] = texts() as [ReturnType<typeof texts>[0]];
    expect(text).toBe('61 runs: 60 failed, 1 missed by their schedule');
    expect(blocks[1]?.text.text).toContain('60 failed: The runner had too little memory.');
    expect(blocks[1]?.text.text).toContain('and 52 more');
    expect(blocks.every((block) => block.text.text.length <= 3000)).toBe(true);
  });

  test('what comes one by one in a short time is two messages: the first, and the rest', async () => {
    const slack = open('slack', {}, { windowMs: 400 });
    await slack.send([noticeOf()]);
    const rest = Array.from({ length: 20 }, () => noticeOf());
    await Promise.all(rest.map((notice) => slack.send([notice])));
    expect(texts().map(({ text }) => text)).toEqual([
      'acme/orders failed: The runner had too little memory.',
      '20 runs: 20 failed',
    ]);
  });

  test('more kinds of trouble than fit are counted', () => {
    const codes = ['LEASE_HELD', 'LEASE_LOST', 'LAUNCH_FAILED', 'LAUNCH_REFUSED', 'RUNNER_FAILED', 'RUNNER_MISSING'];
    const more = ['RUNNER_TIMED_OUT', 'STORE_FAILED', 'INTERNAL', 'USAGE', 'RUN_ABANDONED', 'INTERRUPTED'];
    const base = noticeOf().problem;
    if (base === null) throw new Error('a failed run has a problem');
    const notices = [...codes, ...more].map((code) => noticeOf({ problem: { ...base, code: code as never } }));
    const { paragraphs } = messageOf(notices);
    expect(paragraphs).toHaveLength(11);
    expect(paragraphs.at(-1)?.head).toBe('And 2 more');
  });
});

describe('digest', () => {
  test('the same notice twice at once, or again later, is delivered once', async () => {
    const sent: string[][] = [];
    const slow = Promise.withResolvers<void>();
    const notifier = digested(
      {
        name: 'x',
        send: async (notices) => {
          sent.push(notices.map(({ id }) => id));
          await slow.promise;
        },
      },
      { windowMs: 1 },
    );
    const notice = noticeOf();
    const first = notifier.send([notice]);
    while (sent.length === 0) await new Promise((done) => setTimeout(done, 1));
    const second = notifier.send([notice]);
    slow.resolve();
    await Promise.all([first, second, notifier.send([notice])]);
    await notifier.send([notice]);
    expect(sent).toEqual([[notice.id]]);
  });

  test('whose message failed hears of it, and may send it again', async () => {
    let calls = 0;
    const notifier = digested(
      {
        name: 'x',
        send: async () => {
          if (++calls === 1) throw new Error('no');
        },
      },
      { windowMs: 1 },
    );
    const notice = noticeOf();
    await expect(notifier.send([notice])).rejects.toThrow('no');
    await notifier.send([notice]);
    expect(calls).toBe(2);
  });
});

describe('Pub/Sub', () => {
  const published = () =>
    receiver.received.map(({ path, body }) => ({
      path,
      ...(JSON.parse(body) as {
        messages: { data: string; attributes: Record<string, string>; orderingKey: string }[];
      }),
    }));

  test('a message has the notice, attributes to filter by, those of CloudEvents, and its place in the order', async () => {
    const notice = noticeOf({ type: 'run.landed' });
    await open('pubsub').send([notice]);
    const [{ path, messages }] = published() as [ReturnType<typeof published>[0]];
    expect(path).toBe('/v1/projects/acme-data/topics/tributary-acme-landed:publish');
    const [{ data, attributes, orderingKey }] = messages as [(typeof messages)[0]];
    expect(JSON.parse(Buffer.from(data, 'base64').toString())).toEqual(notice);
    expect(orderingKey).toBe('acme/orders');
    expect(attributes).toEqual({
      type: 'run.landed',
      tenant: 'acme',
      source: 'orders',
      schemaVersion: '1',
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': notice.id,
      'ce-type': 'tributary.run.landed',
      'ce-time': notice.time,
      'ce-source': '/tenants/acme/sources/orders',
      'ce-subject': notice.runId,
    });
  });

  test('each tenant has its topic, and many notices are few requests', async () => {
    const notices = Array.from({ length: 250 }, (_, n) => noticeOf({ tenant: n % 2 === 0 ? 'acme' : 'other' }));
    await open('pubsub').send(notices);
    expect(
      published()
        .map(({ path, messages }) => `${path.split('/')[3]} ${messages.length}`)
        .sort(),
    ).toEqual([...['acme-data 100', 'acme-data 25', 'other-data 100', 'other-data 25']]);
  });

  test('of a tenant that is no more nobody is told', async () => {
    await open('pubsub').send([noticeOf({ tenant: 'gone' })]);
    expect(receiver.received).toEqual([]);
  });

  test('what Google says of a refusal is said', async () => {
    const error = { code: 403, status: 'PERMISSION_DENIED', message: 'User not authorized to perform this action.' };
    receiver.answers.push({ status: 403, body: JSON.stringify({ error }) });
    expect(await undelivered(open('pubsub').send([noticeOf()]))).toContain('403: User not authorized');
  });
});

describe('settings', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tributary-notify-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('nothing said, nobody told; several may be told', () => {
    expect(openNotifiers({}, OPTIONS)).toEqual([]);
    const both = { ...environment('slack'), TRIBUTARY_NOTIFY: ' pubsub, slack:ops-team ,' };
    expect(openNotifiers(both, OPTIONS).map(({ name }) => name)).toEqual(['pubsub', 'slack:ops-team']);
  });

  test('secrets may lie in files', async () => {
    writeFileSync(join(folder, 'url'), `${receiver.url}\n`);
    const { TRIBUTARY_NOTIFY_OPS_TEAM_URL: _, ...rest } = environment('slack');
    const [slack] = openNotifiers({ ...rest, TRIBUTARY_NOTIFY_OPS_TEAM_URL_FILE: join(folder, 'url') }, OPTIONS);
    await slack?.send([noticeOf()]);
    expect(receiver.received).toHaveLength(1);
  });

  test.each([
    [{ TRIBUTARY_NOTIFY: 'email' }, 'has an entry that is none'],
    [{ TRIBUTARY_NOTIFY: 'slack:../x' }, 'has an entry that is none'],
    [{ TRIBUTARY_NOTIFY: 'pubsub,pubsub' }, 'names pubsub twice'],
    [{ TRIBUTARY_NOTIFY: 'slack:a' }, 'TRIBUTARY_NOTIFY_A_URL'],
    [{ TRIBUTARY_NOTIFY: 'slack:a', TRIBUTARY_NOTIFY_A_URL: 'http://10.0.0.1/canary' }, 'is not encrypted'],
    [{ TRIBUTARY_NOTIFY: 'slack:a', TRIBUTARY_NOTIFY_A_URL: 'file:///canary' }, 'is not encrypted'],
    [{ TRIBUTARY_NOTIFY: 'slack:a', TRIBUTARY_NOTIFY_A_URL: 'canary' }, 'is no address'],
    [{ TRIBUTARY_NOTIFY: 'slack:a', TRIBUTARY_NOTIFY_A_URL: 'https://me:canary@x.example/' }, 'a name or a password'],
    [{ TRIBUTARY_NOTIFY: 'slack:a', TRIBUTARY_NOTIFY_A_URL_FILE: '/no/such/file' }, 'cannot be read (ENOENT)'],
    [{ TRIBUTARY_NOTIFY: 'pubsub', TRIBUTARY_NOTIFY_PUBSUB_TYPES: 'run.exploded' }, 'is no notice'],
    [
      {
        TRIBUTARY_NOTIFY: 'webhook:a',
        TRIBUTARY_NOTIFY_A_URL: 'https://x.example',
        TRIBUTARY_NOTIFY_A_SECRET: 'canary',
      },
      'holds no signing secret',
    ],
    [
      {
        TRIBUTARY_NOTIFY: 'webhook:a',
        TRIBUTARY_NOTIFY_A_URL: 'https://x.example',
        TRIBUTARY_NOTIFY_A_SECRET: 'whsec_Y2FuYXJ5',
      },
      'holds no signing secret',
    ],
  ])('%j', (given: Environment, said) => {
    const opened = () => openNotifiers(given, OPTIONS);
    expect(opened).toThrow(said);
    expect(opened).not.toThrow('canary');
  });

  test('localhost is the loopback, a name that begins so is not', () => {
    expect(addressOf('http://localhost:1/x', 'X')).toBe('http://localhost:1/x');
    expect(() => addressOf('http://localhost.example/x', 'X')).toThrow('not encrypted');
    expect(() => addressOf('http://127.0.0.1.example/x', 'X')).toThrow('not encrypted');
  });
});

describe('the subscriber of the docs', () => {
  let subscriber: ChildProcess;
  afterEach(() => void subscriber?.kill('SIGKILL'));

  test('takes what is signed, starts something once, and refuses the rest', async () => {
    const program = join(import.meta.dirname, '../../../docs/examples/subscriber.ts');
    subscriber = spawn(process.execPath, [program], {
      env: { PATH: process.env.PATH, TRIBUTARY_SECRET: SECRET, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (subscriber.stdout === null) throw new Error('it has no output');
    const lines: string[] = [];
    const reader = createInterface({ input: subscriber.stdout }).on('line', (line) => lines.push(line));
    await once(reader, 'line');
    const { port } = JSON.parse(lines[0]?.replace('listening on ', '') ?? '{}') as { port: number };
    const url = { TRIBUTARY_NOTIFY_OPS_TEAM_URL: `http://127.0.0.1:${port}/` };
    const webhook = open('webhook', url);
    const landed = noticeOf({ type: 'run.landed', summary: { rows: { loaded: 7 } } });
    await webhook.send([landed]);
    await webhook.send([landed, noticeOf()]);
    const forged = { ...url, TRIBUTARY_NOTIFY_OPS_TEAM_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}` };
    expect(await undelivered(open('webhook', forged).send([noticeOf({ type: 'run.landed' })]))).toContain('401');
    const last = noticeOf({ type: 'run.landed', source: 'last' });
    await webhook.send([last]);
    while (!lines.some((line) => line.includes('acme/last'))) await once(reader, 'line');
    expect(lines.slice(1)).toEqual(['rows landed in acme/orders: 7', 'rows landed in acme/last: 0']);
  });
});
