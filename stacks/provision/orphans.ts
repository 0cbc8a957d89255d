/**
 * Resources that the cloud made while the engine was killed: the state says that their creation was begun, the cloud
 * that they exist. They are this stack's own and are taken into its state.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from './contract.ts';
import { runEngine } from './engine.ts';

/** A creation that was begun and never ended, as the state has it. */
export interface PendingCreate {
  readonly resource: {
    readonly urn: string;
    readonly type: string;
    readonly inputs?: Readonly<Record<string, unknown>>;
  };
  readonly type: string;
}

interface Exported {
  readonly deployment: {
    readonly resources?: readonly { readonly urn: string }[];
    readonly pending_operations?: readonly PendingCreate[];
  };
}

/** Ids of what has a name of its own, and so answers 409; each part is an input. */
const IDS: Readonly<Record<string, string>> = {
  'gcp:artifactregistry/repository:Repository': 'projects/{project}/locations/{location}/repositories/{repositoryId}',
  'gcp:bigquery/dataset:Dataset': 'projects/{project}/datasets/{datasetId}',
  'gcp:bigquery/table:Table': 'projects/{project}/datasets/{datasetId}/tables/{tableId}',
  'gcp:cloudrunv2/job:Job': 'projects/{project}/locations/{location}/jobs/{name}',
  'gcp:cloudrunv2/service:Service': 'projects/{project}/locations/{location}/services/{name}',
  'gcp:cloudscheduler/job:Job': 'projects/{project}/locations/{region}/jobs/{name}',
  'gcp:datastream/connectionProfile:ConnectionProfile':
    'projects/{project}/locations/{location}/connectionProfiles/{connectionProfileId}',
  'gcp:datastream/privateConnection:PrivateConnection':
    'projects/{project}/locations/{location}/privateConnections/{privateConnectionId}',
  'gcp:datastream/stream:Stream': 'projects/{project}/locations/{location}/streams/{streamId}',
  'gcp:firestore/database:Database': 'projects/{project}/databases/{name}',
  'gcp:logging/metric:Metric': '{name}',
  'gcp:pubsub/subscription:Subscription': 'projects/{project}/subscriptions/{name}',
  'gcp:pubsub/topic:Topic': 'projects/{project}/topics/{name}',
  'gcp:secretmanager/secret:Secret': 'projects/{project}/secrets/{secretId}',
  'gcp:serviceaccount/account:Account':
    'projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com',
  'gcp:storage/bucket:Bucket': '{name}',
};

/** The id that the cloud gave it; `undefined` where it cannot be told from the inputs. */
export function idOf({ resource }: PendingCreate): string | undefined {
  let known = true;
  const id = IDS[resource.type]?.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = resource.inputs?.[name];
    known &&= typeof value === 'string' && value !== '';
    return String(value);
  });
  return known ? id : undefined;
}

export async function pendingCreates(engine: Engine, stack: string): Promise<readonly PendingCreate[]> {
  const { deployment } = await exported(engine, stack);
  return (deployment.pending_operations ?? []).filter(({ type }) => type === 'creating');
}

/**
 * Writes into the state that these exist; a refresh of them must follow, which reads what they are.
 *
 * @returns their urns.
 */
export async function adopt(engine: Engine, stack: string, orphans: readonly PendingCreate[]): Promise<string[]> {
  const found = orphans.flatMap((orphan) => {
    const id = idOf(orphan);
    return id === undefined ? [] : [{ ...orphan.resource, id, outputs: orphan.resource.inputs }];
  });
  const urns = found.map(({ urn }) => urn);
  if (urns.length === 0) return urns;
  const { deployment, ...state } = await exported(engine, stack);
  const { pending_operations: pending = [], resources = [] } = deployment;
  const changed = {
    ...state,
    deployment: {
      ...deployment,
      // Last, behind all that they depend on.
      resources: [...resources.filter(({ urn }) => !urns.includes(urn)), ...found],
      pending_operations: pending.filter(({ resource }) => !urns.includes(resource.urn)),
    },
  };
  const folder = mkdtempSync(join(tmpdir(), 'tributary-state-'));
  try {
    const file = join(folder, 'state.json');
    writeFileSync(file, JSON.stringify(changed), { mode: 0o600 });
    const { code } = await runEngine(engine, ['stack', 'import', '--file', file, '--stack', stack]);
    return code === 0 ? urns : [];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function exported(engine: Engine, stack: string): Promise<Exported> {
  const { code, stdout } = await runEngine(engine, ['stack', 'export', '--stack', stack]);
  return code === 0 ? (JSON.parse(stdout) as Exported) : { deployment: {} };
}
