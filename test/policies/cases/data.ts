import { UNKNOWN } from '../scene.ts';
import type { RuleCases } from './cases.ts';

const labels = { tenant: 'acme', env: 'dev', cost_center: 'retail-42', managed_by: 'tributary' };
const dataset = {
  type: 'gcp:bigquery/dataset:Dataset',
  protect: true,
  props: { datasetId: 'acme_raw', location: 'EU', labels },
};
const table = {
  type: 'gcp:bigquery/table:Table',
  stack: 'acme.prod',
  props: { tableId: 'orders', timePartitioning: { type: 'DAY' }, deletionProtection: true },
};
const KEY = 'projects/p/locations/europe/keyRings/r/cryptoKeys/k';
const secret = {
  type: 'gcp:secretmanager/secret:Secret',
  props: {
    secretId: 'tributary-acme_shop',
    replication: { userManaged: { replicas: [{ location: 'europe-west1' }] } },
  },
};
const subscription = {
  type: 'gcp:pubsub/subscription:Subscription',
  props: { topic: 'landed', expirationPolicy: { ttl: '' }, deadLetterPolicy: { deadLetterTopic: 'dead' } },
};
const PASSWORD = 'projects/p/secrets/tributary-acme_shop-password/versions/1';
const profile = {
  type: 'gcp:datastream/connectionProfile:ConnectionProfile',
  props: {
    postgresqlProfile: { hostname: 'h', secretManagerStoredPassword: PASSWORD },
    privateConnectivity: { privateConnection: 'pc' },
  },
};

const SUBSCRIPTION = 'gcp:pubsub/subscription:Subscription';
const deadLetters = {
  resources: [
    { type: 'gcp:pubsub/topic:Topic', props: { name: 'dead-letter' } },
    {
      type: SUBSCRIPTION,
      props: {
        topic: 'projects/p/topics/clicks',
        deadLetterPolicy: { deadLetterTopic: 'projects/p/topics/dead-letter' },
      },
    },
    { type: SUBSCRIPTION, props: { topic: 'projects/p/topics/dead-letter' } },
  ],
};
const stream = {
  type: 'gcp:datastream/stream:Stream',
  props: {
    location: 'europe-west1',
    destinationConfig: {
      bigqueryDestinationConfig: { sourceHierarchyDatasets: { datasetTemplate: { location: 'EU' } } },
    },
  },
};

