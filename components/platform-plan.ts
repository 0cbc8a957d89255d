/** A platform's arguments → every name and decision, before anything is created. Pure. */
import {
  accountEmail,
  accountMember,
  labels,
  PLATFORM,
  stateBucket,
  tenantsBucket,
  webhookAudience,
} from '../tenants/naming.ts';
import { keyLocation } from './encryption.ts';
import type { Grant } from './grant.ts';
import { notificationSecrets } from './notifications.ts';
import type { PlatformArgs } from './platform-args.ts';

export interface PlatformPlan {
  readonly env: string;
  readonly project: string;
  readonly region: string;
  /** The platform's project and those of tenants, sorted. */
  readonly projects: readonly string[];
  readonly apis: readonly string[];
  readonly labels: Record<string, string>;
  readonly protect: boolean;
  readonly runStoreLocation: string;
  readonly webhookEmail: string;
  readonly webhookMember: string;
  readonly webhookAudience: string;
  readonly sweepEmail: string;
  readonly sweepMember: string;
  readonly stateBucket: string;
  readonly tenantsBucket: string;
  /** Resource names of all keys. */
  readonly keys: readonly string[];
  readonly kmsKey: string | undefined;
  readonly datasetKey: string | undefined;
  readonly keyGrants: readonly Grant[];
  /** Grants that are not about keys, and come before the webhook. */
  readonly grants: readonly Grant[];
  /** Grants on the webhook. */
  readonly callers: readonly Grant[];
}

const APIS = [
  'artifactregistry.googleapis.com',
  'bigquery.googleapis.com',
  'bigquerystorage.googleapis.com',
  'cloudscheduler.googleapis.com',
  'datastream.googleapis.com',
  'firestore.googleapis.com',
  'iam.googleapis.com',
  'iamcredentials.googleapis.com',
  'logging.googleapis.com',
  'monitoring.googleapis.com',
  'pubsub.googleapis.com',
  'run.googleapis.com',
  'secretmanager.googleapis.com',
  'storage.googleapis.com',
];

export function planPlatform(args: PlatformArgs): PlatformPlan {
  const { env, project, region, encryption } = args;
  const keyAt = (location: string) =>
    `projects/${project}/locations/${keyLocation(location)}/keyRings/${PLATFORM.keyRing}/cryptoKeys/${PLATFORM.dataKey}`;
  const kmsKey = encryption === undefined ? undefined : keyAt(region);
  const datasetKey = encryption?.datasetLocation === undefined ? undefined : keyAt(encryption.datasetLocation);
  const keys = [...new Set([kmsKey, datasetKey])].filter((key) => key !== undefined);
  const webhookMember = accountMember(PLATFORM.webhookAccount, project);
  return {
    env,
    project,
    region,
    projects: [...new Set([project, ...(args.tenantProjects ?? [])])].sort(),
    apis: [
      ...APIS,
      ...(args.dataflowImage === undefined ? [] : ['dataflow.googleapis.com', 'compute.googleapis.com']),
      ...(encryption === undefined ? [] : ['cloudkms.googleapis.com']),
      ...(args.billingAccount === undefined ? [] : ['billingbudgets.googleapis.com']),
    ].sort(),
    labels: labels({ env, costCenter: args.costCenter }),
    protect: args.protect ?? true,
    runStoreLocation: args.runStoreLocation ?? region,
    webhookEmail: accountEmail(PLATFORM.webhookAccount, project),
    webhookMember,
    webhookAudience: webhookAudience(project),
    sweepEmail: accountEmail(PLATFORM.sweep, project),
    sweepMember: accountMember(PLATFORM.sweep, project),
    stateBucket: stateBucket(project),
    tenantsBucket: tenantsBucket(project),
    keys,
    kmsKey,
    datasetKey,
    keyGrants: keys.flatMap((name) =>
      (encryption?.agents ?? []).map(
        (member): Grant => ({
          identity: 'agent',
          member,
          role: 'roles/cloudkms.cryptoKeyEncrypterDecrypter',
          scope: { on: 'key', name },
        }),
      ),
    ),
    callers: callersOf(args),
    grants: [
      runStoreGrant(project, webhookMember),
      {
        identity: 'webhook',
        member: webhookMember,
        role: 'roles/storage.objectUser',
        scope: { on: 'bucket', name: tenantsBucket(project) },
      },
      ...notificationSecrets(args.notifications ?? {}).map(
        (name): Grant => ({
          identity: 'webhook',
          member: webhookMember,
          role: 'roles/secretmanager.secretAccessor',
          scope: { on: 'secret', project, name },
        }),
      ),
      ...(args.imageReaders ?? []).map(
        (member): Grant => ({
          identity: 'agent',
          member,
          role: 'roles/artifactregistry.reader',
          scope: { on: 'repository', project, location: region, name: PLATFORM.registry },
        }),
      ),
    ],
  };
}

/** Beside the accounts of tenants, which their stacks let in. */
function callersOf({ project, region, iap }: PlatformArgs): Grant[] {
  if (iap === undefined) return [];
  const scope = { on: 'service', project, location: region, name: PLATFORM.webhookService } as const;
  return [{ identity: 'agent', member: iap.agent, role: 'roles/run.invoker', scope }];
}

/** Firestore has no policy of its own for a database: the project's, narrowed to it by a condition. */
function runStoreGrant(project: string, member: string): Grant {
  return {
    identity: 'webhook',
    member,
    role: 'roles/datastore.user',
    scope: { on: 'project', project },
    condition: {
      title: 'run store',
      expression: `resource.name == "projects/${project}/databases/${PLATFORM.runStoreDatabase}"`,
    },
  };
}
