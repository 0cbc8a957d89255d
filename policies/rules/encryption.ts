/** Keys of the customer. */
import { flag, type Resource, resourceRule } from '../rule.ts';
import { DATASET, type DatasetInputs } from './bigquery.ts';
import { CLOUD_RUN_JOB, type CloudRunJob } from './run.ts';
import { SECRET, type SecretInputs } from './secrets.ts';

interface Encrypted extends DatasetInputs, SecretInputs, CloudRunJob {
  readonly name?: string;
  readonly location?: string;
  readonly encryption?: { readonly defaultKmsKeyName?: string };
  readonly kmsKeyName?: string;
}

interface KeyUse {
  readonly key: string | undefined;
  /** Where the key must lie; absent where any place will do. */
  readonly location?: string | undefined;
}

const uses: Readonly<Record<string, (props: Encrypted) => readonly KeyUse[]>> = {
  [DATASET]: ({ defaultEncryptionConfiguration, location }) => [
    { key: defaultEncryptionConfiguration?.kmsKeyName, location },
  ],
  [SECRET]: ({ replication }) =>
    (replication?.userManaged?.replicas ?? []).map(({ location, customerManagedEncryption }) => ({
      key: customerManagedEncryption?.kmsKeyName,
      location,
    })),
  [CLOUD_RUN_JOB]: ({ template, location }) => [{ key: template?.template?.encryptionKey, location }],
  'gcp:storage/bucket:Bucket': ({ encryption, location }) => [{ key: encryption?.defaultKmsKeyName, location }],
  'gcp:pubsub/topic:Topic': ({ kmsKeyName }) => [{ key: kmsKeyName }],
};

/** Multi-regions of data and of keys have two names. */
const KEY_PLACES: Readonly<Record<string, string>> = { eu: 'europe' };

export const encryptionRules = [
  resourceRule({
    id: 'cmek',
    level: 'mandatory',
    description: 'A key of the customer lies where the data lies, and is there where it is asked for.',
    why: 'A key of another place is refused by the API; a resource without one keeps Google’s key for ever.',
    fix: 'Pass a key of the same location on: projects/…/locations/<location>/keyRings/…/cryptoKeys/….',
    types: Object.keys(uses),
    settings: { required: flag(false, 'Whether every one of these resources must have such a key.') },
    *check({ type, props }: Resource<Encrypted>, { settings }) {
      for (const { key, location } of uses[type]?.(props) ?? []) {
        if (key === undefined) {
          if (settings.required) yield 'has no key of the customer.';
          continue;
        }
        const place = /\/locations\/([^/]+)\//.exec(key)?.[1]?.toLowerCase();
        const wanted = location?.toLowerCase();
        if (wanted !== undefined && place !== (KEY_PLACES[wanted] ?? wanted))
          yield `lies in ${location}, its key in ${place ?? 'an unknown place'}.`;
      }
    },
  }),
];