export const dataCases: readonly RuleCases[] = [
  {
    rule: 'secret-replication',
    good: secret,
    passes: [
      { 'props.replication.userManaged.replicas': [{ location: 'us-east1' }], settings: { regions: ['us-east1'] } },
    ],
    fails: [
      [{ 'props.replication': { auto: {} } }, /automatically/],
      [{ 'props.replication': { userManaged: {} } }, /no replica/],
      [{ 'props.replication.userManaged.replicas': [{ location: 'us-east1' }] }, /us-east1/],
      [{ settings: { regions: ['europe-west4'] } }, /europe-west1/],
      [{ type: 'gcp:secretmanager/regionalSecret:RegionalSecret' }, /regional secret/],
    ],
    unknown: [[{ 'props.replication.userManaged.replicas.0.location': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'secret-data-in-iac',
    good: secret,
    fails: [
      [{ type: 'gcp:secretmanager/secretVersion:SecretVersion' }, /SecretVersion holds/],
      [{ stack: 'platform.dev', type: 'gcp:secretmanager/secretVersion:SecretVersion' }, /SecretVersion holds/],
    ],
    unknown: [
      [
        { type: 'gcp:secretmanager/secretVersion:SecretVersion', props: { secretData: UNKNOWN } },
        /SecretVersion holds/,
      ],
    ],
  },
  {
    rule: 'dataset-location',
    good: dataset,
    passes: [
      { type: 'gcp:cloudrunv2/job:Job', props: { location: 'europe-west4' } },
      { stack: 'nobody.dev', 'props.location': 'US' },
    ],
    fails: [
      [{ 'props.location': 'US' }, /lies in US; the tenant file says EU/],
      [{ 'props.location': undefined }, /lies in US/],
      [{ settings: { locations: ['europe-west1'] } }, /allowed: europe-west1/],
      [{ type: 'gcp:cloudrunv2/job:Job', props: { location: 'us-central1' } }, /runs in us-central1/],
    ],
    unknown: [[{ 'props.location': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'dataset-delete-safety',
    good: dataset,
    passes: [{ 'props.datasetId': 'acme_staging', protect: false }],
    fails: [
      [{ protect: false }, /not protected/],
      [{ 'props.deleteContentsOnDestroy': true }, /deletes its tables/],
      [{ stack: 'acme.prod', 'props.datasetId': 'acme_tributary', protect: false }, /not protected/],
    ],
    unknown: [
      [{ 'props.deleteContentsOnDestroy': UNKNOWN }, 'undecided'],
      [{ 'props.datasetId': UNKNOWN }, 'undecided'],
    ],
  },
  {
    rule: 'dataset-staging-ttl',
    good: dataset,
    passes: [{ 'props.datasetId': 'acme_staging', 'props.defaultTableExpirationMs': 86_400_000 }],
    fails: [
      [{ 'props.datasetId': 'acme_staging' }, /killed runs/],
      [{ 'props.defaultTableExpirationMs': 86_400_000 }, /expire/],
    ],
    unknown: [[{ 'props.datasetId': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'table-partitioned',
    good: table,
    passes: [
      { 'props.timePartitioning': undefined, 'props.rangePartitioning': { field: 'id' } },
      { 'props.timePartitioning': undefined, 'props.view': { query: 'SELECT 1' } },
      { stack: 'acme.dev', 'props.deletionProtection': false },
    ],
    fails: [
      [{ 'props.timePartitioning': undefined }, /not partitioned/],
      [{ settings: { large: ['ord*'] } }, /without a filter/],
      [{ 'props.deletionProtection': false }, /deleted in production/],
    ],
    unknown: [[{ 'props.timePartitioning': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'labels-required',
    good: dataset,
    passes: [
      { stack: 'platform.dev', 'props.labels.tenant': 'shared' },
      { type: 'gcp:monitoring/alertPolicy:AlertPolicy', props: { userLabels: labels } },
      { type: 'gcp:cloudscheduler/job:Job', props: {} },
    ],
    fails: [
      [{ 'props.labels': undefined }, /no label tenant/],
      [{ 'props.labels.env': undefined }, /no label env/],
      [{ 'props.labels.cost_center': 'Retail 42' }, /"Retail 42"/],
      [{ 'props.labels.tenant': 'globex' }, /tenant=globex in the stack acme\.dev/],
      [{ settings: { required: ['team'] } }, /no label team/],
      [{ type: 'aws:iam/role:Role', props: { tags: {} } }, /no label tenant/],
    ],
    unknown: [
      [{ 'props.labels.cost_center': UNKNOWN }, 'undecided'],
      [{ 'props.labels.cost_center': UNKNOWN, 'props.labels.tenant': undefined }, /no label tenant/],
    ],
  },
  {
    rule: 'names-plain',
    good: dataset,
    passes: [{ type: 'pulumi:providers:gcp', 'props.name': '🚀' }],
    fails: [
      [{ 'props.datasetId': 'acme_🚀' }, /datasetId "acme_🚀"/],
      [{ type: 'gcp:cloudscheduler/job:Job', props: { name: 'tributary-acmé' } }, /acmé/],
      [{ 'props.name': 'two words' }, /two words/],
    ],
    unknown: [[{ 'props.datasetId': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'cmek',
    good: { ...dataset, props: { ...dataset.props, defaultEncryptionConfiguration: { kmsKeyName: KEY } } },
    passes: [{ 'props.defaultEncryptionConfiguration': undefined }],
    fails: [
      [{ 'props.location': 'US' }, /lies in US, its key in europe/],
      [{ 'props.defaultEncryptionConfiguration.kmsKeyName': 'k' }, /an unknown place/],
      [{ 'props.defaultEncryptionConfiguration': undefined, settings: { required: true } }, /no key/],
      [{ ...secret, settings: { required: true } }, /no key/],
      [{ type: 'gcp:pubsub/topic:Topic', props: {}, settings: { required: true } }, /no key/],
      [{ type: 'gcp:storage/bucket:Bucket', props: { location: 'US', encryption: { defaultKmsKeyName: KEY } } }, /US/],
      [
        {
          type: 'gcp:cloudrunv2/job:Job',
          props: { location: 'europe-west1', template: { template: { encryptionKey: KEY } } },
        },
        /its key in europe/,
      ],
    ],
    unknown: [[{ 'props.defaultEncryptionConfiguration.kmsKeyName': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'pubsub-durable',
    good: subscription,
    passes: [
      {
        type: 'gcp:pubsub/topic:Topic',
        props: { messageStoragePolicy: { allowedPersistenceRegions: ['europe-west1'] } },
      },
      { 'props.topic': 'tributary-acme-dead-letter', 'props.deadLetterPolicy': undefined },
    ],
    fails: [
      [{ 'props.expirationPolicy': undefined }, /when it idles/],
      [{ 'props.expirationPolicy.ttl': '86400s' }, /when it idles/],
      [{ 'props.deadLetterPolicy': undefined }, /no dead-letter topic/],
      [{ 'props.messageRetentionDuration': '600s' }, /600s only/],
      [
        {
          'props.topic': 'tributary-acme_clicks.dead-letter',
          'props.deadLetterPolicy': undefined,
          'props.messageRetentionDuration': '86400s',
        },
        /too short for people/,
      ],
      [{ type: 'gcp:pubsub/topic:Topic' }, /regions/],
    ],
    unknown: [[{ 'props.expirationPolicy.ttl': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'dead-letters-kept',
    good: deadLetters,
    passes: [
      { 'resources.2': { type: SUBSCRIPTION, props: { topic: 'projects/p/topics/x' } }, 'resources.0.props.name': 'y' },
      { 'resources.1.props.deadLetterPolicy': undefined, 'resources.2': { type: 'gcp:storage/bucket:Bucket' } },
    ],
    fails: [
      [{ 'resources.2.props.topic': 'projects/p/topics/other' }, /nobody reads/],
      [{ 'resources.2.type': 'gcp:pubsub/topic:Topic' }, /nobody reads/],
    ],
    unknown: [[{ 'resources.1.props.deadLetterPolicy.deadLetterTopic': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'stream-location',
    good: stream,
    passes: [
      { 'props.destinationConfig.bigqueryDestinationConfig': {} },
      { type: 'gcp:datastream/connectionProfile:ConnectionProfile', 'props.destinationConfig': undefined },
      { stack: 'nobody.dev', 'props.location': 'us-east1' },
    ],
    fails: [
      [{ 'props.location': 'us-east1' }, /runs in us-east1; .* lies in EU/],
      [
        {
          'props.destinationConfig.bigqueryDestinationConfig.sourceHierarchyDatasets.datasetTemplate.location': 'US',
        },
        /makes datasets in US; the tenant file says EU/,
      ],
    ],
    unknown: [[{ 'props.location': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'datastream-password-ref',
    good: profile,
    passes: [{ props: { bigqueryProfile: {} } }],
    fails: [
      [{ 'props.postgresqlProfile.password': 'x' }, /holds a password/],
      [{ 'props.postgresqlProfile.secretManagerStoredPassword': undefined }, /no secret/],
      [{ 'props.privateConnectivity': undefined }, /over the internet/],
      [{ stack: 'acme-eu.dev' }, /not the tenant’s/],
      [
        { 'props.postgresqlProfile.secretManagerStoredPassword': PASSWORD.replace('/1', '/latest') },
        /no numbered version/,
      ],
      [
        { type: 'gcp:datastream/privateConnection:PrivateConnection', props: { createWithoutValidation: true } },
        /without being checked/,
      ],
      [{ type: 'gcp:datastream/stream:Stream', props: { createWithoutValidation: true } }, /without being checked/],
    ],
    unknown: [
      [{ 'props.postgresqlProfile.secretManagerStoredPassword': UNKNOWN }, 'undecided'],
      [{ 'props.postgresqlProfile.password': UNKNOWN }, /holds a password/],
    ],
  },
];
