import { Account as ServiceAccount } from '@pulumi/gcp/serviceaccount/account.js';
import { BucketObject } from '@pulumi/gcp/storage/bucketObject.js';
import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi';
import { dataflowTemplate } from '../tenants/naming.ts';
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
  /** Subnetwork of the workers, which have no public address; absent: the default network's. @example "projects/p/regions/europe-west1/subnetworks/data" */
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
  /** Where the specification lies. @example "gs://acme-data-prod-trb-acme-staging/_templates/dataflow-0f343b0931126a20.json" */
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

/** The object of an earlier update stays: a run that began before this one launches from it. The bucket goes with all of them. */
function createTemplate(parent: DataflowTemplate, name: string, args: DataflowTemplateArgs): BucketObject {
  const content = templateSpecification(args);
  return new BucketObject(
    `${name}-template`,
    { bucket: args.bucket, name: dataflowTemplate(content), contentType: 'application/json', content },
    { ...computeOptions({ parent }, false), retainOnDelete: true },
  );
}

/** What is said of a template. */
type Specified = Pick<DataflowTemplateArgs, 'tenant' | 'image' | 'subnetwork'>;

/** What a launch gives; runner/dataflow/metadata.json declares the same, and a test compares. */
const PARAMETERS = [
  {
    name: 'run',
    label: 'Run',
    helpText: 'Id of the run.',
    isOptional: false,
    regexes: ['^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$'],
  },
  {
    name: 'source',
    label: 'Source',
    helpText: 'Name of the source.',
    isOptional: false,
    regexes: ['^[a-z][a-z0-9_-]{0,62}$'],
  },
  {
    name: 'work',
    label: 'Work',
    helpText: 'Address of the work in the staging bucket.',
    isOptional: false,
    regexes: ['^gs://[a-z0-9][a-z0-9._-]{1,220}/.+/splits/work\\.json$'],
  },
  {
    name: 'workers',
    label: 'Workers',
    helpText: 'At most so many machines read at the same time; without it, as many as the work says.',
    isOptional: true,
    regexes: ['^[1-9][0-9]{0,2}$'],
  },
];

/**
 * What `flexTemplates.launch` reads; a parameter that is not declared here would be refused. One image is launcher and
 * worker, so both have the same code.
 */
export function templateSpecification({ tenant, image, subnetwork }: Specified): string {
  return JSON.stringify({
    image,
    sdkInfo: { language: 'PYTHON' },
    metadata: {
      name: `tributary ${tenant}`,
      description: 'Reads the splits of one source side by side and stages them.',
      parameters: PARAMETERS,
    },
    defaultEnvironment: {
      ipConfiguration: 'WORKER_IP_PRIVATE',
      sdkContainerImage: image,
      ...(subnetwork === undefined ? {} : { subnetwork: workerSubnetwork(subnetwork) }),
    },
  });
}

/** As Dataflow takes the subnetwork of another project too: by its whole address. */
export function workerSubnetwork(subnetwork: string): string {
  return subnetwork.startsWith('projects/') ? `https://www.googleapis.com/compute/v1/${subnetwork}` : subnetwork;
}
