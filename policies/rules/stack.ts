/** What only the whole stack shows: size, alerts, and who may call the webhook. */
import { eachKnown, limit, list, matchesAny, ofType, type Resource, stackRule } from '../rule.ts';
import type { Grant } from './iam.ts';
import { CLOUD_RUN_JOB, CLOUD_RUN_SERVICE, type CloudRunJob, type CloudRunService } from './run.ts';
import { SCHEDULER_JOB, type SchedulerJob } from './scheduler.ts';

interface AlertPolicy {
  readonly displayName?: string;
  readonly notificationChannels?: readonly string[];
  readonly conditions?: readonly {
    readonly displayName?: string;
    readonly conditionAbsent?: object;
    readonly conditionThreshold?: { readonly filter?: string };
    readonly conditionMatchedLog?: { readonly filter?: string };
  }[];
}

interface StackReference {
  readonly outputs?: { readonly webhookAudience?: string; readonly notificationChannels?: readonly string[] };
}

const ALERT_POLICY = 'gcp:monitoring/alertPolicy:AlertPolicy';
const CHANNEL = 'gcp:monitoring/notificationChannel:NotificationChannel';
const INVOKER = 'gcp:cloudrunv2/serviceIamMember:ServiceIamMember';
const STACK_REFERENCE = 'pulumi:pulumi:StackReference';

const KINDS = { failure: /fail|error|severity/i, freshness: /fresh|absent|stale|late|missing|heartbeat/i };

export const stackRules = [
  stackRule({
    id: 'tenant-has-alerting',
    level: 'mandatory',
    description: 'Somebody hears of a run that failed, and of one that never came.',
    why: 'A load that stops without a word is noticed when the numbers are wrong.',
    fix: 'The platform has an alert on failures and one on freshness, with channels; a tenant has a channel (owners) or the platform’s.',
    *checkStack(resources, { stack }) {
      const alerts = ofType<AlertPolicy>(resources, ALERT_POLICY);
      if (stack.layer === 'platform' || alerts.length > 0) {
        for (const [kind, words] of Object.entries(KINDS)) {
          const found = alerts.filter(({ props }) => words.test(wordsOf(props)));
          if (found.length === 0) yield { message: `has no alert on ${kind}.` };
          else if (!found.some(({ props }) => props.notificationChannels?.length))
            yield { urn: found[0]?.urn as string, message: `alerts nobody: the alert on ${kind} has no channel.` };
        }
        return;
      }
      const references = ofType<StackReference>(resources, STACK_REFERENCE);
      const shared = references.some(({ props }) => props.outputs?.notificationChannels?.length);
      if (!shared && !resources.some(({ type }) => type === CHANNEL)) yield { message: 'has nobody to alert.' };
    },
  }),
  stackRule({
    id: 'scheduler-sa-can-invoke',
    level: 'mandatory',
    description: 'Every schedule may call the webhook, and asks for the audience that the webhook accepts.',
    why: 'Otherwise every tick is a 401 or a 403, and no run ever starts.',
    fix: 'Grant roles/run.invoker on the webhook to the schedule’s account; take the audience from the platform’s webhookAudience.',
    settings: {
      audiences: list(
        ['https://tributary.*.internal'],
        'Audiences of the webhook where the stack neither holds the service nor refers to the platform; `*` stands for anything.',
      ),
    },
    *checkStack(resources, { settings }) {
      const invokers = invokersOf(resources);
      const known = [
        ...ofType<CloudRunService>(resources, CLOUD_RUN_SERVICE).flatMap(({ props }) => [
          ...(props.customAudiences ?? []),
        ]),
        ...ofType<StackReference>(resources, STACK_REFERENCE).flatMap(({ props }) => {
          const audience = props.outputs?.webhookAudience;
          return audience === undefined ? [] : [audience];
        }),
      ];
      const accepted = known.length > 0 ? known : settings.audiences;
      yield* eachKnown(ofType<SchedulerJob>(resources, SCHEDULER_JOB), function* ({ urn, props }) {
        const { serviceAccountEmail, audience } = props.httpTarget?.oidcToken ?? {};
        if (serviceAccountEmail === undefined || audience === undefined) return;
        if (!invokers.has(`serviceAccount:${serviceAccountEmail}`))
          yield { urn, message: `calls as ${serviceAccountEmail}, which may not invoke the webhook.` };
        if (!matchesAny(audience, accepted))
          yield { urn, message: `asks for the audience ${audience}; the webhook accepts ${accepted.join(', ')}.` };
      });
    },
  }),
  stackRule({
    id: 'runner-can-report',
    level: 'mandatory',
    description: 'Every runner may call the status route of the webhook.',
    why: 'A runner that may not report looks hung, and its run is started again.',
    fix: 'Grant roles/run.invoker on the webhook to the account of the job.',
    *checkStack(resources, { stack }) {
      if (stack.layer === 'platform') return;
      const invokers = invokersOf(resources);
      yield* eachKnown(ofType<CloudRunJob>(resources, CLOUD_RUN_JOB), function* ({ urn, props }) {
        const account = props.template?.template?.serviceAccount;
        if (account !== undefined && !invokers.has(`serviceAccount:${account}`))
          yield { urn, message: `runs as ${account}, which may not invoke the webhook.` };
      });
    },
  }),
  stackRule({
    id: 'max-resources',
    level: 'advisory',
    description: 'A stack stays small.',
    why: 'Time, memory and the reach of a mistake grow with it.',
    fix: 'Split the tenant, or raise `resources` if its sources are really that many.',
    settings: { resources: limit(150, 'Most resources of a stack.') },
    *checkStack(resources, { settings }) {
      const { length } = resources.filter(({ type }) => !type.startsWith('pulumi:'));
      if (length > settings.resources) yield { message: `has ${length} resources; ${settings.resources} are usual.` };
    },
  }),
];

/** Members that may call a service of Cloud Run. */
function invokersOf(resources: readonly Resource[]): ReadonlySet<string> {
  const grants = ofType<Grant>(resources, INVOKER).filter(({ props }) => props.role === 'roles/run.invoker');
  return new Set(grants.map(({ props }) => props.member ?? ''));
}

function wordsOf({ displayName, conditions = [] }: AlertPolicy): string {
  const words = conditions.map((condition) => [
    condition.displayName,
    condition.conditionAbsent && 'absent',
    condition.conditionThreshold?.filter,
    condition.conditionMatchedLog?.filter,
  ]);
  return [displayName, ...words.flat()].filter(Boolean).join(' ');
}
