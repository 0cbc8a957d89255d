/** Who may do what in the simulated cloud, by the grants that stacks made. */
import type { CloudResource, Store } from '../store.ts';
import { isObject, stringAt } from '../values.ts';

/** Of the permissions that are asked for here, those of each role that a stack may grant. */
const ROLES: Readonly<Record<string, readonly string[]>> = {
  'roles/bigquery.dataEditor': [
    ...['bigquery.datasets.get', 'bigquery.tables.get', 'bigquery.tables.getData', 'bigquery.tables.list'],
    ...['bigquery.tables.create', 'bigquery.tables.update', 'bigquery.tables.updateData', 'bigquery.tables.delete'],
  ],
  'roles/bigquery.dataViewer': [
    ...['bigquery.datasets.get', 'bigquery.tables.get', 'bigquery.tables.getData', 'bigquery.tables.list'],
  ],
  'roles/bigquery.jobUser': ['bigquery.jobs.create'],
  'roles/datastore.user': ['datastore.entities.get', 'datastore.entities.create'],
  'roles/pubsub.publisher': ['pubsub.topics.publish'],
  'roles/run.invoker': ['run.routes.invoke', 'run.jobs.run'],
  'roles/run.jobsExecutor': ['run.jobs.run', 'run.executions.cancel'],
  'roles/run.jobsExecutorWithOverrides': ['run.jobs.run', 'run.jobs.runWithOverrides', 'run.executions.cancel'],
  'roles/run.viewer': [
    ...['run.jobs.get', 'run.executions.get', 'run.executions.list', 'run.tasks.list', 'run.operations.get'],
  ],
  'roles/secretmanager.secretAccessor': ['secretmanager.versions.access'],
  'roles/secretmanager.secretVersionAdder': ['secretmanager.versions.add'],
  'roles/storage.objectAdmin': [
    ...['storage.objects.get', 'storage.objects.list', 'storage.objects.create', 'storage.objects.delete'],
  ],
  'roles/storage.objectUser': [
    ...['storage.objects.get', 'storage.objects.list', 'storage.objects.create', 'storage.objects.delete'],
  ],
  'roles/storage.objectViewer': ['storage.objects.get', 'storage.objects.list'],
};

/** The resource that a grant of this type is on, and what kind of grant it is. */
const GRANTS = {
  bucket: 'gcp:storage/bucketIAMMember:BucketIAMMember',
  dataset: 'gcp:bigquery/datasetIamMember:DatasetIamMember',
  job: 'gcp:cloudrunv2/jobIamMember:JobIamMember',
  project: 'gcp:projects/iAMMember:IAMMember',
  secret: 'gcp:secretmanager/secretIamMember:SecretIamMember',
  service: 'gcp:cloudrunv2/serviceIamMember:ServiceIamMember',
  topic: 'gcp:pubsub/topicIAMMember:TopicIAMMember',
} as const;

export interface Question {
  /** As in `run.routes.invoke`. */
  readonly permission: string;
  /** E-mail of a service account. */
  readonly who: string;
  readonly on: keyof typeof GRANTS;
  /** As the simulated cloud names it: `projects/p/secrets/s`, or the bare name of a bucket or project. */
  readonly resource: string;
  /** Its project, whose grants reach it too. */
  readonly project: string;
}

/** Whether IAM lets them: on the thing itself or on its project. */
export function mayDo(store: Store, question: Question): boolean {
  const { permission, who, on, resource, project } = question;
  const roles = Object.keys(ROLES).filter((role) => ROLES[role]?.includes(permission));
  const granted = (type: string, place: string) =>
    roles.some((role) => holds(store.read(type, `${place}/${role}/serviceAccount:${who}`), resource));
  return granted(GRANTS[on], resource) || granted(GRANTS.project, project);
}

/** Of conditions one form is understood, the one that stacks write. */
function holds(grant: CloudResource | null, resource: string): boolean {
  if (grant === null) return false;
  const { condition } = grant.inputs;
  if (!isObject(condition)) return true;
  const [, only] = /^resource\.name == "([^"]+)"$/.exec(stringAt(condition, 'expression') ?? '') ?? [];
  if (only === undefined) throw new Error(`${grant.id}: this condition is not understood here`);
  return only === resource;
}
