import { chosenTenants, provisionStacks, type StackOptions } from './stacks.ts';

interface RefreshOptions extends StackOptions {
  /** Writes what is there into the state. */
  readonly adopt?: boolean;
}

/** What somebody changed past Pulumi, the loudest first. Exit code 3 where there is something. */
export async function refresh(options: RefreshOptions, ...names: string[]): Promise<number> {
  return provisionStacks(options, {
    operation: 'refresh',
    tenants: chosenTenants(options, names),
    approval: { by: 'nobody' },
    adopt: options.adopt === true,
  });
}
