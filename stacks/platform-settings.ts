import { Config } from '@pulumi/pulumi';
import type { NotificationsArgs } from '../components/notifications.ts';
import type { EncryptionArgs, IapArgs } from '../components/platform-args.ts';
import type { AwsReference, AzureReference } from '../components/platform-reference.ts';
import type { BudgetArgs } from '../components/tenant-args.ts';
import type { PlatformSettings } from './platform.ts';
import { present } from './present.ts';

/** The settings of a platform as its `Pulumi.platform.<env>.yaml` has them; each is described at {@link PlatformSettings}. */
export function platformSettings(env: string): PlatformSettings {
  const google = new Config('gcp');
  const config = new Config('tributary');
  const optional = {
    costCenter: config.get('costCenter'),
    dataflowImage: config.get('dataflowImage'),
    runStoreLocation: config.get('runStoreLocation'),
    tenantProjects: config.getObject<string[]>('tenantProjects'),
    imageReaders: config.getObject<string[]>('imageReaders'),
    alertEmails: config.getObject<string[]>('alertEmails'),
    admins: config.getObject<string[]>('admins'),
    peopleAudience: config.get('peopleAudience'),
    iap: config.getObject<IapArgs>('iap'),
    publicUrl: config.get('publicUrl'),
    notifications: config.getObject<NotificationsArgs>('notifications'),
    otlpEndpoint: config.get('otlpEndpoint'),
    encryption: config.getObject<EncryptionArgs>('encryption'),
    network: config.get('network'),
    subnetwork: config.get('subnetwork'),
    billingAccount: config.get('billingAccount'),
    budget: config.getObject<BudgetArgs>('budget'),
    aws: config.getObject<AwsReference>('aws'),
    azure: config.getObject<AzureReference>('azure'),
    protect: config.getBoolean('protect'),
  };
  return {
    env,
    project: google.require('project'),
    region: google.require('region'),
    webhookImage: config.require('webhookImage'),
    runnerImage: config.require('runnerImage'),
    ...present(optional),
  };
}
