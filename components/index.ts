/** The components, for TypeScript; plugin/ opens them to other languages. */
export { AzureIdentity, type AzureIdentityArgs } from './azure-identity.ts';
export { DataflowTemplate, type DataflowTemplateArgs } from './dataflow-template.ts';
export { Datastream } from './datastream.ts';
export type { DatastreamArgs, MysqlCaptureArgs, PostgresCaptureArgs } from './datastream-args.ts';
export type { ChatTargetArgs, NotificationsArgs, WebhookTargetArgs } from './notifications.ts';
export { Platform } from './platform.ts';
export type { EncryptionArgs, IapArgs, PlatformArgs } from './platform-args.ts';
export type { AwsReference, AzureReference, PlatformReference } from './platform-reference.ts';
export { PubsubSource } from './pubsub-source.ts';
export type { MessageColumnArgs, PubsubSourceArgs, TransformArgs } from './pubsub-source-args.ts';
export { S3Role, type S3RoleArgs } from './s3-role.ts';
export type { ScheduleArgs, SourceArgs } from './schedule.ts';
export type { SecretVersionArgs } from './secret-version.ts';
export { AzureBlobSource, type AzureBlobSourceArgs } from './sources/azure-blob-source.ts';
export { BigquerySource, type BigquerySourceArgs } from './sources/bigquery-source.ts';
export { FirestoreSource, type FirestoreSourceArgs } from './sources/firestore-source.ts';
export { GcsSource, type GcsSourceArgs } from './sources/gcs-source.ts';
export { MysqlSource, type MysqlSourceArgs } from './sources/mysql-source.ts';
export { PostgresSource, type PostgresSourceArgs } from './sources/postgres-source.ts';
export { S3Source, type S3SourceArgs } from './sources/s3-source.ts';
export { Tenant } from './tenant.ts';
export type {
  AzureBlobConnectionArgs,
  BigqueryConnectionArgs,
  BudgetArgs,
  ConnectionArgs,
  FirestoreConnectionArgs,
  GcsConnectionArgs,
  ProtectionArgs,
  S3ConnectionArgs,
  S3ReadArgs,
  ServerConnectionArgs,
  TenantArgs,
} from './tenant-args.ts';
