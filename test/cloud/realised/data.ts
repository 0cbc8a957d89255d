/** Datasets, buckets, objects, secrets and topics become those of the emulators. */
import type { SecretManagerServer } from '../../servers/secret-manager.ts';
import { CloudError } from '../errors.ts';
import type { CloudResource } from '../store.ts';
import { type Properties, stringAt } from '../values.ts';
import type { Change } from './change.ts';
import type { LocalPubsub } from './pubsub.ts';
import { ask } from './web.ts';

export interface DataServers {
  /** As in `http://127.0.0.1:9050`. */
  readonly bigquery: string;
  readonly storage: string;
  readonly firestore: string;
  readonly secrets: SecretManagerServer;
  readonly pubsub: LocalPubsub;
}

/** Makes a change of one type real. */
export type Realiser = (change: Change) => Promise<void>;

export function dataRealisers({
  bigquery,
  storage,
  firestore,
  secrets,
  pubsub,
}: DataServers): Record<string, Realiser> {
  return {
    'gcp:bigquery/dataset:Dataset': async ({ operation, resource }) => {
      const { project, dataset } = datasetOf(resource);
      const datasets = `${bigquery}/bigquery/v2/projects/${project}/datasets`;
      if (operation === 'delete') {
        const all = resource.inputs.deleteContentsOnDestroy === true;
        return good(await ask('DELETE', `${datasets}/${dataset}?deleteContents=${all}`), resource);
      }
      const [method, url] = operation === 'create' ? ['POST', datasets] : ['PATCH', `${datasets}/${dataset}`];
      good(await ask(method ?? '', url ?? '', datasetBody(project, dataset, resource.inputs)), resource);
    },

    'gcp:storage/bucket:Bucket': async ({ operation, resource }) => {
      const { id: bucket, inputs } = resource;
      if (operation === 'create') {
        const body = { name: bucket, location: inputs.location, versioning: inputs.versioning };
        return good(await ask('POST', `${storage}/storage/v1/b?project=${inputs.project}`, body), resource);
      }
      if (operation === 'update') return;
      if (inputs.forceDestroy === true) await emptyBucket(storage, resource);
      good(await ask('DELETE', `${storage}/storage/v1/b/${bucket}`), resource);
    },

    'gcp:storage/bucketObject:BucketObject': async ({ operation, resource }) => {
      const { bucket, name, content, contentType = 'text/plain' } = resource.inputs;
      const object = encodeURIComponent(`${name}`);
      if (operation === 'delete') {
        return good(await ask('DELETE', `${storage}/storage/v1/b/${bucket}/o/${object}`), resource);
      }
      const answer = await fetch(`${storage}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${object}`, {
        method: 'POST',
        headers: { 'content-type': `${contentType}` },
        body: `${content ?? ''}`,
      });
      good({ status: answer.status, body: Buffer.from(await answer.arrayBuffer()) }, resource);
    },

    'gcp:secretmanager/secret:Secret': async ({ operation, resource }) => {
      if (operation === 'delete') secrets.remove(resource.id);
      else secrets.create(resource.id);
    },

    'gcp:secretmanager/secretVersion:SecretVersion': async ({ operation, resource }) => {
      const [secret = '', number] = resource.id.split('/versions/');
      if (operation === 'delete') return secrets.setState(resource.id, 'DESTROYED');
      if (operation === 'update') return;
      const made = secrets.put(secret, stringAt(resource.inputs, 'secretData') ?? '');
      if (made !== `${secret}/versions/${number}`) throw new CloudError(409, `${resource.id} is ${made} in the server`);
    },

    'gcp:pubsub/topic:Topic': async ({ operation, resource }) => {
      if (operation === 'delete') pubsub.remove(resource.id);
      else pubsub.create(resource.id);
    },

    // The emulator has every database; what is left of one that was deleted must not come back with a new one.
    'gcp:firestore/database:Database': async ({ operation, resource }) => {
      if (operation !== 'delete') return;
      good(await ask('DELETE', `http://${firestore}/emulator/v1/${resource.id}/documents`), resource);
    },
  };
}

function datasetOf({ id }: CloudResource): { project: string; dataset: string } {
  const [, project = '', , dataset = ''] = id.split('/');
  return { project, dataset };
}

function datasetBody(projectId: string, datasetId: string, inputs: Properties): object {
  const { location, description, labels, defaultTableExpirationMs, maxTimeTravelHours } = inputs;
  return {
    datasetReference: { projectId, datasetId },
    ...{ location, description, labels, maxTimeTravelHours },
    ...(defaultTableExpirationMs == null ? {} : { defaultTableExpirationMs: `${defaultTableExpirationMs}` }),
  };
}

async function emptyBucket(storage: string, resource: CloudResource): Promise<void> {
  const objects = `${storage}/storage/v1/b/${resource.id}/o`;
  const listed = await ask('GET', objects);
  good(listed, resource);
  const { items = [] } = JSON.parse(listed.body.toString('utf8')) as { items?: readonly { name: string }[] };
  for (const { name } of items) good(await ask('DELETE', `${objects}/${encodeURIComponent(name)}`), resource);
}

/** @throws what the emulator says, in the words of a cloud that refuses */
function good({ status, body }: { status: number; body: Buffer }, { id }: CloudResource): void {
  if (status >= 200 && status < 300) return;
  throw new CloudError(status, `${id} could not be made real: ${body.toString('utf8').slice(0, 500)}`);
}
