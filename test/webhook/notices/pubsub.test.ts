import { afterAll, beforeAll, expect, test } from 'vitest';
import { problemOf } from '../../../runner/core/errors.ts';
import { openNotifiers } from '../../../webhook/notices/registry.ts';
import { type PubsubServer, startPubsub } from '../../servers/pubsub.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { noticeOf } from './receiver.ts';

describeWith(['pubsub'], "notices at Google's emulator of Pub/Sub", () => {
  let server: PubsubServer;
  beforeAll(async () => {
    server = await startPubsub();
  });
  afterAll(() => server?.stop());

  const TOPIC = 'projects/acme-data/topics/tributary-acme-landed';
  const open = () => {
    const environment = { TRIBUTARY_NOTIFY: 'pubsub', PUBSUB_EMULATOR_HOST: server.host };
    const [notifier] = openNotifiers(environment, {
      projectOf: async (tenant) => `${tenant}-data`,
      patience: { firstWaitMs: 10, totalMs: 20_000 },
    });
    if (notifier === undefined) throw new Error('there is no notifier');
    return notifier;
  };

  test('all come, a source in its order, with attributes to filter by', async () => {
    const subscription = 'projects/acme-data/subscriptions/all';
    await server.subscribe(TOPIC, subscription);
    const notices = Array.from({ length: 120 }, (_, n) =>
      noticeOf({ type: n % 10 === 0 ? 'run.landed' : 'run.succeeded' }),
    );
    await open().send(notices);
    const heard = await server.pull(subscription, notices.length);
    expect(heard.map(({ data }) => JSON.parse(Buffer.from(data, 'base64').toString()))).toEqual(notices);
    expect(new Set(heard.map(({ orderingKey }) => orderingKey))).toEqual(new Set(['acme/orders']));
    expect(heard.map(({ attributes }) => attributes['ce-id'])).toEqual(notices.map(({ id }) => id));
    expect(heard.filter(({ attributes }) => attributes.type === 'run.landed')).toHaveLength(12);
  });

  test('without a topic it says so', async () => {
    const problem = await open()
      .send([noticeOf({ tenant: 'nobody' })])
      .then(
        () => null,
        (error: unknown) => problemOf(error),
      );
    expect(problem?.code).toBe('NOTICE_FAILED');
    expect(problem?.detail).toContain('404');
  });
});
