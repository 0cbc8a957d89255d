/** What `pulumi up -s <stack>` at the root runs: the stack's name says whether it is the platform or a tenant. */
import { join } from 'node:path';
import { Config, getOrganization, getProject, getStack, RunError, StackReference } from '@pulumi/pulumi';
import { formatIssue, readTenant } from '../tenants/load.ts';
import { platformStack } from '../tenants/naming.ts';
import type { TenantSpec } from '../tenants/schema/index.ts';
import { OUTPUT_NAMES, type PlatformOutputs, readPlatformOutputs } from './contract.ts';
import { platformProgram } from './platform.ts';
import { platformSettings } from './platform-settings.ts';
import { parseStackName } from './stack-name.ts';
import { tenantProgram } from './tenant.ts';

/** The program; its result is the outputs of the stack. */
export async function program(): Promise<object> {
  const config = new Config('tributary');
  const { subject, env } = parseStackName(getStack());
  if (subject === 'platform') return platformProgram(platformSettings(env));
  const tenant = tenantOf(config.get('tenant') ?? subject, config.get('tenants') ?? 'tenants');
  const stack = config.get('platform') ?? `${getOrganization()}/${getProject()}/${platformStack(env)}`;
  return tenantProgram(tenant, await readPlatform(stack));
}

function tenantOf(name: string, folder: string): TenantSpec {
  const { tenant, errors } = readTenant(join(import.meta.dirname, '..', folder, `${name}.yaml`));
  if (tenant === null) throw new RunError(errors.map((issue) => formatIssue(issue)).join('\n'));
  return tenant;
}

/** As plain values, not as outputs: what policies look at must be known while the program runs. */
async function readPlatform(stack: string): Promise<PlatformOutputs> {
  const reference = new StackReference(stack);
  const details = OUTPUT_NAMES.map(async (name) => [name, (await reference.getOutputDetails(name)).value] as const);
  const outputs = (await Promise.all(details)).filter(([, value]) => value !== undefined);
  return readPlatformOutputs(Object.fromEntries(outputs), stack);
}
