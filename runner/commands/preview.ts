import { chosenTenants, provisionStacks, type StackOptions } from './stacks.ts';

/** What an `up` would do, with its digest; changes nothing, not even for a stack that is not there yet. */
export async function preview(options: StackOptions, ...names: string[]): Promise<number> {
  return provisionStacks(options, {
    operation: 'preview',
    tenants: chosenTenants(options, names),
    approval: { by: 'nobody' },
  });
}
