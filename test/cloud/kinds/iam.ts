/** Service accounts, roles and who may do what. */
import { badRequest, noServiceAccount, notFound } from '../errors.ts';
import { digest } from '../store.ts';
import { stringAt } from '../values.ts';
import type { Kind, Kinds, Reference } from './kind.ts';
import { accountExists, exists } from './references.ts';
import { roleExists, serviceOf } from './roles.ts';
import { matches, oneOf } from './rules.ts';

const EMAIL = String.raw`[^\s@:]+@[^\s@:]+\.[^\s@:]+`;
const MEMBER = new RegExp(
  `^(?:allUsers|allAuthenticatedUsers|(?:user|group|serviceAccount):${EMAIL}|deleted:\\S+|domain:[^\\s@:]+\\.[^\\s@:]+|` +
    'project(?:Owner|Editor|Viewer):[a-z][a-z0-9-]{4,28}[a-z0-9]|principal(?:Set)?://\\S+|iamMember:\\S+)$',
);
const ROLE = /^(?:roles\/[A-Za-z0-9_.]+|(?:projects|organizations)\/[^/]+\/roles\/[A-Za-z0-9_.]{3,64})$/;

/** A grant on a resource: additive, and to somebody who exists. */
export function grant(on: string, { of, target }: { of?: string; target?: string } = {}): Kind {
  return {
    id: `${on}/{role}/{member}`,
    additive: true,
    rules: [
      matches(
        'member',
        MEMBER,
        'be allUsers, allAuthenticatedUsers or as in "serviceAccount:name@project.iam.gserviceaccount.com"',
      ),
      matches('role', ROLE, 'be as in "roles/bigquery.dataEditor" or "projects/my-project/roles/myRole"'),
    ],
    references: [...(target === undefined ? [] : [exists(target, on)]), grantable(of), customRole, memberExists],
    outputs: ({ id, generation }) => ({ etag: digest(`${id} ${generation}`, 12) }),
  };
}

function grantable(service: string | undefined): Reference {
  return (inputs) => {
    const role = stringAt(inputs, 'role') ?? '';
    if (!roleExists(role)) throw badRequest(`Role ${role} does not exist in the resource's hierarchy.`);
    const owner = serviceOf(role);
    if (service !== undefined && owner !== undefined && owner !== service) {
      throw badRequest(`Role ${role} is not supported for this resource.`);
    }
  };
}

const customRole: Reference = (inputs, { store }) => {
  const role = stringAt(inputs, 'role') ?? '';
  if (!/^projects\//.test(role)) return;
  if (store.read('gcp:projects/iAMCustomRole:IAMCustomRole', role) === null) throw notFound(role);
};

const memberExists: Reference = (inputs, world) => {
  const [, email] = /^serviceAccount:(.*)$/.exec(stringAt(inputs, 'member') ?? '') ?? [];
  if (email !== undefined && !accountExists(email, world)) throw noServiceAccount(email);
};

const account: Kind = {
  id: 'projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com',
  defaults: { disabled: false },
  rules: [
    matches(
      'accountId',
      /^[a-z][-a-z0-9]{4,28}[a-z0-9]$/,
      'be 6 to 30 lower-case letters, digits or -, starting with a letter',
    ),
    matches('displayName', /^.{0,100}$/su, 'have at most 100 characters'),
    matches('description', /^.{0,256}$/su, 'have at most 256 characters'),
  ],
  planned: ['email', 'member'],
  outputs: ({ id, generation }) => {
    const email = id.split('/').at(-1) ?? '';
    return { email, member: `serviceAccount:${email}`, name: id, uniqueId: uniqueId(`${id} ${generation}`) };
  },
};

/** 21 digits. */
function uniqueId(seed: string): string {
  return `1${BigInt(`0x${digest(seed, 32)}`)
    .toString()
    .slice(0, 20)
    .padEnd(20, '0')}`;
}

export const iamKinds: Kinds = {
  'gcp:serviceaccount/account:Account': account,
  'gcp:serviceaccount/iAMMember:IAMMember': grant('{serviceAccountId}', {
    of: 'iam',
    target: 'gcp:serviceaccount/account:Account',
  }),
  'gcp:serviceaccount/key:Key': { id: '{serviceAccountId}/keys/{generated}', outputs: ({ id }) => ({ name: id }) },
  'gcp:projects/iAMMember:IAMMember': grant('{project}'),
  'gcp:projects/iAMCustomRole:IAMCustomRole': {
    id: 'projects/{project}/roles/{roleId}',
    rules: [
      matches('roleId', /^[A-Za-z0-9_.]{3,64}$/, 'be 3 to 64 letters, digits, _ or .'),
      matches('permissions.*', /^[a-z]+(?:\.[A-Za-z]+){2,}$/, 'be as in "run.jobs.run"'),
      oneOf('stage', ['ALPHA', 'BETA', 'GA', 'DEPRECATED', 'DISABLED', 'EAP']),
    ],
    outputs: ({ id }) => ({ name: id, deleted: false }),
  },
  'gcp:projects/iAMAuditConfig:IAMAuditConfig': {
    id: '{project}/audit_config/{service}',
    additive: true,
    rules: [
      matches(
        'service',
        /^(?:allServices|[a-z0-9.-]+\.googleapis\.com)$/,
        'be allServices or as in "run.googleapis.com"',
      ),
      oneOf('auditLogConfigs.*.logType', ['ADMIN_READ', 'DATA_READ', 'DATA_WRITE']),
    ],
  },
  'gcp:projects/service:Service': {
    id: '{project}/{service}',
    additive: true,
    rules: [
      matches(
        'service',
        /^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:googleapis\.com|cloud\.goog)$/,
        'be as in "run.googleapis.com"',
      ),
    ],
  },
  'gcp:iap/webIamMember:WebIamMember': grant('projects/{project}/iap_web', { of: 'iap' }),
  'gcp:iap/webCloudRunServiceIamMember:WebCloudRunServiceIamMember': grant(
    'projects/{project}/iap_web/cloud_run-{location}/services/{cloudRunServiceName}',
    { of: 'iap' },
  ),
};
