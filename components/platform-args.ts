import type { NotificationsArgs } from './notifications.ts';
import type { AwsReference, AzureReference } from './platform-reference.ts';
import type { BudgetArgs } from './tenant-args.ts';

/** Arguments of {@link Platform}. */
export interface PlatformArgs {
  /** Environment: a label here and on every tenant. @example "dev" */
  env: string;
  /** Project of the webhook, the registry, the schedules and the run store. @example "tributary-dev" */
  project: string;
  /** Region of the webhook and the registry. @example "europe-west1" */
  region: string;
  /** Label that the platform's own costs are booked on; default: "unassigned". @example "data-platform" */
  costCenter?: string;
  /** Image of the webhook, pinned by digest. @example "europe-west1-docker.pkg.dev/p/tributary/webhook@sha256:…" */
  webhookImage: string;
  /** Image of every tenant's job, pinned by digest. @example "europe-west1-docker.pkg.dev/p/tributary/runner@sha256:…" */
  runnerImage: string;
  /** Image of the Dataflow template, pinned by digest; absent: no run goes to Dataflow. */
  dataflowImage?: string;
  /** Location of the run store; default: `region`. @example "eur3" */
  runStoreLocation?: string;
  /** Further projects of tenants, in which the APIs are enabled as well. @example ["acme-data-prod"] */
  tenantProjects?: string[];
  /** Cloud Run agents of those projects, which pull images. @example ["serviceAccount:service-1234567890@serverless-robot-prod.iam.gserviceaccount.com"] */
  imageReaders?: string[];
  /** Addresses that are told of failed and late runs of all tenants. @example ["oncall@example.com"] */
  alertEmails?: string[];
  /** Admins of every tenant: addresses, or principals as a tenant's members are written. @example ["ada@example.com", "domain:example.com"] */
  admins?: string[];
  /** OAuth client id that people sign in with; absent: nobody does so. @example "1234567890-abc.apps.googleusercontent.com" */
  peopleAudience?: string;
  /** Identity-Aware Proxy in front of the webhook; absent: people reach it from inside only. */
  iap?: IapArgs;
  /** Address of the service for people, in links; default: where it listens. @example "https://tributary.example.com" */
  publicUrl?: string;
  /** Who is told of runs, beside the topic of each tenant. */
  notifications?: NotificationsArgs;
  /** Where traces go, over HTTP; absent: there are none. @example "https://otel.example.com" */
  otlpEndpoint?: string;
  /** Keys of our own for data at rest; absent: Google's. Turning it on later makes new tenants only. */
  encryption?: EncryptionArgs;
  /** VPC network through which runs reach sources; absent: the internet. @example "projects/p/global/networks/data" */
  network?: string;
  /** Subnetwork of `network` in `region`. @example "projects/p/regions/europe-west1/subnetworks/data" */
  subnetwork?: string;
  /** Billing account of budgets; absent: there are none. @example "012345-6789AB-CDEF01" */
  billingAccount?: string;
  /** Warns the alert addresses of the platform's own spending; needs `billingAccount`. */
  budget?: BudgetArgs;
  /** Amazon account in which tenant stacks may create roles. */
  aws?: AwsReference;
  /** Where in Azure tenant stacks may create identities. */
  azure?: AzureReference;
  /** Keeps state, run store, registry and keys when the stack is destroyed; default: true. */
  protect?: boolean;
}

/** Keys of our own. */
export interface EncryptionArgs {
  /** Google's service agents that may use them: of BigQuery, Cloud Storage, Secret Manager, Pub/Sub, Cloud Run. @example ["serviceAccount:bq-1234567890@bigquery-encryption.iam.gserviceaccount.com"] */
  agents: string[];
  /** BigQuery location of the datasets, where it is a multi-region: it needs a key of its own. @example "EU" */
  datasetLocation?: string;
}

/** Identity-Aware Proxy on the load balancer through which people come. */
export interface IapArgs {
  /** Audience of its assertions: the backend service, by numbers. @example "/projects/1234567890/global/backendServices/9876543210" */
  audience: string;
  /** Its service agent, which calls the service. @example "serviceAccount:service-1234567890@gcp-sa-iap.iam.gserviceaccount.com" */
  agent: string;
}
