/** Google's emulator of Pub/Sub, for tests. It ignores filters of subscriptions: each hears all. */
import { findPubsub } from '../setup/programs.ts';
import { type ChildServer, freePort, newFolder, startChild } from './child.ts';

export interface PubsubServer extends ChildServer {
  /** As in `127.0.0.1:8085`; for PUBSUB_EMULATOR_HOST. */
  readonly host: string;
  /** Makes a subscription, and its topic where it is missing. */
  subscribe(topic: string, subscription: string): Promise<void>;
  /** What has come to a subscription, acknowledged; waits for at least so many. */
  pull(subscription: string, least: number): Promise<readonly PulledMessage[]>;
}

export interface PulledMessage {
  readonly data: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageId: string;
  readonly orderingKey?: string;
}

interface Pulled {
  readonly receivedMessages?: readonly { readonly ackId: string; readonly message: PulledMessage }[];
}

/** @example await using pubsub = await startPubsub(); await pubsub.subscribe('projects/p/topics/t', 'projects/p/subscriptions/s'); */
export async function startPubsub(): Promise<PubsubServer> {
  const emulator = findPubsub();
  if (emulator === null) throw new Error("Google's emulator of Pub/Sub is missing: npm run setup -- --yes");
  const main = 'com.google.cloud.pubsub.testing.v1.Main';
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const host = `127.0.0.1:${port}`;
    try {
      const child = await startChild(
        {
          name: 'pubsub',
          run: [emulator.java, '-cp', emulator.jar, main, '--host=127.0.0.1', `--port=${port}`],
          ready: async ({ log }) => /Server started, listening on/.test(await log()),
        },
        await newFolder('pubsub'),
      );
      return { ...child, host, ...clientOf(host) };
    } catch (error) {
      if (attempt >= 3 || !/in use|BindException/i.test(`${error}`)) throw error;
    }
  }
}

function clientOf(host: string): Pick<PubsubServer, 'subscribe' | 'pull'> {
  const call = async (method: string, path: string, body: object): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`http://${host}/v1/${path}`, { method, headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  return {
    async subscribe(topic, subscription) {
      await call('PUT', topic, {}).catch((error: Error) => {
        if (!error.message.includes(': 409 ')) throw error;
      });
      await call('PUT', subscription, { topic, enableMessageOrdering: true });
    },
    async pull(subscription, least) {
      const messages: PulledMessage[] = [];
      for (const end = Date.now() + 45_000; messages.length < least; ) {
        if (Date.now() > end) throw new Error(`only ${messages.length} of ${least} messages came`);
        const path = `${subscription}:pull`;
        const { receivedMessages = [] } = (await call('POST', path, { maxMessages: 1000 })) as Pulled;
        messages.push(...receivedMessages.map(({ message }) => message));
        const ackIds = receivedMessages.map(({ ackId }) => ackId);
        if (ackIds.length > 0) await call('POST', `${subscription}:acknowledge`, { ackIds });
      }
      return messages;
    },
  };
}
