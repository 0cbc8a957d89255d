/** Roles of AWS that a runner takes on without a key. */
import { list, type Resource, resourceRule } from '../rule.ts';

interface AwsInputs {
  readonly url?: string;
  readonly assumeRolePolicy?: string | Document;
  readonly policy?: string | Document;
  readonly inlinePolicies?: readonly { readonly policy?: string | Document }[];
}

interface Document {
  readonly Statement?: Statement | readonly Statement[];
}

interface Statement {
  readonly Effect?: string;
  readonly Action?: string | readonly string[];
  readonly NotAction?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Principal?: '*' | { readonly Federated?: string | readonly string[]; readonly AWS?: string };
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

const GOOGLE = 'accounts.google.com';
const PINNED = ['sub', 'aud', 'oaud'];
const PROVIDER = 'aws:iam/openIdConnectProvider:OpenIdConnectProvider';

export const awsRules = [
  resourceRule({
    id: 'aws-trust-pinned',
    level: 'mandatory',
    description: 'A role trusts exactly one Google account for one audience, and may only read.',
    why: 'A trust that names only the audience lets every Google account in.',
    fix: 'Condition StringEquals on accounts.google.com:sub, :aud and :oaud, without wildcards; S3 actions of `actions` on named buckets.',
    types: ['aws:iam/role:Role', 'aws:iam/rolePolicy:RolePolicy', 'aws:iam/policy:Policy', PROVIDER],
    settings: {
      actions: list(
        [
          's3:GetObject',
          's3:GetObjectVersion',
          's3:GetObjectAttributes',
          's3:GetObjectTagging',
          's3:GetBucketLocation',
          's3:ListBucket',
          'kms:Decrypt',
        ],
        'Actions that a role may have.',
      ),
    },
    *check({ type, props }: Resource<AwsInputs>, { settings }) {
      if (type === PROVIDER) {
        if (props.url?.includes(GOOGLE)) yield `makes a provider of ${GOOGLE}, which AWS has built in.`;
        return;
      }
      for (const policy of [props.policy, ...(props.inlinePolicies ?? []).map((inline) => inline.policy)]) {
        for (const statement of statements(policy)) yield* permissionFaults(statement, settings.actions);
      }
      for (const statement of statements(props.assumeRolePolicy)) yield* trustFaults(statement);
    },
  }),
];

function* trustFaults({ Effect, Principal, Condition = {} }: Statement): Iterable<string> {
  if (Effect === 'Deny') return;
  if (Principal === '*' || Principal?.AWS === '*') return yield 'trusts everybody.';
  if (Principal === undefined || !texts(Principal.Federated).some((issuer) => issuer.includes(GOOGLE))) return;
  for (const claim of PINNED) {
    const values = texts(Condition.StringEquals?.[`${GOOGLE}:${claim}`]);
    if (values.length === 0) yield `trusts Google accounts without a condition on ${claim}.`;
    if (values.some((value) => /[*?]/.test(value))) yield `trusts Google accounts by a wildcard in ${claim}.`;
  }
  const others = Object.keys(Condition).filter((operator) => operator !== 'StringEquals');
  if (others.length > 0) yield `trusts Google accounts by ${others.join(', ')}; only StringEquals pins.`;
}

function* permissionFaults(statement: Statement, allowed: readonly string[]): Iterable<string> {
  if (statement.Effect === 'Deny') return;
  if (statement.NotAction !== undefined) yield 'allows everything but some actions (NotAction).';
  for (const action of texts(statement.Action)) if (!allowed.includes(action)) yield `allows ${action}.`;
  if (texts(statement.Resource).includes('*')) yield 'allows its actions on every resource.';
}

function statements(policy: string | Document | undefined): readonly Statement[] {
  if (policy === undefined) return [];
  const { Statement = [] } = typeof policy === 'string' ? (JSON.parse(policy) as Document) : policy;
  return Array.isArray(Statement) ? Statement : [Statement as Statement];
}

function texts(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}
