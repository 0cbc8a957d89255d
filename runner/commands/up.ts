import type { Approval } from '../../stacks/provision/provisioner.ts';
import { confirmed } from './confirm.ts';
import { chosenTenants, provisionStacks, type StackOptions } from './stacks.ts';

interface UpOptions extends StackOptions {
  /** A digest that `preview` printed. */
  readonly approve?: string;
}

/** Applies what was previewed: by its digest, by a yes on the terminal, or by `--yes` whatever it is. */
export async function up(options: UpOptions, ...names: string[]): Promise<number> {
  return provisionStacks(options, {
    operation: 'up',
    tenants: chosenTenants(options, names),
    approval: approvalOf(options),
  });
}

function approvalOf({ approve, yes }: UpOptions): Approval {
  if (approve !== undefined) return { by: 'digest', digest: approve };
  if (yes === true) return { by: 'nobody' };
  return { by: 'asking', ask: (_, digest) => confirmed(`Do this (${digest.slice(0, 12)})? yes/no: `, 'yes') };
}
