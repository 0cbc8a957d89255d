/** What belongs to the platform, and where a resource may stand. */
import { serviceAccount } from '../../tenants/naming.ts';
import { list, type Resource, resourceRule } from '../rule.ts';
import { SCHEDULER_JOB } from './scheduler.ts';

interface ServiceInputs {
  readonly service?: string;
  readonly disableOnDestroy?: boolean;
  readonly disableDependentServices?: boolean;
}

interface AuditInputs {
  readonly auditLogConfigs?: readonly { readonly exemptedMembers?: readonly string[] }[];
}

interface Placed {
  readonly project?: string;
  readonly region?: string;
  readonly accountId?: string;
}

/** Everything that holds data, an identity or a running thing. */
const OWNED =
  /^gcp:(?:bigquery\/(?:dataset:Dataset|table:Table)|secretmanager\/secret:Secret|serviceaccount\/account:Account|storage\/bucket:Bucket|cloudrunv2\/(?:job:Job|service:Service)|cloudscheduler\/job:Job|firestore\/database:Database|pubsub\/topic:Topic)$/;

/** These have no input `project`: the thing they hang on has it. */
const PROJECTLESS =
  /^gcp:(?:serviceaccount\/iAMMember|storage\/bucket(?:IAMMember|Object)|kms\/cryptoKey(?:IAMMember)?|billing\/budget|secretmanager\/secretVersion|datacatalog\/policyTag|organizations\/.*):/;
/** A grant may be on something of another project: that is how its data is read. */
const FOREIGN = /I[aA][mM]Member$|^gcp:bigquery\/datasetAccess:/;

/** Cloud Scheduler reaches an internal service only from its project: schedules and their account lie with the webhook. */
function isBesideWebhook(type: string, { accountId }: Placed, tenant: string): boolean {
  return type === SCHEDULER_JOB || accountId === serviceAccount(tenant, 'scheduler');
}

export const platformRules = [
  resourceRule({
    id: 'apis-not-disabled',
    level: 'mandatory',
    description: 'Destroying a stack leaves the APIs of the project on.',
    why: 'To disable an API deletes or stops what others run on it.',
    fix: 'Leave disableOnDestroy and disableDependentServices false.',
    types: ['gcp:projects/service:Service'],
    *check({ props }: Resource<ServiceInputs>) {
      if (props.disableOnDestroy === true) yield `disables ${props.service} when it is destroyed.`;
      if (props.disableDependentServices === true) yield `disables what depends on ${props.service}.`;
    },
  }),
  resourceRule({
    id: 'audit-foundation-only',
    level: 'mandatory',
    description: 'Only the platform configures audit logs, and nobody is left out of them.',
    why: 'The configuration of a service is one for the project: a tenant’s would replace the platform’s.',
    fix: 'Move it to the platform, without exemptedMembers.',
    types: ['gcp:projects/iAMAuditConfig:IAMAuditConfig'],
    *check({ props }: Resource<AuditInputs>, { stack }) {
      if (stack.layer !== 'platform') yield 'configures audit logs outside the platform.';
      if ((props.auditLogConfigs ?? []).some(({ exemptedMembers }) => exemptedMembers?.length))
        yield 'leaves members out of the audit log.';
    },
  }),
  resourceRule({
    id: 'component-only',
    level: 'advisory',
    description: 'Data, identities and jobs are made by a component.',
    why: 'A bare resource has none of the defaults that a component gives: protection, labels, order.',
    fix: 'Use the component of Tributary, or give the resource one as its parent.',
    types: OWNED,
    *check({ urn }) {
      const [, , ancestry = ''] = urn.split('::');
      if (!ancestry.split('$').some((type) => type.startsWith('tributary:index:'))) yield 'stands outside a component.';
    },
  }),
  resourceRule({
    id: 'provider-explicit',
    level: 'mandatory',
    description: 'A resource names its project, and it is the tenant’s.',
    why: 'What is left out is taken from the environment of whoever runs the update.',
    fix: 'Pass `project` and `region` of the tenant file on, or a provider that has them.',
    types: /^gcp:/,
    settings: {
      platformProjects: list(
        [],
        'Projects in which schedules and their accounts may lie, beside the webhook; none: any.',
      ),
    },
    *check({ type, props, provider }: Resource<Placed>, { stack, settings }) {
      if (PROJECTLESS.test(type)) return;
      const given = (provider?.props ?? {}) as Placed;
      const project = props.project ?? given.project;
      if (!project) return yield 'names no project, and neither does its provider.';
      const { spec } = stack;
      if (isBesideWebhook(type, props, stack.tenant)) {
        const { platformProjects: known } = settings;
        if (known.length > 0 && !known.includes(project)) yield `lies in the project ${project}, not with the webhook.`;
        return;
      }
      if (spec?.project && project !== spec.project && !FOREIGN.test(type))
        yield `lies in the project ${project}; the tenant file says ${spec.project}.`;
      const region = props.region ?? (props.project === undefined ? given.region : undefined);
      if (spec && region && region !== spec.region)
        yield `lies in the region ${region}; the tenant file says ${spec.region}.`;
    },
  }),
];
