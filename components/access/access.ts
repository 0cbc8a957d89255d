import type { Grant } from '../grant.ts';
import type { Account, TenantPlan } from '../tenant-plan.ts';

/** What reading through a connection takes, besides its secrets. */
export interface Access {
  /** What the tenant's own stack may grant. */
  readonly grants: readonly Grant[];
  /** What somebody else must run, because the thing is theirs: exact commands or SQL. */
  readonly commands: readonly string[];
}

/** Who reads through the connection. */
export interface Reader {
  readonly identity: 'runner' | 'dataflow';
  readonly account: Account;
}

export interface Reading<C> {
  /** Name of the connection. */
  readonly name: string;
  readonly connection: C;
  readonly plan: TenantPlan;
  readonly readers: readonly Reader[];
}

/** The numeric id of an account, found by the shell that runs the command. */
export function uniqueId({ email, project }: Account): string {
  return `$(gcloud iam service-accounts describe ${email} --project=${project} --format='value(uniqueId)')`;
}
