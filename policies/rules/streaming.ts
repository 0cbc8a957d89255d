/** Pub/Sub and Datastream. */
import { meets } from '../../tenants/checks/place.ts';
import { secretId } from '../../tenants/naming.ts';
import { eachKnown, limit, list, matchesAny, ofType, type Resource, resourceRule, stackRule } from '../rule.ts';
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

interface Stream {
  readonly location?: string;
  readonly destinationConfig?: {
    readonly bigqueryDestinationConfig?: {
      readonly sourceHierarchyDatasets?: { readonly datasetTemplate?: { readonly location?: string } };
    };
  };
}

const SUBSCRIPTION = 'gcp:pubsub/subscription:Subscription';
const TOPIC = 'gcp:pubsub/topic:Topic';
const PROFILE = 'gcp:datastream/connectionProfile:ConnectionProfile';
const STREAM = 'gcp:datastream/stream:Stream';
const PRIVATE_CONNECTION = 'gcp:datastream/privateConnection:PrivateConnection';

export const streamingRules = [
  resourceRule({
    id: 'pubsub-durable',
    level: 'mandatory',
    description: 'Messages stay where they may lie, and none is lost in silence.',
    why: 'A subscription that idles for 31 days is deleted; without a dead-letter topic a bad message blocks or vanishes.',
    fix: 'Subscription: expirationPolicy.ttl "", deadLetterPolicy, a day of retention or more. Topic: messageStoragePolicy.',
    types: [TOPIC, SUBSCRIPTION],
    settings: {
      retentionSeconds: limit(86_400, 'Shortest retention of a subscription, in seconds.'),
      deadLetterSeconds: limit(604_800, 'Shortest retention of dead letters, which wait for people, in seconds.'),
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
      if (props.deadLetterPolicy?.deadLetterTopic) return;
      if (!matchesAny(props.topic ?? '', settings.deadLetterTopics)) yield 'has no dead-letter topic.';
      else if (retention < settings.deadLetterSeconds)
        yield `keeps dead letters for ${props.messageRetentionDuration}, too short for people.`;
    },
  }),
  stackRule({
    id: 'dead-letters-kept',
    level: 'mandatory',
    description: 'Every dead-letter topic has a subscription that keeps its messages.',
    why: 'What is published to a topic without a subscription is gone.',
    fix: 'Add a subscription to the dead-letter topic; PubsubSource has one.',
    *checkStack(resources) {
      const subscriptions = ofType<PubSub>(resources, SUBSCRIPTION);
      const read = new Set(subscriptions.map(({ props }) => props.topic));
      const made = new Set(ofType<{ readonly name?: string }>(resources, TOPIC).map(({ props }) => props.name));
      yield* eachKnown(subscriptions, function* ({ urn, props }) {
        const topic = props.deadLetterPolicy?.deadLetterTopic;
        if (topic === undefined || !made.has(topic.split('/').at(-1))) return;
        if (!read.has(topic)) yield { urn, message: `sends dead letters to ${topic}, which nobody reads.` };
      });
    },
  }),
  resourceRule({
    id: 'stream-location',
    level: 'mandatory',
    description: 'A stream runs, and makes its datasets, where the tenant’s file says.',
    why: 'Datastream makes the datasets of a stream itself; in another place they cannot meet the others in a query.',
    fix: 'Pass the `location` and `region` of the tenant file on.',
    types: [STREAM, PROFILE, PRIVATE_CONNECTION],
    *check({ props }: Resource<Stream>, { stack }) {
      const wanted = stack.spec?.location;
      if (wanted === undefined) return;
      const { location = '' } = props;
      if (!meets(wanted, location))
        yield `runs in ${location || 'no region'}; the data of its tenant lies in ${wanted}.`;
      const { datasetTemplate } = props.destinationConfig?.bigqueryDestinationConfig?.sourceHierarchyDatasets ?? {};
      if (datasetTemplate !== undefined && datasetTemplate.location?.toUpperCase() !== wanted.toUpperCase())
        yield `makes datasets in ${datasetTemplate.location}; the tenant file says ${wanted}.`;
    },
  }),
  resourceRule({
    id: 'datastream-password-ref',
    level: 'mandatory',
    description: 'Datastream takes passwords from Secret Manager and reaches sources privately.',
    why: 'A password in an input lies in the state; a public path to a database is a path for everybody.',
    fix: 'Use secretManagerStoredPassword and privateConnectivity, and let the connection be checked.',
    types: [PROFILE, STREAM, PRIVATE_CONNECTION],
    *check({ props }: Resource<Datastream>, { stack }) {
      if (props.createWithoutValidation === true) yield 'is created without being checked.';
      for (const name of PROFILES) {
        if (!(name in props)) continue;
        const profile = props[name];
        if (!profile) continue;
        if ('password' in profile) yield `holds a password in ${name}.`;
        const reference = profile.secretManagerStoredPassword;
        if (!reference) yield `takes the password of ${name} from no secret.`;
        else if (!reference.split('/').at(-3)?.startsWith(secretId(stack.tenant, '')))
          yield `takes the password of ${name} from a secret that is not the tenant’s: ${reference}.`;
        else if (!/\/versions\/\d+$/.test(reference)) yield `takes no numbered version of the password of ${name}.`;
        if (!props.privateConnectivity) yield 'reaches its source over the internet.';
      }
    },
  }),
];
