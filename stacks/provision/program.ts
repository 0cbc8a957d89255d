/** The program of a stack, as the Automation API runs it. */
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js';
import type { StackRequest } from './contract.ts';

/** The components, and with them the providers' SDKs, are loaded by the program, and only those that it needs. */
export function programOf({ target, platform, environment }: StackRequest): PulumiFn {
  const { spec } = target;
  if (spec === undefined) {
    return async () => {
      const { platformSettings } = await import('../platform-settings.ts');
      const { platformProgram } = await import('../platform.ts');
      return platformProgram(platformSettings(environment));
    };
  }
  if (platform === undefined) throw new Error(`${target.stack} was started without its platform`);
  return async () => {
    const { tenantProgram } = await import('../tenant.ts');
    return tenantProgram(spec, platform);
  };
}
