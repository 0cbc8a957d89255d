/** What runs stand on: Pub/Sub, Artifact Registry, Dataflow, networks. */
import { digest } from '../store.ts';
import { grant } from './iam.ts';
import type { Kind, Kinds } from './kind.ts';
import { account, eachExists, exists, key } from './references.ts';
import { between, duration, labels, location, matches, needs, oneOf, rfc1035 } from './rules.ts';
import { subscriptionRules, writableTable } from './streams.ts';

const topicType = 'gcp:pubsub/topic:Topic';
const repositoryType = 'gcp:artifactregistry/repository:Repository';
const TOPIC = 'projects/{project}/topics/{topic|last}';

const compute = (path: string, collection: string): Kind => ({
  id: path,
  rules: [rfc1035('name'), labels('labels')],
  outputs: ({ id }) => ({
    selfLink: `https://www.googleapis.com/compute/v1/${id}`,
    [`${collection}Id`]: digest(id, 12),
  }),
});

export const infrastructureKinds: Kinds = {
  [topicType]: {
    id: 'projects/{project}/topics/{name}',
    rules: [
      matches(
        'name',
        /^(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}$/,
        'be 3 to 255 letters, digits or -._~+%, starting with a letter and not with goog',
      ),
      labels('labels'),
      duration('messageRetentionDuration', 600, 2_678_400),
      location('messageStoragePolicy.allowedPersistenceRegions.*'),
      needs('schemaSettings', 'schemaSettings.schema'),
    ],
    references: [
      eachExists('gcp:pubsub/schema:Schema', 'schemaSettings.schema'),
      eachExists('gcp:kms/cryptoKey:CryptoKey', 'kmsKeyName'),
    ],
  },
  'gcp:pubsub/topicIAMMember:TopicIAMMember': grant(TOPIC, { of: 'pubsub', target: topicType }),
  'gcp:pubsub/subscription:Subscription': {
    id: 'projects/{project}/subscriptions/{name}',
    rules: [
      labels('labels'),
      duration('messageRetentionDuration', 600, 2_678_400),
      between('ackDeadlineSeconds', 10, 600),
      ...subscriptionRules,
    ],
    references: [
      exists(topicType, TOPIC),
      eachExists(topicType, 'deadLetterPolicy.deadLetterTopic'),
      account('pushConfig.oidcToken.serviceAccountEmail'),
      writableTable,
    ],
  },
  'gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember': grant(
    'projects/{project}/subscriptions/{subscription|last}',
    {
      of: 'pubsub',
      target: 'gcp:pubsub/subscription:Subscription',
    },
  ),
  'gcp:pubsub/schema:Schema': {
    id: 'projects/{project}/schemas/{name}',
    rules: [oneOf('type', ['AVRO', 'PROTOCOL_BUFFER'])],
  },
  [repositoryType]: {
    id: 'projects/{project}/locations/{location}/repositories/{repositoryId}',
    rules: [
      rfc1035('repositoryId'),
      location('location', 'us', 'europe', 'asia'),
      labels('labels'),
      oneOf('format', ['DOCKER', 'MAVEN', 'NPM', 'PYTHON', 'APT', 'YUM', 'GO', 'KFP', 'GENERIC']),
      matches('cleanupPolicies.*.condition.olderThan', /^\d+[smhd]$/, 'be as in "30d" or "2592000s"'),
    ],
    references: [key('kmsKeyName', 'location')],
    outputs: ({ id, inputs }) => {
      const [, project, , place, , repository] = id.split('/');
      return {
        name: repository ?? '',
        registryUri: `${place}-${String(inputs.format).toLowerCase()}.pkg.dev/${project}/${repository}`,
      };
    },
  },
  'gcp:artifactregistry/repositoryIamMember:RepositoryIamMember': grant(
    'projects/{project}/locations/{location}/repositories/{repository|last}',
    { of: 'artifactregistry', target: repositoryType },
  ),
  'gcp:dataflow/flexTemplateJob:FlexTemplateJob': {
    id: '{generated}',
    rules: [
      matches('containerSpecGcsPath', /^gs:\/\/[^/]+\/.+/, 'be as in "gs://bucket/template.json"'),
      rfc1035('name'),
      labels('labels'),
    ],
    references: [account('serviceAccountEmail')],
  },
  'gcp:compute/network:Network': compute('projects/{project}/global/networks/{name}', 'network'),
  'gcp:compute/subnetwork:Subnetwork': compute('projects/{project}/regions/{region}/subnetworks/{name}', 'subnetwork'),
  'gcp:compute/router:Router': compute('projects/{project}/regions/{region}/routers/{name}', 'router'),
  'gcp:compute/routerNat:RouterNat': { id: '{project}/{region}/{router}/{name}', rules: [rfc1035('name')] },
  'gcp:compute/firewall:Firewall': compute('projects/{project}/global/firewalls/{name}', 'firewall'),
  'gcp:compute/address:Address': compute('projects/{project}/regions/{region}/addresses/{name}', 'address'),
};
