import { Account as ServiceAccount } from '@pulumi/gcp/serviceaccount/account.js';
import { BucketObject } from '@pulumi/gcp/storage/bucketObject.js';
import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi';
import { DATAFLOW_TEMPLATE } from '../tenants/naming.ts';
import { computeOptions, deletionPolicy } from './protection.ts';

/** Arguments of {@link DataflowTemplate}. */
export interface DataflowTemplateArgs {
  /** Id of the tenant. @example "acme" */
  tenant: string;
  /** Project in which the workers run. @example "acme-data-prod" */
  project: string;
  /** Account id of the workers, 6 to 30 characters. @example "trb-acme-dataflow" */
  account: string;
  /** Bucket that holds the template, and what workers stage. @example "acme-data-prod-trb-acme-staging" */
  bucket: string;
  /** Image of launcher and workers, pinned by digest. @example "europe-west1-docker.pkg.dev/p/tributary/dataflow@sha256:…" */
  image: string;
  /** Subnetwork of the workers, which have no public address; absent: the default network's. */
  subnetwork?: string;
}

/**
 * What a run of a million rows or more is launched from: the specification of a Flex Template and the account of its
 * workers. The job itself is no resource: a finished batch job would be started again by the next `up`.
 *
 * @example
 * new DataflowTemplate('acme-dataflow', { tenant: 'acme', project, account: 'trb-acme-dataflow', bucket, image });
 */
export class DataflowTemplate extends ComponentResource {
  /** Where the specification lies. @example "gs://acme-data-prod-trb-acme-staging/templates/dataflow.json" */
  readonly path: Output<string>;
  /** Address of the workers' account. */
  readonly serviceAccountEmail: Output<string>;
  /** Numeric id of the workers' account, which other clouds trust. */
  readonly serviceAccountUniqueId: Output<string>;

  constructor(name: string, args: DataflowTemplateArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:DataflowTemplate', name, {}, opts);
    const account = createAccount(this, name, args);
    const template = createTemplate(this, name, args);
    this.path = template.name.apply((object) => `gs://${args.bucket}/${object}`);
    this.serviceAccountEmail = account.email;
    this.serviceAccountUniqueId = account.uniqueId;
    this.registerOutputs({
      path: this.path,
      serviceAccountEmail: this.serviceAccountEmail,
      serviceAccountUniqueId: this.serviceAccountUniqueId,
    });
  }
}

function createAccount(parent: DataflowTemplate, name: string, args: DataflowTemplateArgs): ServiceAccount {
  return new ServiceAccount(
    `${name}-worker`,
    {
      project: args.project,
      accountId: args.account,
      displayName: `tributary: Dataflow workers of ${args.tenant}`,
      deletionPolicy: deletionPolicy(false),
    },
    computeOptions({ parent }, false),
  );
}

function createTemplate(parent: DataflowTemplate, name: string, args: DataflowTemplateArgs): BucketObject {
  return new BucketObject(
    `${name}-template`,
    {
      bucket: args.bucket,
      name: DATAFLOW_TEMPLATE,
      contentType: 'application/json',
      content: templateSpecification(args),
    },
    computeOptions({ parent }, false),
  );
}

/** What `flexTemplates.launch` reads; a parameter that is not declared here would be refused. */
export function templateSpecification({ tenant, image, subnetwork }: DataflowTemplateArgs): string {
  const parameter = (name: string, helpText: string) => ({ name, label: name, helpText, isOptional: false });
  return JSON.stringify({
    image,
    sdkInfo: { language: 'PYTHON' },
    metadata: {
      name: `tributary ${tenant}`,
      description: 'Reads the splits of one source side by side and stages them.',
      parameters: [
        parameter('run', 'Id of the run.'),
        parameter('source', 'Name of the source.'),
        parameter('splits', 'Address of the list of splits in the staging bucket.'),
      ],
    },
    defaultEnvironment: {
      ipConfiguration: 'WORKER_IP_PRIVATE',
      ...(subnetwork === undefined ? {} : { subnetwork }),
    },
  });
}
