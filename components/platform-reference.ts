/** What a tenant must know of the platform; stacks/contract.ts gives it a version. */
export interface PlatformReference {
  /** Environment of the platform and of all its tenants, a label. @example "dev" */
  env: string;
  /** Project of the platform; schedules live here, beside the webhook they call. @example "tributary-dev" */
  project: string;
  /** Region of the webhook and of schedules. @example "europe-west1" */
  region: string;
  /** Address of the webhook, without a path. @example "https://tributary-webhook-abc-ew.a.run.app" */
  webhookUrl: string;
  /** Audience of every token for the webhook: a literal, never its address. @example "https://tributary.tributary-dev.internal" */
  webhookAudience: string;
  /** Name of the webhook's Cloud Run service. @example "tributary-webhook" */
  webhookService: string;
  /** Address of the webhook's service account. @example "tributary-webhook@tributary-dev.iam.gserviceaccount.com" */
  webhookAccount: string;
  /** Id of the Docker repository in `project` and `region`. @example "tributary" */
  registry: string;
  /** Image of every tenant's job, pinned by digest. @example "europe-west1-docker.pkg.dev/tributary-dev/tributary/runner@sha256:…" */
  runnerImage: string;
  /** Image of the Dataflow template, pinned by digest; absent: no run goes to Dataflow. */
  dataflowImage?: string;
  /** Bucket of templates and stack state. @example "tributary-dev-tributary-state" */
  stateBucket: string;
  /** Firestore database of runs and leases. @example "tributary" */
  runStoreDatabase: string;
  /** Key in `region` that encrypts data at rest; absent: Google's own keys. @example "projects/p/locations/europe-west1/keyRings/tributary/cryptoKeys/data" */
  kmsKey?: string;
  /** Key for datasets, where their location is a multi-region; absent: as above. @example "projects/p/locations/europe/keyRings/tributary/cryptoKeys/data" */
  datasetKey?: string;
  /** VPC network through which runs reach sources; absent: the internet. @example "projects/p/global/networks/data" */
  network?: string;
  /** Subnetwork of `network` in `region`. @example "projects/p/regions/europe-west1/subnetworks/data" */
  subnetwork?: string;
  /** Resource names of the platform's own alert channels. @example ["projects/p/notificationChannels/1"] */
  notificationChannels: string[];
  /** Where traces of runs go, over HTTP; absent: there are none. @example "https://otel.example.com" */
  otlpEndpoint?: string;
  /** Billing account of the budgets; absent: tenants get none. @example "012345-6789AB-CDEF01" */
  billingAccount?: string;
  /** Amazon account in which tenant stacks create roles; absent: its owner gets the commands instead. */
  aws?: AwsReference;
  /** Azure directory in which tenant stacks create identities; absent: its owner gets the commands instead. */
  azure?: AzureReference;
}

/** The Amazon account in which tenant stacks may create roles. */
export interface AwsReference {
  /** Twelve digits. @example "123456789012" */
  account: string;
  /** ARN of the boundary of every role created; absent: none. @example "arn:aws:iam::123456789012:policy/boundary" */
  permissionsBoundary?: string;
}

/** Where in Azure tenant stacks may create identities. */
export interface AzureReference {
  /** Id of the Microsoft Entra directory. @example "11111111-2222-4333-8444-555555555555" */
  directory: string;
  /** Id of the subscription that holds the storage accounts. @example "22222222-2222-4333-8444-555555555555" */
  subscription: string;
  /** Resource group of the storage accounts and of the identities. @example "tributary" */
  resourceGroup: string;
  /** Location of the identities. @example "westeurope" */
  location: string;
}
