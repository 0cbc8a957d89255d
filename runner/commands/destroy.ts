import { TributaryError } from '../core/errors.ts';
import { confirmed } from './confirm.ts';
import { chosenTenants, provisionStacks, type StackOptions } from './stacks.ts';

/** Takes stacks out of service; data stays. */
export async function destroy(options: StackOptions, ...names: string[]): Promise<number> {
  const tenants = chosenTenants(options, names);
  const word = tenants.length === 1 ? (tenants[0]?.tenant ?? 'platform') : 'all of them';
  if (options.yes !== true && !(await confirmed(`Take ${word} out of service? Its data stays. Type ${word}: `, word)))
    throw new TributaryError('USAGE', {
      reason: `Nobody confirmed it for ${word}.`,
      advice: 'Type the name, or say --yes',
    });
  return provisionStacks(options, { operation: 'destroy', tenants, approval: { by: 'nobody' } });
}
