/** Two tenants share nothing. */
import {
  eventTopic,
  evidenceDataset,
  jobName,
  rawDataset,
  secretId,
  serviceAccount,
  stagingBucket,
  stagingDataset,
  streamAccount,
} from '../../tenants/naming.ts';
import { eachKnown, ofType, type Resource, stackRule } from '../rule.ts';
import type { Stack } from '../stack.ts';
import type { Grant } from './iam.ts';
import { CLOUD_RUN_JOB, type CloudRunJob } from './run.ts';

interface RowPolicy {
  readonly datasetId?: string;
  readonly tableId?: string;
  readonly filterPredicate?: string;
  readonly grantees?: readonly string[];
}

interface Belonging extends Grant {
  readonly project?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly accountId?: string;
  readonly serviceAccountId?: string;
  readonly secretId?: string;
  readonly datasetId?: string;
  readonly bucket?: string;
  readonly topic?: string;
  readonly name?: string;
}

/** Types whose `name` is an input; elsewhere Google gives it, and it is not known at preview. */
const NAMED = /^gcp:(?:cloudrunv2|cloudscheduler|pubsub|storage)\//;
const ROW_POLICY = 'gcp:bigquery/rowAccessPolicy:RowAccessPolicy';

export const isolationRules = [
  stackRule({
    id: 'rls-runner-true',
    level: 'mandatory',
    description: 'Where rows are filtered, the runner sees them all.',
    why: 'Any row access policy hides every row from whoever has none: a merge would insert all rows again.',
    fix: 'Add a policy with filterPredicate TRUE whose grantee is the runner’s service account.',
    *checkStack(resources) {
      const policies = ofType<RowPolicy>(resources, ROW_POLICY);
      const runners = ofType<CloudRunJob>(resources, CLOUD_RUN_JOB).map(
        ({ props }) => `serviceAccount:${props.template?.template?.serviceAccount}`,
      );
      const tables = Map.groupBy(policies, ({ props }) => `${props.datasetId}.${props.tableId}`);
      for (const [table, found] of tables) {
        const open = found.filter(({ props }) => /^\s*true\s*$/i.test(props.filterPredicate ?? ''));
        const seeing = new Set(open.flatMap(({ props }) => [...(props.grantees ?? [])]));
        const urn = found[0]?.urn as string;
        if (runners.length === 0 && open.length === 0)
          yield { urn, message: `hides rows of ${table} from any runner.` };
        for (const runner of runners)
          if (!seeing.has(runner)) yield { urn, message: `hides rows of ${table} from ${runner}.` };
      }
    },
  }),
  stackRule({
    id: 'no-cross-tenant',
    level: 'mandatory',
    description: 'Nothing in a tenant’s stack has the name, the label or the account of another tenant.',
    why: 'One such grant is a leak between customers.',
    fix: 'Take every name from tenants/naming.ts with the tenant of the stack.',
    *checkStack(resources, { stack }) {
      if (stack.layer === 'platform') return;
      yield* eachKnown(resources as readonly Resource<Belonging>[], function* ({ urn, type, props }) {
        if (!type.startsWith('gcp:')) return;
        const tenant = props.labels?.tenant;
        if (tenant !== undefined && tenant !== stack.tenant) yield { urn, message: `is labelled tenant=${tenant}.` };
        for (const name of [...namesOf(type, props)])
          if (isForeign(name, stack)) yield { urn, message: `names ${name}.` };
      });
    },
  }),
];

function* namesOf(type: string, props: Belonging): Iterable<string> {
  const { member, members, serviceAccountId, accountId, datasetId, bucket, topic } = props;
  const name = NAMED.test(type) ? props.name : undefined;
  for (const text of [member, ...(members ?? []), serviceAccountId, accountId, props.secretId, bucket, topic, name])
    if (text !== undefined) yield text.split('/').at(-1) ?? '';
  if (datasetId !== undefined) yield `dataset ${datasetId.split('/').at(-1)}`;
}

/** Whether a name is one that naming.ts gives, but to somebody else. */
function isForeign(name: string, { tenant, spec }: Stack): boolean {
  const account = /(?:^|:)(trb-[a-z0-9-]+)(?:@|$)/.exec(name)?.[1];
  if (account !== undefined) {
    const own = (['runner', 'scheduler', 'dataflow'] as const).map((role) => serviceAccount(tenant, role));
    const flowing = Object.keys(spec?.streams ?? {}).map((stream) => streamAccount(tenant, stream));
    return ![...own, ...flowing].includes(account);
  }
  if (name.startsWith('dataset ')) {
    const dataset = name.slice('dataset '.length);
    const own = [rawDataset(tenant), stagingDataset(tenant), evidenceDataset(tenant)];
    const chosen = [...Object.values(spec?.sources ?? {}), ...Object.values(spec?.streams ?? {})].map(
      ({ destination }) => destination.dataset,
    );
    return /_(?:raw|staging|tributary)$/.test(dataset) && ![...own, ...chosen].includes(dataset);
  }
  const bucket = /^(.+)-trb-.+-staging$/.exec(name)?.[1];
  if (bucket !== undefined) return stagingBucket(bucket, tenant) !== name;
  if (/^tributary-[a-z0-9-]+(?:_|-run$|-landed$)/.test(name))
    return ![jobName(tenant), eventTopic(tenant)].includes(name) && !name.startsWith(secretId(tenant, ''));
  return false;
}
