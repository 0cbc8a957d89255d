/** The program of a platform stack: once for each environment. */
import type { Output } from '@pulumi/pulumi';
import { Platform } from '../components/platform.ts';
import type { PlatformArgs } from '../components/platform-args.ts';
import { type PlatformOutputs, SCHEMA_VERSION } from './contract.ts';
import { present } from './present.ts';

/** What a platform stack is told. */
export type PlatformSettings = PlatformArgs;

/** The promises of the contract, some of them known only once the cloud has answered. */
export type PlatformPromises = { [K in keyof PlatformOutputs]: PlatformOutputs[K] | Output<PlatformOutputs[K]> };

/**
 * Declares the platform.
 *
 * @returns the outputs of the stack, which are {@link PlatformOutputs} once it is up.
 */
export async function platformProgram(settings: PlatformSettings): Promise<PlatformPromises> {
  const platform = new Platform('platform', settings);
  const { env, project, region, runnerImage, encryption } = settings;
  const { dataflowImage, network, subnetwork, otlpEndpoint, billingAccount, aws, azure } = settings;
  const passed = { dataflowImage, network, subnetwork, otlpEndpoint, billingAccount, aws, azure };
  return {
    schemaVersion: SCHEMA_VERSION,
    env,
    project,
    region,
    webhookUrl: platform.webhookUrl,
    webhookAudience: platform.webhookAudience,
    webhookService: platform.webhookService,
    webhookAccount: platform.webhookAccount,
    registry: platform.registry,
    runnerImage,
    stateBucket: platform.stateBucket,
    runStoreDatabase: platform.runStoreDatabase,
    notificationChannels: platform.notificationChannels,
    ...(encryption === undefined ? {} : { kmsKey: platform.kmsKey }),
    ...(encryption?.datasetLocation === undefined ? {} : { datasetKey: platform.datasetKey }),
    ...present(passed),
  };
}
