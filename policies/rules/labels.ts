/** Labels and names. */
import { list, type Resource, resourceRule } from '../rule.ts';
import type { Stack } from '../stack.ts';

type Labels = Record<string, string>;

interface Labelled {
  labels?: Labels;
  userLabels?: Labels;
  tags?: Labels;
}

/** Which input holds the labels of a type. */
const LABELS: Readonly<Record<string, keyof Labelled>> = {
  'gcp:artifactregistry/repository:Repository': 'labels',
  'gcp:bigquery/dataset:Dataset': 'labels',
  'gcp:bigquery/reservation:Reservation': 'labels',
  'gcp:bigquery/table:Table': 'labels',
  'gcp:cloudrunv2/job:Job': 'labels',
  'gcp:cloudrunv2/service:Service': 'labels',
  'gcp:compute/address:Address': 'labels',
  'gcp:dataflow/flexTemplateJob:FlexTemplateJob': 'labels',
  'gcp:datastream/connectionProfile:ConnectionProfile': 'labels',
  'gcp:datastream/privateConnection:PrivateConnection': 'labels',
  'gcp:datastream/stream:Stream': 'labels',
  'gcp:eventarc/trigger:Trigger': 'labels',
  'gcp:kms/cryptoKey:CryptoKey': 'labels',
  'gcp:pubsub/subscription:Subscription': 'labels',
  'gcp:pubsub/topic:Topic': 'labels',
  'gcp:secretmanager/secret:Secret': 'labels',
  'gcp:storage/bucket:Bucket': 'labels',
  'gcp:monitoring/alertPolicy:AlertPolicy': 'userLabels',
  'gcp:monitoring/notificationChannel:NotificationChannel': 'userLabels',
  'aws:iam/role:Role': 'tags',
  'azure-native:managedidentity:UserAssignedIdentity': 'tags',
};

const VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{1,63}$/u;

/** Inputs that become the physical name of something. */
const NAMES = [
  'name',
  'accountId',
  'connectionProfileId',
  'datasetId',
  'policyId',
  'repositoryId',
  'roleId',
  'secretId',
  'streamId',
  'tableId',
] as const;

type Named = Partial<Readonly<Record<(typeof NAMES)[number], string>>>;

export const labelRules = [
  resourceRule({
    id: 'labels-required',
    level: 'remediate',
    description: 'Everything that takes labels says whose it is, where it belongs and who pays.',
    why: 'The bill, the alerts and the clean-up of a tenant go by its labels.',
    fix: 'Set the labels tenant, env, cost_center and managed_by; in level `remediate` missing ones are filled in.',
    types: Object.keys(LABELS),
    settings: {
      required: list(['tenant', 'env', 'cost_center', 'managed_by'], 'Labels that must be there.'),
      costCenter: { type: 'string', default: '', description: 'Cost center of what has none of its own.' },
    },
    *check({ type, props }: Resource<Labelled>, { stack, settings }) {
      const found = props[LABELS[type] ?? 'labels'] ?? {};
      for (const name of settings.required) {
        const value = found[name];
        if (value === undefined) yield `has no label ${name}.`;
        else if (!VALUE.test(value)) yield `has the label ${name} with the value "${value}", which Google refuses.`;
      }
      if (found.tenant !== undefined && found.tenant !== stack.tenant)
        yield `has the label tenant=${found.tenant} in the stack ${stack.name}.`;
    },
    remedy({ type, props }: Resource<Labelled>, { stack, settings }) {
      const input = LABELS[type] ?? 'labels';
      const found = props[input] ?? {};
      const known = knownLabels(stack, settings.costCenter);
      const missing = settings.required.filter((name) => !(name in found) && known[name]);
      for (const name of missing) found[name] = known[name] as string;
      if (missing.length > 0) props[input] = found;
      return missing.length > 0;
    },
  }),
  resourceRule({
    id: 'names-plain',
    level: 'mandatory',
    description: 'Physical names are plain ASCII.',
    why: 'An emoji or an accent is refused by the API in the middle of an update.',
    fix: 'Take the name from tenants/naming.ts.',
    types: /^(?:gcp|aws|azure-native):/,
    *check({ props }: Resource<Named>) {
      for (const input of NAMES) {
        const value = props[input];
        if (typeof value === 'string' && !/^[\x21-\x7e]+$/.test(value)) yield `has the ${input} "${value}".`;
      }
    },
  }),
];

function knownLabels(stack: Stack, costCenter: string): Labels {
  const payer = stack.spec?.costCenter ?? costCenter;
  return { tenant: stack.tenant, env: stack.env, cost_center: payer, managed_by: 'tributary' };
}
