/** What flows by itself: Datastream, and what Pub/Sub writes. Both look at the other end before they take anything. */
import { badRequest, notFound } from '../errors.ts';
import { isList, isObject, type Properties, stringAt, stringsAt, valuesAt } from '../values.ts';
import { projectNumber } from './data.ts';
import type { Kinds, Reference, Rule, World } from './kind.ts';
import { eachExists, key } from './references.ts';
import { between, duration, exactlyOne, labels, location, matches, oneOf, refuse, rfc1035 } from './rules.ts';

const profileType = 'gcp:datastream/connectionProfile:ConnectionProfile';
const privateType = 'gcp:datastream/privateConnection:PrivateConnection';
const tableType = 'gcp:bigquery/table:Table';
const AT = 'projects/{project}/locations/{location}';

const PROFILES = [
  'postgresqlProfile',
  'mysqlProfile',
  'bigqueryProfile',
  'gcsProfile',
  'oracleProfile',
  'sqlServerProfile',
];

const agentOf = (service: string, project: string) =>
  `serviceAccount:service-${projectNumber(project)}@gcp-sa-${service}.iam.gserviceaccount.com`;

const projectOf = (inputs: Properties, { config }: World) => stringAt(inputs, 'project') ?? String(config.project);

function granted({ store }: World, type: string, on: string, role: string, member: string): boolean {
  return store.read(type, `${on}/${role}/${member}`) !== null;
}

/** The version exists and has a value, and Datastream's agent may read it: the login is tried at once. */
const readablePassword: Reference = (inputs, world) => {
  const member = agentOf('datastream', projectOf(inputs, world));
  for (const profile of ['postgresqlProfile', 'mysqlProfile']) {
    const version = stringAt(inputs, `${profile}.secretManagerStoredPassword`);
    if (version === undefined) continue;
    const [secret = ''] = version.split('/versions/');
    const versions = world.store.list('gcp:secretmanager/secretVersion:SecretVersion');
    if (!versions.some(({ id }) => id === version)) throw notFound(version);
    const type = 'gcp:secretmanager/secretIamMember:SecretIamMember';
    if (!granted(world, type, secret, 'roles/secretmanager.secretAccessor', member))
      throw badRequest(
        `${member.replace('serviceAccount:', '')} does not have secretmanager.versions.access on ${version}`,
      );
  }
};

/** Names of datasets that are there. */
const targetDataset: Reference = (inputs, { store }) => {
  const path = 'destinationConfig.bigqueryDestinationConfig.singleTargetDataset.datasetId';
  for (const { value } of stringsAt(inputs, path))
    if (store.read('gcp:bigquery/dataset:Dataset', value) === null) throw notFound(value);
};

/** The table of a BigQuery subscription is there, has the columns, and the agent may write into it. */
export const writableTable: Reference = (inputs, world) => {
  const table = stringAt(inputs, 'bigqueryConfig.table');
  if (table === undefined) return;
  const [project, dataset, name] = table.split('.');
  const id = `projects/${project}/datasets/${dataset}/tables/${name}`;
  const there = world.store.read(tableType, id);
  if (there === null) throw notFound(id);
  const member = agentOf('pubsub', projectOf(inputs, world));
  const may = (role: string) =>
    granted(world, 'gcp:bigquery/iamMember:IamMember', id, role, member) ||
    granted(
      world,
      'gcp:bigquery/datasetIamMember:DatasetIamMember',
      `projects/${project}/datasets/${dataset}`,
      role,
      member,
    );
  for (const role of ['roles/bigquery.dataEditor', 'roles/bigquery.metadataViewer'])
    if (!may(role)) throw badRequest(`${member.replace('serviceAccount:', '')} needs ${role} on ${table}`);
  const config = inputs.bigqueryConfig;
  const settings = isObject(config) ? config : {};
  const metadata =
    settings.writeMetadata === true ? ['subscription_name', 'message_id', 'publish_time', 'attributes'] : [];
  const whole = settings.useTableSchema === true || settings.useTopicSchema === true ? [] : ['data'];
  const columns = columnsOf(stringAt(there.inputs, 'schema') ?? '[]');
  for (const wanted of [...metadata, ...whole])
    if (!columns.includes(wanted)) throw badRequest(`Incompatible schema: ${table} has no column ${wanted}`);
};

function columnsOf(schema: string): string[] {
  const fields: unknown = JSON.parse(schema);
  return isList(fields as never) ? (fields as { name: string }[]).map(({ name }) => name) : [];
}

