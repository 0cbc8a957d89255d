/** One grant of IAM: somebody may do something with one thing. */

/** Whose grant it is, for names and for the reader. */
export type Identity = 'runner' | 'scheduler' | 'dataflow' | 'webhook' | 'sweep' | 'agent' | 'stream';

/** The thing a role is granted on; the narrowest that the cloud offers. */
export type Scope =
  | { readonly on: 'project'; readonly project: string }
  | { readonly on: 'dataset'; readonly project: string; readonly name: string }
  | { readonly on: 'secret'; readonly project: string; readonly name: string }
  | { readonly on: 'bucket'; readonly name: string }
  | { readonly on: 'topic'; readonly project: string; readonly name: string }
  | { readonly on: 'subscription'; readonly project: string; readonly name: string }
  | { readonly on: 'table'; readonly project: string; readonly dataset: string; readonly name: string }
  | { readonly on: 'account'; readonly project: string; readonly name: string }
  | { readonly on: 'service'; readonly project: string; readonly location: string; readonly name: string }
  | { readonly on: 'job'; readonly project: string; readonly location: string; readonly name: string }
  | { readonly on: 'repository'; readonly project: string; readonly location: string; readonly name: string }
  | { readonly on: 'key'; readonly name: string };

/** Narrows a role to a part of its scope. */
export interface Condition {
  readonly title: string;
  /** In the Common Expression Language. @example `resource.name == "projects/p/databases/tributary"` */
  readonly expression: string;
}

export interface Grant {
  readonly identity: Identity;
  /** A literal such as `serviceAccount:trb-acme-runner@p.iam.gserviceaccount.com`. */
  readonly member: string;
  /** @example 'roles/bigquery.dataEditor' */
  readonly role: string;
  readonly scope: Scope;
  readonly condition?: Condition;
}

/** A grant in one line, the same for the same grant: `runner roles/bigquery.dataEditor dataset:p/acme_raw`. */
export function grantText({ identity, role, scope, condition }: Grant): string {
  return `${identity} ${role} ${scopeText(scope)}${condition === undefined ? '' : ` if ${condition.title}`}`;
}

/** @example 'dataset:p/acme_raw' */
export function scopeText(scope: Scope): string {
  const { on, ...rest } = scope;
  return `${on}:${Object.values(rest).join('/')}`;
}

/** Each grant once, in the order of its first appearance. */
export function distinct(grants: readonly Grant[]): Grant[] {
  return [...new Map(grants.map((grant) => [`${grant.member} ${grantText(grant)}`, grant])).values()];
}
