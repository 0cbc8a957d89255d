/** Identities of what runs. */
import { type Resource, resourceRule } from '../rule.ts';
import type { CloudRunJob, CloudRunService } from './run.ts';
import type { SchedulerJob } from './scheduler.ts';

const DEFAULT = /(?:-compute@developer|@appspot|@cloudservices)\.gserviceaccount\.com$/;

type Running = CloudRunService & CloudRunJob & SchedulerJob & { readonly serviceAccountEmail?: string };

/** Where the account of a type stands. */
const accounts: Readonly<Record<string, (props: Running) => string | undefined>> = {
  'gcp:cloudrunv2/service:Service': ({ template }) => template?.serviceAccount,
  'gcp:cloudrunv2/job:Job': ({ template }) => template?.template?.serviceAccount,
  'gcp:dataflow/flexTemplateJob:FlexTemplateJob': ({ serviceAccountEmail }) => serviceAccountEmail,
  'gcp:dataflow/job:Job': ({ serviceAccountEmail }) => serviceAccountEmail,
  'gcp:cloudscheduler/job:Job': ({ httpTarget }) =>
    (httpTarget?.oidcToken ?? httpTarget?.oauthToken)?.serviceAccountEmail,
  'gcp:eventarc/trigger:Trigger': ({ serviceAccount }) => serviceAccount,
};

export const accountRules = [
  resourceRule({
    id: 'sa-no-keys',
    level: 'mandatory',
    description: 'There are no long-lived keys.',
    why: 'A key works from anywhere, for years, for whoever copied it.',
    fix: 'Attach the service account; reach AWS and Azure by web identity; a source that knows only passwords gets a secret.',
    types: [
      'gcp:serviceaccount/key:Key',
      'gcp:storage/hmacKey:HmacKey',
      'aws:iam/accessKey:AccessKey',
      'azuread:index/applicationPassword:ApplicationPassword',
      'azuread:index/servicePrincipalPassword:ServicePrincipalPassword',
    ],
    *check({ type }) {
      yield `${type} is a long-lived key.`;
    },
  }),
  resourceRule({
    id: 'sa-not-default',
    level: 'mandatory',
    description: 'What runs has an account of its own.',
    why: 'The default accounts are shared by everything in the project and often may edit all of it.',
    fix: 'Set the service account to one that the component made.',
    types: Object.keys(accounts),
    *check({ type, props }: Resource<Running>) {
      const account = accounts[type]?.(props);
      if (!account) yield 'names no service account, so the default one is used.';
      else if (DEFAULT.test(account)) yield `runs as the default account ${account}.`;
    },
  }),
];
