/** What a person or a program says of a tenant; plain values, because each decides which resources exist. */
import type { PlatformReference } from './platform-reference.ts';

/** Arguments of {@link Tenant}. */
export interface TenantArgs {
  /** Id of the tenant: 2 to 19 small letters, digits and -; part of every physical name. @example "acme" */
  tenant: string;
  /** What people call it; default: its id. @example "Acme Shop" */
  displayName?: string;
  /** Project of its data and runs; default: the platform's. @example "acme-data-prod" */
  project?: string;
  /** BigQuery location of its datasets, forever. @example "EU" */
  location: string;
  /** Region of its job, bucket and secrets; inside `location`. @example "europe-west1" */
  region: string;
  /** Label that costs are booked on; default: "unassigned". @example "retail-42" */
  costCenter?: string;
  /** Addresses that are told of failed and late runs. @example ["data@acme.example"] */
  owners?: string[];
  /** Warns the owners of spending; needs the platform's billing account. */
  budget?: BudgetArgs;
  /** What a destroy may not take along; default: data is kept, compute is not. */
  protection?: ProtectionArgs;
  /** Datasets that sources name, besides raw, staging and evidence. @example ["acme_finance"] */
  datasets?: string[];
  /** Secrets besides those of connections. @example ["mask-key"] */
  secrets?: string[];
  /** Where data comes from, by name; only those that a source uses. */
  connections?: Record<string, ConnectionArgs>;
  /** Connections whose sources may exceed their threshold and go to Dataflow. @example ["shop"] */
  dataflow?: string[];
  /** Whether tasks of its job may share the read of a source; then a run may start the job again. Default: false. */
  tasks?: boolean;
  /** Longest time of one attempt of a run, in seconds; default: 14400. @example 3600 */
  timeoutSeconds?: number;
  /** Its file as the webhook reads it, JSON or YAML; absent: whoever made the tenant puts it there. */
  document?: string;
  /** The platform that runs it: outputs of its stack. */
  platform: PlatformReference;
}

/** Money a month before the owners are warned; it warns, it does not stop. */
export interface BudgetArgs {
  /** Whole units of the currency. @example 500 */
  monthly: number;
  /** ISO 4217, that of the billing account. @example "EUR" */
  currency: string;
}

/** Deletion guards. */
export interface ProtectionArgs {
  /** Datasets of rows and evidence, secrets and the runner's account stay; default: true. */
  data?: boolean;
  /** The job and the schedules stay; default: false. */
  compute?: boolean;
}

/** One place where data comes from: exactly one of the fields. */
export interface ConnectionArgs {
  /** A PostgreSQL database. */
  postgres?: ServerConnectionArgs;
  /** A MySQL or MariaDB database. */
  mysql?: ServerConnectionArgs;
  /** Tables of BigQuery. */
  bigquery?: BigqueryConnectionArgs;
  /** A Firestore database. */
  firestore?: FirestoreConnectionArgs;
  /** A bucket of Cloud Storage. */
  gcs?: GcsConnectionArgs;
  /** A bucket of Amazon S3 or a compatible store. */
  s3?: S3ConnectionArgs;
  /** A container of Azure Blob Storage. */
  azureBlob?: AzureBlobConnectionArgs;
}

/** A database server. */
export interface ServerConnectionArgs {
  /** Database to read. @example "shop" */
  database: string;
  /** The login. @example "reader" */
  user: string;
  /** Name of the secret that holds its password; absent where the server asks for none. @example "shop-password" */
  secret?: string;
  /** Tables that sources read, for the grants their owner is asked for. @example ["public.orders"] */
  tables?: string[];
}

/** Tables of BigQuery, of the tenant's own project or of another. */
export interface BigqueryConnectionArgs {
  /** Project that owns the data. @example "bigquery-public-data" */
  project: string;
  /** Datasets that sources read. @example ["stackoverflow"] */
  datasets?: string[];
}

/** A database of Firestore. */
export interface FirestoreConnectionArgs {
  /** Project that owns the database. @example "acme-app" */
  project: string;
  /** Id of the database. @example "(default)" */
  database: string;
  /** Whether a source has Firestore write its documents into the bucket of the tenant. */
  exported?: boolean;
}

/** A bucket of Cloud Storage. */
export interface GcsConnectionArgs {
  /** Name of the bucket. @example "acme-landing" */
  bucket: string;
  /** Project that owns the bucket; only the tenant's own is granted by its stack. @example "acme-data-prod" */
  project?: string;
}

/** What is read of one bucket of Amazon S3. */
export interface S3ReadArgs {
  /** Name of the bucket. @example "partner-drop" */
  bucket: string;
  /** Beginnings of the keys that sources read; default: the whole bucket. @example ["daily/"] */
  prefixes?: string[];
}

/** A bucket of Amazon S3: a role, or a key whose secret half is a secret. */
export interface S3ConnectionArgs extends S3ReadArgs {
  /** ARN of the role the runner assumes, without a key. @example "arn:aws:iam::123456789012:role/tributary-acme" */
  role?: string;
  /** Name of the secret that holds the secret access key. @example "partner-key" */
  secret?: string;
}

/** A container of Azure: an identity that trusts the runner, or a secret. */
export interface AzureBlobConnectionArgs {
  /** Storage account. @example "acmeerp" */
  account: string;
  /** Container. @example "exports" */
  container: string;
  /** Microsoft Entra directory of the identity that trusts the runner. @example "11111111-2222-4333-8444-555555555555" */
  directory?: string;
  /** Name of the secret that holds a SAS or a connection string. @example "erp-sas" */
  secret?: string;
}