/** What Pub/Sub refuses of a subscription beyond its name. */
export const subscriptionRules: readonly Rule[] = [
  between('deadLetterPolicy.maxDeliveryAttempts', 5, 100),
  duration('retryPolicy.minimumBackoff', 0, 600),
  duration('retryPolicy.maximumBackoff', 0, 600),
  matches('filter', /^.{1,256}$/s, 'have at most 256 characters'),
  matches('bigqueryConfig.table', /^[^.]+\.\w+\.\w+$/, 'be as in "project.dataset.table"'),
  refuse(
    'bigqueryConfig',
    (inputs) =>
      valuesAt(inputs, 'bigqueryConfig.useTableSchema').some(({ value }) => value === true) &&
      valuesAt(inputs, 'bigqueryConfig.useTopicSchema').some(({ value }) => value === true),
    'only one of useTableSchema and useTopicSchema can be set',
  ),
  (inputs) =>
    valuesAt(inputs, 'messageTransforms.*.javascriptUdf').flatMap(({ path, value }) => {
      const { code, functionName } = isObject(value) ? value : {};
      if (typeof code !== 'string' || typeof functionName !== 'string') return [];
      return new RegExp(`\\b${functionName}\\b`).test(code) ? [] : [{ path, reason: `no function ${functionName}` }];
    }),
];

export const streamKinds: Kinds = {
  'gcp:projects/serviceIdentity:ServiceIdentity': {
    id: 'projects/{project}/services/{service}',
    additive: true,
    everlasting: true,
    rules: [matches('service', /^[a-z0-9-]+\.googleapis\.com$/, 'be as in "pubsub.googleapis.com"')],
    planned: ['email', 'member'],
    outputs: ({ inputs, world }) => {
      const service = (stringAt(inputs, 'service') ?? '').replace('.googleapis.com', '');
      const member = agentOf(service, projectOf(inputs, world));
      return { member, email: member.replace('serviceAccount:', '') };
    },
  },
  [privateType]: {
    id: `${AT}/privateConnections/{privateConnectionId}`,
    rules: [
      rfc1035('privateConnectionId', 60),
      location('location'),
      labels('labels'),
      exactlyOne('', ['vpcPeeringConfig', 'pscInterfaceConfig']),
      matches('vpcPeeringConfig.subnet', /\/29$/, 'be a /29'),
      matches('vpcPeeringConfig.vpc', /^projects\/[^/]+\/global\/networks\/[^/]+$/, 'be projects/…/global/networks/…'),
    ],
    outputs: ({ id }) => ({ name: id, state: 'CREATED' }),
  },
  [profileType]: {
    id: `${AT}/connectionProfiles/{connectionProfileId}`,
    rules: [
      rfc1035('connectionProfileId', 60),
      location('location'),
      labels('labels'),
      exactlyOne('', PROFILES),
      ...['postgresqlProfile', 'mysqlProfile'].flatMap((profile) => [
        exactlyOne(profile, ['password', 'secretManagerStoredPassword']),
        between(`${profile}.port`, 1, 65_535),
        matches(
          `${profile}.secretManagerStoredPassword`,
          /^projects\/[^/]+\/secrets\/[^/]+\/versions\/[^/]+$/,
          'be projects/…/secrets/…/versions/…',
        ),
      ]),
    ],
    references: [readablePassword, eachExists(privateType, 'privateConnectivity.privateConnection')],
    outputs: ({ id }) => ({ name: id }),
  },
  'gcp:datastream/stream:Stream': {
    id: `${AT}/streams/{streamId}`,
    defaults: { desiredState: 'NOT_STARTED' },
    rules: [
      rfc1035('streamId', 60),
      location('location'),
      labels('labels'),
      oneOf('desiredState', ['NOT_STARTED', 'RUNNING', 'PAUSED']),
      exactlyOne('', ['backfillAll', 'backfillNone']),
      exactlyOne('sourceConfig', [
        'postgresqlSourceConfig',
        'mysqlSourceConfig',
        'oracleSourceConfig',
        'sqlServerSourceConfig',
      ]),
      exactlyOne('destinationConfig', ['bigqueryDestinationConfig', 'gcsDestinationConfig']),
      exactlyOne('destinationConfig.bigqueryDestinationConfig', ['singleTargetDataset', 'sourceHierarchyDatasets']),
      duration('destinationConfig.bigqueryDestinationConfig.dataFreshness', 0, 86_400),
    ],
    references: [
      eachExists(profileType, 'sourceConfig.sourceConnectionProfile'),
      eachExists(profileType, 'destinationConfig.destinationConnectionProfile'),
      targetDataset,
      key('customerManagedEncryptionKey', 'location'),
    ],
    outputs: ({ id, inputs }) => ({ name: id, state: inputs.desiredState ?? 'NOT_STARTED' }),
  },
};
