import { Role } from '@pulumi/aws/iam/role.js';
import { RolePolicy } from '@pulumi/aws/iam/rolePolicy.js';
import { all, ComponentResource, type ComponentResourceOptions, type Input, type Output } from '@pulumi/pulumi';
import { awsAudience } from '../tenants/naming.ts';
import { parseRole, readPolicy, trustPolicy } from './access/s3.ts';
import { computeOptions } from './protection.ts';
import type { S3ReadArgs } from './tenant-args.ts';

/** Arguments of {@link S3Role}. */
export interface S3RoleArgs {
  /** Id of the tenant; the audience its tokens must have is made of it. @example "acme" */
  tenant: string;
  /** ARN the role will have. @example "arn:aws:iam::123456789012:role/tributary-acme" */
  role: string;
  /** What may be read. @example [{ "bucket": "partner-drop", "prefixes": ["daily/"] }] */
  reads: S3ReadArgs[];
  /** Numeric ids of the Google service accounts that may assume it; nobody else may. */
  subjects: Input<string>[];
  /** ARN of the policy that bounds the role; absent: none. */
  permissionsBoundary?: string;
  /** Tags of the role. @example { "tenant": "acme" } */
  tags?: Record<string, string>;
}

/**
 * The role a runner assumes to read a bucket of Amazon, without a key: its trust names the runner's numeric id, as
 * `sub` and as `aud`, and the tenant's audience, as `oaud`. One role, however many
 * connections and sources it serves.
 *
 * @example
 * new S3Role('acme-role', { tenant: 'acme', role, reads: [{ bucket: 'partner-drop' }], subjects: [acme.runnerUniqueId] });
 */
export class S3Role extends ComponentResource {
  /** ARN of the role. */
  readonly arn: Output<string>;

  constructor(name: string, args: S3RoleArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:S3Role', name, {}, opts);
    const role = createRole(this, name, args);
    createPolicy(this, name, args, role);
    this.arn = role.arn;
    this.registerOutputs({ arn: this.arn });
  }
}

function createRole(parent: S3Role, name: string, args: S3RoleArgs): Role {
  const { path, name: roleName } = parseRole(args.role);
  const { permissionsBoundary } = args;
  return new Role(
    `${name}-role`,
    {
      name: roleName,
      path,
      description: `tributary: reads for ${args.tenant}`,
      maxSessionDuration: 3600,
      assumeRolePolicy: all(args.subjects).apply((subjects) => trustPolicy(subjects, awsAudience(args.tenant))),
      ...(permissionsBoundary === undefined ? {} : { permissionsBoundary }),
      tags: args.tags ?? {},
    },
    computeOptions({ parent }, false),
  );
}

function createPolicy(parent: S3Role, name: string, args: S3RoleArgs, role: Role): RolePolicy {
  const { partition, name: roleName } = parseRole(args.role);
  return new RolePolicy(
    `${name}-read`,
    { name: 'tributary-read', role: roleName, policy: readPolicy(partition, args.reads) },
    computeOptions({ parent, dependsOn: [role] }, false),
  );
}
