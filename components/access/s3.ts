import { awsAudience } from '../../tenants/naming.ts';
import type { S3ConnectionArgs, S3ReadArgs } from '../tenant-args.ts';
import { type Access, type Reading, uniqueId } from './access.ts';

/** The parts of the ARN of a role: `arn:aws:iam::123456789012:role/etl/tributary-acme`. */
export interface RoleName {
  readonly partition: string;
  readonly account: string;
  /** @example '/etl/' */
  readonly path: string;
  readonly name: string;
}

export function parseRole(arn: string): RoleName {
  const [, partition = '', account = '', path = '', name = ''] =
    /^arn:(aws[a-z-]*):iam::(\d{12}):role(\/(?:[^/]+\/)*)([^/]+)$/.exec(arn) ?? [];
  if (name === '') throw new RangeError(`${arn} is no ARN of a role`);
  return { partition, account, path, name };
}

/**
 * Lets these Google service accounts assume a role, and nobody else.
 * `accounts.google.com` is built into Amazon; its `aud` is the token's `azp`, its `oaud` the token's `aud`.
 *
 * @param subjects numeric ids of the accounts.
 */
export function trustPolicy(subjects: readonly string[], audience: string): string {
  const ids = subjects.length === 1 ? subjects[0] : subjects;
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: 'accounts.google.com' },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringEquals: {
            'accounts.google.com:aud': ids,
            'accounts.google.com:sub': ids,
            'accounts.google.com:oaud': audience,
          },
        },
      },
    ],
  });
}

/** Lists and reads what begins with the prefixes in each bucket, and nothing else. */
export function readPolicy(partition: string, reads: readonly S3ReadArgs[]): string {
  const statements = reads.flatMap(({ bucket, prefixes = [] }) => {
    const arn = `arn:${partition}:s3:::${bucket}`;
    const beginnings = prefixes.length === 0 || prefixes.includes('') ? [''] : prefixes.toSorted();
    const within = { StringLike: { 's3:prefix': beginnings.map((prefix) => `${prefix}*`) } };
    return [
      {
        Effect: 'Allow',
        Action: ['s3:ListBucket'],
        Resource: [arn],
        ...(beginnings[0] === '' ? {} : { Condition: within }),
      },
      { Effect: 'Allow', Action: ['s3:GetObject'], Resource: beginnings.map((prefix) => `${arn}/${prefix}*`) },
    ];
  });
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

/** Keyless: a role that trusts the readers; made by the stack only in the platform's own account. */
export function s3Access({ connection, plan, readers }: Reading<S3ConnectionArgs>): Access {
  const { role, bucket, prefixes = [] } = connection;
  if (role === undefined) return { grants: [], commands: [] };
  const { partition, account, path, name } = parseRole(role);
  if (account === plan.platform.aws?.account) return { grants: [], commands: [] };
  const trust = trustPolicy(
    readers.map((reader) => uniqueId(reader.account)),
    awsAudience(plan.tenant),
  );
  const commands = [
    `aws iam create-role --role-name ${name} --path ${path} --assume-role-policy-document "${shellQuoted(trust)}"`,
    `aws iam put-role-policy --role-name ${name} --policy-name tributary --policy-document '${readPolicy(partition, [{ bucket, prefixes }])}'`,
  ];
  return { grants: [], commands };
}

/** Double quotes kept for the shell, `$(…)` still replaced by it. */
function shellQuoted(json: string): string {
  return json.replaceAll('"', '\\"');
}
