/** A tenant's arguments → every name and decision, before anything is created. Pure. */
import * as naming from '../tenants/naming.ts';
import type { PlatformReference } from './platform-reference.ts';
import { SIZES } from './sizing.ts';
import type { BudgetArgs, ConnectionArgs, TenantArgs } from './tenant-args.ts';

/** A service account of the tenant. */
export interface Account {
  readonly id: string;
  readonly project: string;
  readonly email: string;
  readonly member: string;
}

export interface TenantPlan {
  readonly tenant: string;
  readonly displayName: string;
  readonly project: string;
  readonly location: string;
  readonly region: string;
  readonly labels: Record<string, string>;
  readonly owners: readonly string[];
  readonly budget: BudgetArgs | undefined;
  readonly protection: { readonly data: boolean; readonly compute: boolean };
  readonly raw: string;
  readonly staging: string;
  readonly evidence: string;
  /** Further datasets, sorted. */
  readonly datasets: readonly string[];
  /** Names of secrets, sorted. */
  readonly secrets: readonly string[];
  /** Those of them that are no connection's, sorted: whoever reads may need them. */
  readonly runSecrets: readonly string[];
  readonly connections: Readonly<Record<string, ConnectionArgs>>;
  readonly bucket: string;
  readonly topic: string;
  readonly job: string;
  readonly timeoutSeconds: number;
  /** Whether a run may start its job again, to share a read. */
  readonly tasks: boolean;
  readonly runner: Account;
  /** Beside the webhook it calls: Cloud Scheduler reaches an internal service only from its own project. */
  readonly scheduler: Account;
  readonly dataflow: DataflowPlan | undefined;
  readonly document: string | undefined;
  readonly platform: PlatformReference;
}

/** Present where a source can exceed its threshold and the platform has an image for it. */
export interface DataflowPlan {
  readonly account: Account;
  readonly image: string;
  readonly connections: readonly string[];
}

/**
 * @throws RangeError where a value can never be right; the tenant file's own checks come first and say where.
 */
export function planTenant(args: TenantArgs): TenantPlan {
  const { tenant, platform } = args;
  if (!/^[a-z][a-z0-9-]{1,18}$/.test(tenant) || tenant === 'platform') {
    throw new RangeError(`${tenant} is no id of a tenant: 2 to 19 small letters, digits and -, and not "platform"`);
  }
  const connections = args.connections ?? {};
  for (const [name, connection] of Object.entries(connections)) requireOneKind(name, connection);
  const project = args.project ?? platform.project;
  const own = [naming.rawDataset(tenant), naming.stagingDataset(tenant), naming.evidenceDataset(tenant)] as const;
  const [raw, staging, evidence] = own;
  const account = (role: naming.AccountRole, home: string): Account => {
    const id = naming.serviceAccount(tenant, role);
    return { id, project: home, email: naming.accountEmail(id, home), member: naming.accountMember(id, home) };
  };
  const distributed = (args.dataflow ?? []).filter((name) => Object.hasOwn(connections, name)).toSorted();
  const image = platform.dataflowImage;
  return {
    tenant,
    displayName: args.displayName ?? tenant,
    project,
    location: args.location,
    region: args.region,
    labels: naming.labels({ tenant, env: platform.env, costCenter: args.costCenter }),
    owners: sorted(args.owners),
    budget: args.budget,
    protection: { data: args.protection?.data ?? true, compute: args.protection?.compute ?? false },
    raw,
    staging,
    evidence,
    datasets: sorted(args.datasets).filter((name) => !(own as readonly string[]).includes(name)),
    secrets: sorted([...(args.secrets ?? []), ...Object.values(connections).flatMap(secretsOf)]),
    runSecrets: sorted(args.secrets),
    connections,
    bucket: naming.stagingBucket(project, tenant),
    topic: naming.eventTopic(tenant),
    job: naming.jobName(tenant),
    timeoutSeconds: args.timeoutSeconds ?? SIZES.job.timeoutSeconds,
    tasks: args.tasks ?? false,
    runner: account('runner', project),
    scheduler: account('scheduler', platform.project),
    dataflow:
      image === undefined || distributed.length === 0
        ? undefined
        : { account: account('dataflow', project), image, connections: distributed },
    document: args.document,
    platform,
  };
}

/** Names of the secrets a connection is opened with. */
export function secretsOf({ postgres, mysql, s3, azureBlob }: ConnectionArgs): string[] {
  const names = [postgres?.secret, mysql?.secret, s3?.secret, azureBlob?.secret];
  return names.filter((name) => name !== undefined);
}

function requireOneKind(name: string, connection: ConnectionArgs): void {
  const kinds = Object.entries(connection).flatMap(([kind, value]) => (value === undefined ? [] : [kind]));
  if (kinds.length !== 1) {
    throw new RangeError(`connection ${name} must be of exactly one kind, it is of ${kinds.join(' and ') || 'none'}`);
  }
}

function sorted(names: readonly string[] | undefined): string[] {
  return [...new Set(names)].sort();
}
