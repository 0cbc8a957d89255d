/** Where data and secrets live: BigQuery, Secret Manager, Firestore, Cloud Storage, Cloud KMS. */
import { digest } from '../store.ts';
import { isObject, stringAt, stringsAt, valuesAt } from '../values.ts';
import { grant } from './iam.ts';
import type { Kinds, Rule } from './kind.ts';
import { eachExists, exists, key } from './references.ts';
import { between, duration, exactlyOne, labels, location, matches, needs, oneOf, refuse } from './rules.ts';

const DATASET = 'projects/{project}/datasets/{datasetId}';
const TABLE = `${DATASET}/tables/{tableId}`;
const SECRET = 'projects/{project}/secrets/{secretId|last}';
const DATABASE = 'projects/{project}/databases/{name}';
const IN_DATABASE = 'projects/{project}/databases/{database}';
const datasetType = 'gcp:bigquery/dataset:Dataset';
const tableType = 'gcp:bigquery/table:Table';
const secretType = 'gcp:secretmanager/secret:Secret';
const databaseType = 'gcp:firestore/database:Database';
const bucketType = 'gcp:storage/bucket:Bucket';
const keyType = 'gcp:kms/cryptoKey:CryptoKey';

const bigqueryId = (path: string) => matches(path, /^\w{1,1024}$/, 'be 1 to 1024 letters, digits or _');
const datasetExists = exists(datasetType, DATASET);
const tableExists = exists(tableType, TABLE);

/** A table's schema: a list of fields with names and types. */
const tableSchema: Rule = (inputs) =>
  stringsAt(inputs, 'schema').flatMap(({ value, path }) => {
    const fields = parsed(value);
    const good = Array.isArray(fields) && fields.every((field) => isObject(field) && field.name && field.type);
    return good ? [] : [{ path, reason: 'must be a JSON list of fields with name and type' }];
  });

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const bucketName: Rule = (inputs) =>
  stringsAt(inputs, 'name')
    .filter(
      ({ value }) =>
        !/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/.test(value) || /^goog|google|\.\.|^\d+\.\d+\.\d+\.\d+$/.test(value),
    )
    .map((at) => ({
      path: at.path,
      reason: `${JSON.stringify(at.value)} must be 3 to 63 lower-case letters, digits, -, _ or ., without "google"`,
    }));

/** One place twice is refused. */
const distinctReplicas: Rule = (inputs) => {
  const places = stringsAt(inputs, 'replication.userManaged.replicas.*.location').map(({ value }) => value);
  const twice = places.find((place, i) => places.indexOf(place) !== i);
  return twice === undefined ? [] : [{ path: 'replication.userManaged.replicas', reason: `${twice} is there twice` }];
};

