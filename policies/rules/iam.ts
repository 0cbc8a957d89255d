/** Who may do what. */
import { flag, list, matchesAny, type Resource, resourceRule } from '../rule.ts';

interface Condition {
  readonly expression?: string;
}

/** Inputs of every `…IamMember`, `…IamBinding` and `…IamPolicy`. */
export interface Grant {
  readonly role?: string;
  readonly member?: string;
  readonly members?: readonly string[];
  readonly policyData?: string;
  readonly condition?: Condition;
}

interface Access {
  readonly role?: string;
  readonly specialGroup?: string;
  readonly domain?: string;
  readonly iamMember?: string;
  readonly userByEmail?: string;
  readonly groupByEmail?: string;
}

interface Granting extends Grant, Access {
  readonly accesses?: readonly Access[];
  readonly grantees?: readonly string[];
}

const GRANT = /:I[aA][mM](?:Member|Binding|Policy)$|I[aA][mM](?:Member|Binding|Policy)$/;
const PROJECT_GRANT = /^gcp:projects\/iAM(?:Member|Binding):/;
const AUTHORITATIVE = /I[aA][mM](?:Binding|Policy)$/;
const GRANTING =
  /I[aA][mM](?:Member|Binding|Policy)$|^gcp:bigquery\/(?:datasetAccess:DatasetAccess|dataset:Dataset|rowAccessPolicy:RowAccessPolicy)$/;
const PUBLIC = /\b(?:allUsers|allAuthenticatedUsers)\b/;
const PRIMITIVE = new Set(['roles/owner', 'roles/editor', 'roles/viewer', 'OWNER', 'WRITER']);
const EXPIRES = /request\.time\s*<\s*timestamp\(/;

function* principals(props: Granting): Iterable<string> {
  for (const { member, members, policyData, grantees } of [props]) {
    if (member !== undefined) yield member;
    if (members !== undefined) yield* members;
    if (policyData !== undefined) yield policyData;
    if (grantees !== undefined) yield* grantees;
  }
  for (const access of accessesOf(props)) {
    const { specialGroup, iamMember, domain } = access;
    if (specialGroup !== undefined) yield specialGroup;
    if (iamMember !== undefined) yield iamMember;
    if (domain !== undefined) yield `domain:${domain}`;
  }
}

function accessesOf(props: Granting): readonly Access[] {
  return [props, ...(props.accesses ?? [])];
}

export const iamRules = [
  resourceRule({
    id: 'iam-no-public',
    level: 'mandatory',
    description: 'Nothing is granted to everybody.',
    why: 'A grant to allUsers or allAuthenticatedUsers opens the data of a tenant to the internet.',
    fix: 'Grant to a group or a service account; a domain needs an entry in `domains`.',
    types: GRANTING,
    settings: { domains: list([], 'Domains that may be granted something: `example.com`.') },
    *check({ props }: Resource<Granting>, { settings }) {
      for (const principal of principals(props)) {
        if (PUBLIC.test(principal)) yield 'is granted to everybody (allUsers or allAuthenticatedUsers).';
        const domain = /^domain:(.*)$/.exec(principal)?.[1];
        if (domain !== undefined && !settings.domains.includes(domain)) yield `is granted to the domain ${domain}.`;
      }
    },
  }),
  resourceRule({
    id: 'iam-no-primitive',
    level: 'mandatory',
    description: 'No role is owner, editor or viewer of everything.',
    why: 'The basic roles hold thousands of permissions; BigQuery’s OWNER and WRITER are their children.',
    fix: 'Name the narrow role that the work needs, for example roles/bigquery.dataEditor on one dataset.',
    types: GRANTING,
    settings: {
      legacyOwners: list([], 'Accounts and groups that may be OWNER or WRITER in the `accesses` of a dataset.'),
    },
    *check({ props }: Resource<Granting>, { settings }) {
      for (const { role, userByEmail, groupByEmail, iamMember } of accessesOf(props)) {
        if (role === undefined || !PRIMITIVE.has(role)) continue;
        const listed = settings.legacyOwners.includes(userByEmail ?? groupByEmail ?? iamMember ?? '');
        if (!(listed && /^[A-Z]+$/.test(role))) yield `grants ${role}.`;
      }
    },
  }),
  resourceRule({
    id: 'iam-no-project-data-roles',
    level: 'mandatory',
    description: 'Roles over data and identities are never granted on a whole project.',
    why: 'On the project they reach the datasets, secrets and accounts of every other tenant in it.',
    fix: 'Grant the role on the dataset, secret, bucket, job or account itself.',
    types: PROJECT_GRANT,
    settings: {
      roles: list(
        [
          'roles/bigquery.dataEditor',
          'roles/bigquery.dataOwner',
          'roles/bigquery.admin',
          'roles/secretmanager.*',
          'roles/storage.admin',
          'roles/storage.object*',
          'roles/run.admin',
          'roles/iam.serviceAccountTokenCreator',
          'roles/iam.serviceAccountUser',
        ],
        'Roles that a project must not grant; `*` stands for anything.',
      ),
    },
    *check({ props }: Resource<Grant>, { settings }) {
      const { role = '' } = props;
      if (matchesAny(role, settings.roles)) yield `grants ${role} on the whole project.`;
    },
  }),
  resourceRule({
    id: 'iam-no-authoritative',
    level: 'mandatory',
    description: 'A tenant’s stack never owns a whole policy or all members of a role.',
    why: 'A binding or a policy removes what others granted: two tenants would take turns in locking each other out.',
    fix: 'Use the …IamMember resource of the same thing.',
    types: AUTHORITATIVE,
    *check({ type }, { stack }) {
      if (stack.layer === 'tenant') yield `${type.split(':').at(-1)} is authoritative.`;
    },
  }),
  resourceRule({
    id: 'iam-known-members',
    level: 'mandatory',
    description: 'Members are service accounts and groups; a person only until a date.',
    why: 'A person’s own grant outlives the job of the person.',
    fix: 'Grant to `group:` or `serviceAccount:`; for a person add a condition request.time < timestamp("…").',
    types: GRANT,
    settings: {
      others: list([], 'Further members, `*` for anything: `principalSet://iam.googleapis.com/…`.'),
      people: flag(true, 'Whether a person may be a member for a limited time.'),
    },
    *check({ props }: Resource<Grant>, { settings }) {
      for (const member of [...(props.member === undefined ? [] : [props.member]), ...(props.members ?? [])]) {
        if (/^(?:serviceAccount|group):[^@\s]+@[^@\s]+$/.test(member) || PUBLIC.test(member)) continue;
        if (matchesAny(member, settings.others)) continue;
        const person = member.startsWith('user:');
        if (person && settings.people && EXPIRES.test(props.condition?.expression ?? '')) continue;
        yield person ? 'is granted to a person without an end.' : `has a member of an unknown kind: ${member}.`;
      }
    },
  }),
];
