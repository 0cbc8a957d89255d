import { UNKNOWN } from '../scene.ts';
import type { RuleCases } from './cases.ts';

const UID = '104857600123456789012';
const pinned = {
  'accounts.google.com:sub': UID,
  'accounts.google.com:aud': UID,
  'accounts.google.com:oaud': 'tributary-acme',
};
const trust = (condition: object, principal: unknown = { Federated: 'accounts.google.com' }) =>
  JSON.stringify({
    Statement: [
      { Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRoleWithWebIdentity', Condition: condition },
    ],
  });
const reading = (action: unknown, resource: unknown = 'arn:aws:s3:::partner-drop/*', effect = 'Allow') =>
  JSON.stringify({ Statement: { Effect: effect, Action: action, Resource: resource } });
const role = { type: 'aws:iam/role:Role', props: { assumeRolePolicy: trust({ StringEquals: pinned }) } };
const rolePolicy = 'aws:iam/rolePolicy:RolePolicy';
const credential = {
  type: 'azure-native:managedidentity:FederatedIdentityCredential',
  props: { issuer: 'https://accounts.google.com', subject: UID, audiences: ['api://AzureADTokenExchange'] },
};
const container = '/subscriptions/s/resourceGroups/r/providers/Microsoft.Storage/storageAccounts/a';
const READER = '/providers/Microsoft.Authorization/roleDefinitions/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1';
const assignment = {
  type: 'azure-native:authorization:RoleAssignment',
  props: { roleDefinitionId: READER, scope: container },
};
const bucket = { type: 'gcp:storage/bucket:Bucket', props: { project: 'acme-data-prod', location: 'EU' } };
const schedule = { type: 'gcp:cloudscheduler/job:Job', props: { project: 'tributary-prod', region: 'europe-west1' } };

export const cloudCases: readonly RuleCases[] = [
  {
    rule: 'aws-trust-pinned',
    good: role,
    passes: [
      { type: rolePolicy, props: { policy: reading(['s3:GetObject', 's3:ListBucket']) } },
      { type: rolePolicy, props: { policy: reading('s3:*', '*', 'Deny') } },
      { 'props.assumeRolePolicy': trust({}, { Service: 'ec2.amazonaws.com' }) },
    ],
    fails: [
      [{ 'props.assumeRolePolicy': trust({ StringEquals: { ...pinned, 'accounts.google.com:sub': [] } }) }, /on sub/],
      [{ 'props.assumeRolePolicy': trust({}) }, /condition on oaud/],
      [
        { 'props.assumeRolePolicy': trust({ StringEquals: { ...pinned, 'accounts.google.com:sub': '*' } }) },
        /wildcard/,
      ],
      [{ 'props.assumeRolePolicy': trust({ StringEquals: pinned, StringLike: {} }) }, /StringLike/],
      [{ 'props.assumeRolePolicy': trust({}, '*') }, /trusts everybody/],
      [{ type: rolePolicy, props: { policy: reading('s3:PutObject') } }, /s3:PutObject/],
      [{ type: rolePolicy, props: { policy: reading('s3:*') } }, /allows s3:\*/],
      [{ type: rolePolicy, props: { policy: reading('s3:GetObject', '*') } }, /every resource/],
      [{ 'props.inlinePolicies': [{ policy: reading('iam:PassRole') }] }, /iam:PassRole/],
      [
        {
          type: 'aws:iam/openIdConnectProvider:OpenIdConnectProvider',
          props: { url: 'https://accounts.google.com' },
        },
        /built in/,
      ],
    ],
    unknown: [[{ 'props.assumeRolePolicy': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'azure-fic-pinned',
    good: credential,
    passes: [{ ...assignment }],
    fails: [
      [{ 'props.issuer': 'https://evil.example' }, /evil\.example/],
      [{ 'props.audiences': ['api://AzureADTokenExchange', 'x'] }, /audiences/],
      [{ 'props.subject': 'trb-acme-runner@p.iam.gserviceaccount.com' }, /no number/],
      [{ ...assignment, 'props.roleDefinitionId': '/x/b24988ac-6180-42a0-ab88-20f7382dd24c' }, /b24988ac/],
      [{ ...assignment, 'props.scope': '/subscriptions/s' }, /whole subscription/],
      [{ ...assignment, 'props.scope': '/subscriptions/s/resourceGroups/r' }, /resource group/],
    ],
    unknown: [
      [{ 'props.subject': UNKNOWN }, 'undecided'],
      [{ 'props.subject': UNKNOWN, 'props.issuer': 'https://evil.example' }, /evil\.example/],
    ],
  },
  {
    rule: 'apis-not-disabled',
    good: { type: 'gcp:projects/service:Service', props: { service: 'run.googleapis.com', disableOnDestroy: false } },
    fails: [
      [{ 'props.disableOnDestroy': true }, /disables run\.googleapis\.com/],
      [{ 'props.disableDependentServices': true }, /depends on/],
    ],
    unknown: [[{ 'props.disableOnDestroy': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'audit-foundation-only',
    good: {
      type: 'gcp:projects/iAMAuditConfig:IAMAuditConfig',
      stack: 'platform.dev',
      props: { auditLogConfigs: [{ logType: 'DATA_READ', exemptedMembers: [] }] },
    },
    fails: [
      [{ stack: 'acme.dev' }, /outside the platform/],
      [{ 'props.auditLogConfigs.0.exemptedMembers': ['user:eve@acme.example'] }, /leaves members out/],
    ],
    unknown: [
      [{ 'props.auditLogConfigs': UNKNOWN }, 'undecided'],
      [{ stack: 'acme.dev', 'props.auditLogConfigs': UNKNOWN }, /outside the platform/],
    ],
  },
  {
    rule: 'component-only',
    good: bucket,
    passes: [
      { ancestors: 'my:own:Thing$tributary:index:Platform' },
      { ancestors: '', type: 'gcp:compute/address:Address' },
    ],
    fails: [
      [{ ancestors: '' }, /outside a component/],
      [{ ancestors: 'my:own:Thing' }, /outside a component/],
    ],
    unknown: [[{ ancestors: '', 'props.location': UNKNOWN }, /outside a component/]],
  },
  {
    rule: 'provider-explicit',
    good: bucket,
    passes: [
      { 'props.project': undefined, provider: { name: 'tenant', props: { project: 'acme-data-prod' } } },
      { type: 'gcp:storage/bucketIAMMember:BucketIAMMember', props: { bucket: 'b' } },
      { type: 'gcp:projects/iAMMember:IAMMember', 'props.project': 'bigquery-public-data' },
      { stack: 'nobody.dev', 'props.project': 'any' },
      { ...schedule },
      { ...schedule, settings: { platformProjects: ['tributary-prod'] } },
      {
        type: 'gcp:serviceaccount/account:Account',
        props: { project: 'tributary-prod', accountId: 'trb-acme-scheduler' },
      },
    ],
    fails: [
      [{ 'props.project': undefined }, /names no project/],
      [{ 'props.project': 'globex-prod' }, /lies in the project globex-prod/],
      [{ 'props.project': undefined, provider: { name: 'p', props: { project: 'globex-prod' } } }, /globex-prod/],
      [{ 'props.region': 'us-central1' }, /region us-central1/],
      [{ ...schedule, settings: { platformProjects: ['other'] } }, /not with the webhook/],
      [
        {
          type: 'gcp:serviceaccount/account:Account',
          props: { project: 'tributary-prod', accountId: 'trb-acme-runner' },
        },
        /lies in the project tributary-prod/,
      ],
    ],
    unknown: [[{ 'props.project': UNKNOWN }, 'undecided']],
  },
];
