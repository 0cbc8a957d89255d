/** Pub/Sub as far as messages are published: its REST API, topics that must exist, and what came. */
import { googleError } from '../emulators/fault.ts';
import type { Store } from '../store.ts';
import { mayDo } from './iam.ts';
import { bodyOf, send, serveWeb, type WebServer } from './web.ts';

export interface Message {
  /** `projects/p/topics/t` */
  readonly topic: string;
  readonly id: string;
  /** Decoded. */
  readonly data: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly orderingKey: string | null;
  /** E-mail of the account that published it. */
  readonly who: string;
}

export interface LocalPubsub {
  readonly messages: readonly Message[];
  create(topic: string): void;
  remove(topic: string): void;
  topics(): readonly string[];
  /** A port for an account; for PUBSUB_EMULATOR_HOST. */
  gate(who: string): Promise<WebServer>;
}

interface Published {
  readonly messages?: readonly { data?: string; attributes?: Record<string, string>; orderingKey?: string }[];
}

export function localPubsub(store: Store): LocalPubsub {
  const topics = new Set<string>();
  const messages: Message[] = [];
  return {
    messages,
    create: (topic) => void topics.add(topic),
    remove: (topic) => void topics.delete(topic),
    topics: () => [...topics].sort(),
    gate: (who) =>
      serveWeb(async (incoming, response) => {
        const [, topic = ''] = /^\/v1\/(projects\/[^/]+\/topics\/[^/:]+):publish$/.exec(incoming.url ?? '') ?? [];
        const body = await bodyOf(incoming);
        const [, project = ''] = topic.split('/');
        const refuse = (error: 'notFound' | 'forbidden', words: string) => {
          const refusal = googleError(error, words);
          send(response, refusal.status, refusal.body);
        };
        if (!topics.has(topic)) return refuse('notFound', `Resource not found (resource=${topic}).`);
        if (!mayDo(store, { permission: 'pubsub.topics.publish', who, on: 'topic', resource: topic, project })) {
          return refuse('forbidden', `User not authorized to perform this action: ${who} on ${topic}`);
        }
        const { messages: given = [] } = JSON.parse(body.toString('utf8')) as Published;
        const ids = given.map(({ data = '', attributes = {}, orderingKey = null }) => {
          const id = `${messages.length + 1}`;
          messages.push({
            topic,
            id,
            data: Buffer.from(data, 'base64').toString('utf8'),
            attributes,
            orderingKey,
            who,
          });
          return id;
        });
        send(response, 200, { messageIds: ids });
      }),
  };
}
