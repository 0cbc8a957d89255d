/** What a platform stack promises to its tenant stacks. Light: no SDK is loaded by reading it. */
import type { PlatformReference } from '../components/platform-reference.ts';

/** Raised when a field changes its meaning or goes; a new optional field raises nothing. */
export const SCHEMA_VERSION = 1;

/** The outputs of the platform stack. */
export interface PlatformOutputs extends PlatformReference {
  readonly schemaVersion: typeof SCHEMA_VERSION;
}

const REQUIRED = [
  'env',
  'project',
  'region',
  'webhookUrl',
  'webhookAudience',
  'webhookService',
  'webhookAccount',
  'registry',
  'runnerImage',
  'stateBucket',
  'runStoreDatabase',
] as const satisfies readonly (keyof PlatformOutputs)[];

/** Every output, for one who must ask for each by name. */
export const OUTPUT_NAMES = [
  'schemaVersion',
  ...REQUIRED,
  'notificationChannels',
  'dataflowImage',
  'kmsKey',
  'datasetKey',
  'network',
  'subnetwork',
  'otlpEndpoint',
  'billingAccount',
  'aws',
  'azure',
] as const satisfies readonly (keyof PlatformOutputs)[];

/** A field of the contract that the list above forgot does not compile. */
type Forgotten = Exclude<keyof PlatformOutputs, (typeof OUTPUT_NAMES)[number]>;
true satisfies [Forgotten] extends [never] ? true : never;

/**
 * Checks the outputs of a platform stack.
 *
 * @param outputs as the stack gave them.
 * @param stack how the error calls it.
 * @throws ContractError where they are of another version, or a part is missing.
 */
export function readPlatformOutputs(outputs: Readonly<Record<string, unknown>>, stack: string): PlatformOutputs {
  const { schemaVersion } = outputs;
  if (schemaVersion === undefined) {
    throw new ContractError(`${stack} has no outputs yet`, `run: pulumi up -s ${stack}`);
  }
  if (schemaVersion !== SCHEMA_VERSION) {
    throw new ContractError(
      `${stack} speaks version ${String(schemaVersion)} of the contract, this program version ${SCHEMA_VERSION}`,
      Number(schemaVersion) < SCHEMA_VERSION
        ? `run pulumi up -s ${stack} with this release first, then the tenants`
        : `use the release that ${stack} was brought up with`,
    );
  }
  const missing = REQUIRED.filter((name) => typeof outputs[name] !== 'string' || outputs[name] === '');
  if (missing.length > 0) {
    throw new ContractError(`${stack} gives no ${missing.join(', ')}`, `run: pulumi up -s ${stack}`);
  }
  if (!Array.isArray(outputs.notificationChannels)) {
    throw new ContractError(`${stack} gives no notificationChannels`, `run: pulumi up -s ${stack}`);
  }
  return outputs as unknown as PlatformOutputs;
}

/** The platform stack and this program do not fit together. */
export class ContractError extends Error {
  readonly fix: string;

  constructor(problem: string, fix: string) {
    super(`${problem}. ${fix}`);
    this.name = 'ContractError';
    this.fix = fix;
  }
}
