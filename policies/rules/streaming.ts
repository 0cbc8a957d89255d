/** Pub/Sub and Datastream. */
import { limit, list, matchesAny, type Resource, resourceRule } from '../rule.ts';
import { seconds } from './scheduler.ts';

interface PubSub {
  readonly topic?: string;
  readonly expirationPolicy?: { readonly ttl?: string };
  readonly deadLetterPolicy?: { readonly deadLetterTopic?: string };
  readonly messageRetentionDuration?: string;
  readonly messageStoragePolicy?: { readonly allowedPersistenceRegions?: readonly string[] };
}

interface Profile {
  readonly password?: string;
  readonly secretManagerStoredPassword?: string;
}

const PROFILES = ['postgresqlProfile', 'mysqlProfile', 'oracleProfile', 'sqlServerProfile', 'mongodbProfile'] as const;

type Datastream = Partial<Readonly<Record<(typeof PROFILES)[number], Profile>>> & {
  readonly privateConnectivity?: object;
  readonly createWithoutValidation?: boolean;
};

const SUBSCRIPTION = 'gcp:pubsub/subscription:Subscription';

export const streamingRules = [
  resourceRule({
    id: 'pubsub-durable',
    level: 'mandatory',
    description: 'Messages stay where they may lie, and none is lost in silence.',
    why: 'A subscription that idles for 31 days is deleted; without a dead-letter topic a bad message blocks or vanishes.',
    fix: 'Subscription: expirationPolicy.ttl "", deadLetterPolicy, a day of retention or more. Topic: messageStoragePolicy.',
    types: ['gcp:pubsub/topic:Topic', SUBSCRIPTION],
    settings: {
      retentionSeconds: limit(86_400, 'Shortest retention of a subscription, in seconds.'),
      deadLetterTopics: list(['*dead-letter*'], 'Topics whose subscriptions need no dead-letter topic.'),
    },
    *check({ type, props }: Resource<PubSub>, { settings }) {
      if (type !== SUBSCRIPTION) {
        if (!props.messageStoragePolicy?.allowedPersistenceRegions?.length)
          yield 'does not say in which regions messages may lie.';
        return;
      }
      if (props.expirationPolicy?.ttl !== '') yield 'is deleted when it idles (expirationPolicy.ttl is not "").';
      const retention = seconds(props.messageRetentionDuration ?? '604800s') ?? 0;
      if (!(retention >= settings.retentionSeconds)) yield `keeps messages for ${props.messageRetentionDuration} only.`;
      if (!props.deadLetterPolicy?.deadLetterTopic && !matchesAny(props.topic ?? '', settings.deadLetterTopics))
        yield 'has no dead-letter topic.';
    },
  }),
  resourceRule({
    id: 'datastream-password-ref',
    level: 'mandatory',
    description: 'Datastream takes passwords from Secret Manager and reaches sources privately.',
    why: 'A password in an input lies in the state; a public path to a database is a path for everybody.',
    fix: 'Use secretManagerStoredPassword and privateConnectivity, and let the connection be checked.',
    types: ['gcp:datastream/connectionProfile:ConnectionProfile', 'gcp:datastream/stream:Stream'],
    *check({ props }: Resource<Datastream>) {
      if (props.createWithoutValidation === true) yield 'is created without being checked.';
      for (const name of PROFILES) {
        if (!(name in props)) continue;
        const profile = props[name];
        if (!profile) continue;
        if ('password' in profile) yield `holds a password in ${name}.`;
        if (!profile.secretManagerStoredPassword) yield `takes the password of ${name} from no secret.`;
        if (!props.privateConnectivity) yield 'reaches its source over the internet.';
      }
    },
  }),
];