export const dataKinds: Kinds = {
  [datasetType]: {
    id: DATASET,
    defaults: { location: 'US', deleteContentsOnDestroy: false, maxTimeTravelHours: '168', isCaseInsensitive: false },
    rules: [
      bigqueryId('datasetId'),
      location('location', 'us', 'eu'),
      labels('labels'),
      between('defaultTableExpirationMs', 3_600_000, Number.MAX_SAFE_INTEGER),
      oneOf('maxTimeTravelHours', ['48', '72', '96', '120', '144', '168']),
      oneOf('storageBillingModel', ['LOGICAL', 'PHYSICAL']),
    ],
    references: [key('defaultEncryptionConfiguration.kmsKeyName', 'location')],
    contents: { types: [tableType], unless: 'deleteContentsOnDestroy' },
    outputs: ({ id }) => ({ selfLink: `https://bigquery.googleapis.com/bigquery/v2/${id}` }),
  },
  'gcp:bigquery/datasetIamMember:DatasetIamMember': grant(DATASET, { of: 'bigquery', target: datasetType }),
  'gcp:bigquery/datasetAccess:DatasetAccess': { id: `${DATASET}/access/{generated}`, references: [datasetExists] },
  [tableType]: {
    id: TABLE,
    defaults: { deletionProtection: true },
    rules: [
      bigqueryId('datasetId'),
      bigqueryId('tableId'),
      labels('labels'),
      tableSchema,
      oneOf('timePartitioning.type', ['DAY', 'HOUR', 'MONTH', 'YEAR']),
      refuse('clusterings', (inputs) => valuesAt(inputs, 'clusterings.*').length > 4, 'at most 4 columns'),
    ],
    references: [datasetExists],
    protection: ({ deletionProtection }) =>
      deletionProtection === false ? null : 'cannot destroy table without setting deletion_protection=false',
    outputs: ({ id }) => ({ type: 'TABLE', selfLink: `https://bigquery.googleapis.com/bigquery/v2/${id}` }),
  },
  'gcp:bigquery/iamMember:IamMember': grant(TABLE, { of: 'bigquery', target: tableType }),
  'gcp:bigquery/rowAccessPolicy:RowAccessPolicy': {
    id: `${TABLE}/rowAccessPolicies/{policyId}`,
    rules: [matches('policyId', /^[A-Za-z0-9_]{1,256}$/, 'be 1 to 256 letters, digits or _')],
    references: [tableExists],
  },
  'gcp:bigquery/routine:Routine': { id: `${DATASET}/routines/{routineId}`, references: [datasetExists] },

  [secretType]: {
    id: 'projects/{project}/secrets/{secretId}',
    defaults: { deletionProtection: false },
    rules: [
      matches('secretId', /^[A-Za-z0-9_-]{1,255}$/, 'be 1 to 255 letters, digits, _ or -'),
      labels('labels'),
      exactlyOne('replication', ['auto', 'userManaged']),
      location('replication.userManaged.replicas.*.location'),
      distinctReplicas,
      duration('versionDestroyTtl', 86_400, 86_400 * 1000),
      duration('ttl'),
      duration('rotation.rotationPeriod', 3600),
      needs('rotation', 'topics'),
    ],
    references: [
      eachExists('gcp:pubsub/topic:Topic', 'topics.*.name'),
      eachExists(keyType, 'replication.userManaged.replicas.*.customerManagedEncryption.kmsKeyName'),
    ],
    protection: ({ deletionProtection }) =>
      deletionProtection === true ? 'cannot destroy secret without setting deletion_protection=false' : null,
    outputs: ({ inputs, world, id }) => ({
      name: `projects/${projectNumber(stringAt(inputs, 'project') ?? String(world.config.project))}/secrets/${id.split('/').at(-1)}`,
    }),
  },
  'gcp:secretmanager/secretVersion:SecretVersion': {
    id: '{secret}/versions/{generated}',
    defaults: { enabled: true },
    references: [exists(secretType, '{secret}')],
    outputs: ({ id }) => ({ name: id, version: id.split('/').at(-1) ?? '' }),
  },
  'gcp:secretmanager/secretIamMember:SecretIamMember': grant(SECRET, { of: 'secretmanager', target: secretType }),

  [databaseType]: {
    id: DATABASE,
    defaults: { deletionPolicy: 'ABANDON', deleteProtectionState: 'DELETE_PROTECTION_DISABLED' },
    rules: [
      matches(
        'name',
        /^(?:\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9])$/,
        'be (default) or 4 to 63 lower-case letters, digits or -',
      ),
      location('locationId', 'eur3', 'nam5', 'nam7'),
      oneOf('type', ['FIRESTORE_NATIVE', 'DATASTORE_MODE']),
      oneOf('concurrencyMode', ['OPTIMISTIC', 'PESSIMISTIC', 'OPTIMISTIC_WITH_ENTITY_GROUPS']),
      oneOf('appEngineIntegrationMode', ['ENABLED', 'DISABLED']),
      oneOf('pointInTimeRecoveryEnablement', ['POINT_IN_TIME_RECOVERY_ENABLED', 'POINT_IN_TIME_RECOVERY_DISABLED']),
      oneOf('deleteProtectionState', [
        'DELETE_PROTECTION_STATE_UNSPECIFIED',
        'DELETE_PROTECTION_ENABLED',
        'DELETE_PROTECTION_DISABLED',
      ]),
      oneOf('databaseEdition', ['STANDARD', 'ENTERPRISE']),
    ],
    references: [key('cmekConfig.kmsKeyName', 'locationId')],
    protection: ({ deleteProtectionState }) =>
      deleteProtectionState === 'DELETE_PROTECTION_ENABLED'
        ? 'Cannot delete database with delete protection enabled'
        : null,
  },
  'gcp:firestore/field:Field': {
    id: `${IN_DATABASE}/collectionGroups/{collection}/fields/{field}`,
    references: [exists(databaseType, IN_DATABASE)],
    outputs: ({ id }) => ({ name: id }),
  },
  'gcp:firestore/index:Index': {
    id: `${IN_DATABASE}/collectionGroups/{collection}/indexes/{generated}`,
    rules: [
      refuse(
        'fields',
        (inputs) => valuesAt(inputs, 'fields.*').length < 2,
        'an index of one field is automatic: at least 2',
      ),
      oneOf('fields.*.order', ['ASCENDING', 'DESCENDING']),
      oneOf('queryScope', ['COLLECTION', 'COLLECTION_GROUP', 'COLLECTION_RECURSIVE']),
    ],
    references: [exists(databaseType, IN_DATABASE)],
    outputs: ({ id }) => ({ name: id }),
  },

  [bucketType]: {
    id: '{name}',
    defaults: { forceDestroy: false, storageClass: 'STANDARD' },
    rules: [
      bucketName,
      location('location', 'us', 'eu', 'asia', 'nam4', 'eur4', 'eur5', 'eur7', 'eur8', 'asia1'),
      labels('labels'),
      oneOf('publicAccessPrevention', ['inherited', 'enforced']),
      oneOf('storageClass', ['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE', 'MULTI_REGIONAL', 'REGIONAL']),
      oneOf('lifecycleRules.*.action.type', ['Delete', 'SetStorageClass', 'AbortIncompleteMultipartUpload']),
    ],
    references: [key('encryption.defaultKmsKeyName', 'location')],
    contents: { types: ['gcp:storage/bucketObject:BucketObject'], unless: 'forceDestroy' },
    outputs: ({ id }) => ({ url: `gs://${id}`, selfLink: `https://www.googleapis.com/storage/v1/b/${id}` }),
  },
  'gcp:storage/bucketIAMMember:BucketIAMMember': grant('{bucket|last}', { of: 'storage', target: bucketType }),
  'gcp:storage/bucketObject:BucketObject': {
    id: '{bucket}-{name}',
    additive: true,
    rules: [exactlyOne('', ['content', 'source'])],
    references: [exists(bucketType, '{bucket}')],
    outputs: ({ inputs, generation }) => ({
      outputName: inputs.name ?? '',
      generation,
      crc32c: digest(JSON.stringify(inputs), 6),
    }),
  },

  'gcp:kms/keyRing:KeyRing': {
    id: 'projects/{project}/locations/{location}/keyRings/{name}',
    everlasting: true,
    rules: [
      matches('name', /^[A-Za-z0-9_-]{1,63}$/, 'be 1 to 63 letters, digits, _ or -'),
      location('location', 'global', 'us', 'eu', 'europe', 'asia', 'eur3', 'eur4', 'nam4'),
    ],
  },
  [keyType]: {
    id: '{keyRing}/cryptoKeys/{name}',
    everlasting: true,
    rules: [
      matches('name', /^[A-Za-z0-9_-]{1,63}$/, 'be 1 to 63 letters, digits, _ or -'),
      labels('labels'),
      duration('rotationPeriod', 86_400),
      oneOf('purpose', ['ENCRYPT_DECRYPT', 'ASYMMETRIC_SIGN', 'ASYMMETRIC_DECRYPT', 'MAC', 'RAW_ENCRYPT_DECRYPT']),
    ],
    references: [exists('gcp:kms/keyRing:KeyRing', '{keyRing}')],
  },
  'gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember': grant('{cryptoKeyId}', { of: 'cloudkms', target: keyType }),
};

/** Deterministic, twelve digits. */
export function projectNumber(project: string): string {
  return ((BigInt(`0x${digest(project, 12)}`) % 900_000_000_000n) + 100_000_000_000n).toString();
}
