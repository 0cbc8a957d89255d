/** Turns grants into resources: one each, and nothing else in a tenant's stack touches IAM of Google Cloud. */
import { RepositoryIamMember } from '@pulumi/gcp/artifactregistry/repositoryIamMember.js';
import { DatasetIamMember } from '@pulumi/gcp/bigquery/datasetIamMember.js';
import { IamMember as TableIamMember } from '@pulumi/gcp/bigquery/iamMember.js';
import { JobIamMember } from '@pulumi/gcp/cloudrunv2/jobIamMember.js';
import { ServiceIamMember } from '@pulumi/gcp/cloudrunv2/serviceIamMember.js';
import { CryptoKeyIAMMember } from '@pulumi/gcp/kms/cryptoKeyIAMMember.js';
import { IAMMember as ProjectIamMember } from '@pulumi/gcp/projects/iammember.js';
import { SubscriptionIAMMember } from '@pulumi/gcp/pubsub/subscriptionIAMMember.js';
import { TopicIAMMember } from '@pulumi/gcp/pubsub/topicIAMMember.js';
import { SecretIamMember } from '@pulumi/gcp/secretmanager/secretIamMember.js';
import { IAMMember as AccountIamMember } from '@pulumi/gcp/serviceaccount/iammember.js';
import { BucketIAMMember } from '@pulumi/gcp/storage/bucketIAMMember.js';
import type { CustomResourceOptions, Resource } from '@pulumi/pulumi';
import { accountEmail } from '../tenants/naming.ts';
import type { Grant, Scope } from './grant.ts';

/** Resources of this stack that grants are about: service accounts by member, things by `dataset:acme_raw`. */
export type Made = ReadonlyMap<string, Resource>;

/** The key of a thing in {@link Made}. */
export function madeKey(on: Scope['on'], name: string): string {
  return `${on}:${name}`;
}

/** Members and scopes are literals, so what must exist first is said with `dependsOn`. */
export function createGrants(parent: Resource, name: string, grants: readonly Grant[], made: Made): Resource[] {
  return grants.map((grant) => {
    const first = [
      made.get(grant.member),
      'name' in grant.scope ? made.get(madeKey(grant.scope.on, grant.scope.name)) : undefined,
    ];
    const dependsOn = first.filter((resource) => resource !== undefined);
    return createGrant(`${name}-${grantName(grant)}`, grant, { parent, dependsOn });
  });
}

/** @example 'runner-dataset-acme_raw-bigquery.dataEditor' */
function grantName({ identity, member, role, scope, condition }: Grant): string {
  const thing = 'name' in scope ? `${scope.on}-${scope.name.split('/').at(-1)}` : scope.on;
  const narrowed = condition === undefined ? [] : [condition.title.replaceAll(/[^a-z0-9]+/gi, '-')];
  const who = identity === 'agent' ? member.replace(/^.*:/, '').replace('.iam.gserviceaccount.com', '') : identity;
  return [who, thing, role.replace(/^roles\//, ''), ...narrowed].join('-');
}

function createGrant(name: string, grant: Grant, opts: CustomResourceOptions): Resource {
  const { role, member, scope, condition } = grant;
  const who = { role, member, ...(condition === undefined ? {} : { condition: { ...condition } }) };
  const create: { [K in Scope['on']]: (scope: Extract<Scope, { on: K }>) => Resource } = {
    project: ({ project }) => new ProjectIamMember(name, { project, ...who }, opts),
    dataset: ({ project, name: datasetId }) => new DatasetIamMember(name, { project, datasetId, ...who }, opts),
    secret: ({ project, name: secretId }) => new SecretIamMember(name, { project, secretId, ...who }, opts),
    bucket: ({ name: bucket }) => new BucketIAMMember(name, { bucket, ...who }, opts),
    topic: ({ project, name: topic }) => new TopicIAMMember(name, { project, topic, ...who }, opts),
    subscription: ({ project, name: subscription }) =>
      new SubscriptionIAMMember(name, { project, subscription, ...who }, opts),
    table: ({ project, dataset: datasetId, name: tableId }) =>
      new TableIamMember(name, { project, datasetId, tableId, ...who }, opts),
    account: ({ project, name: account }) => {
      const serviceAccountId = `projects/${project}/serviceAccounts/${accountEmail(account, project)}`;
      return new AccountIamMember(name, { serviceAccountId, ...who }, opts);
    },
    service: ({ project, location, name: service }) =>
      new ServiceIamMember(name, { project, location, name: service, ...who }, opts),
    job: ({ project, location, name: job }) => new JobIamMember(name, { project, location, name: job, ...who }, opts),
    repository: ({ project, location, name: repository }) =>
      new RepositoryIamMember(name, { project, location, repository, ...who }, opts),
    key: ({ name: cryptoKeyId }) => new CryptoKeyIAMMember(name, { cryptoKeyId, ...who }, opts),
  };
  return (create[scope.on] as (scope: Scope) => Resource)(scope);
}
