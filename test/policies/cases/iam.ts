import { UNKNOWN } from '../scene.ts';
import type { RuleCases } from './cases.ts';

const RUNNER = 'serviceAccount:trb-acme-runner@acme-data-prod.iam.gserviceaccount.com';
const grant = {
  type: 'gcp:bigquery/datasetIamMember:DatasetIamMember',
  props: { datasetId: 'acme_raw', role: 'roles/bigquery.dataEditor', member: RUNNER },
};
const projectGrant = {
  type: 'gcp:projects/iAMMember:IAMMember',
  props: { project: 'acme-data-prod', role: 'roles/bigquery.jobUser', member: RUNNER },
};

export const iamCases: readonly RuleCases[] = [
  {
    rule: 'iam-no-public',
    good: grant,
    passes: [
      { 'props.member': 'domain:acme.example', settings: { domains: ['acme.example'] } },
      { type: 'gcp:pubsub/topic:Topic', 'props.member': 'allUsers' },
    ],
    fails: [
      [{ 'props.member': 'allUsers' }, /everybody/],
      [{ 'props.member': undefined, 'props.members': [RUNNER, 'allAuthenticatedUsers'] }, /everybody/],
      [{ type: 'gcp:projects/iAMPolicy:IAMPolicy', 'props.policyData': '{"members":["allUsers"]}' }, /everybody/],
      [
        { type: 'gcp:bigquery/datasetAccess:DatasetAccess', 'props.specialGroup': 'allAuthenticatedUsers' },
        /everybody/,
      ],
      [{ type: 'gcp:bigquery/datasetAccess:DatasetAccess', 'props.iamMember': 'allUsers' }, /everybody/],
      [{ type: 'gcp:bigquery/rowAccessPolicy:RowAccessPolicy', 'props.grantees': ['allUsers'] }, /everybody/],
      [{ type: 'gcp:bigquery/dataset:Dataset', 'props.accesses': [{ domain: 'x.example' }] }, /the domain x\.example/],
      [{ 'props.member': 'domain:other.example', settings: { domains: ['acme.example'] } }, /other\.example/],
    ],
    unknown: [
      [{ 'props.member': UNKNOWN }, 'undecided'],
      [{ 'props.role': UNKNOWN }, 'passes'],
    ],
  },
  {
    rule: 'iam-no-primitive',
    good: grant,
    passes: [
      {
        type: 'gcp:bigquery/dataset:Dataset',
        props: { accesses: [{ role: 'OWNER', userByEmail: 'ci@acme.example' }] },
        settings: { legacyOwners: ['ci@acme.example'] },
      },
    ],
    fails: [
      [{ 'props.role': 'roles/editor' }, /roles\/editor/],
      [{ ...projectGrant, 'props.role': 'roles/owner' }, /roles\/owner/],
      [{ type: 'gcp:bigquery/datasetAccess:DatasetAccess', 'props.role': 'WRITER' }, /WRITER/],
      [
        { type: 'gcp:bigquery/dataset:Dataset', props: { accesses: [{ role: 'OWNER', userByEmail: 'x@y.z' }] } },
        /OWNER/,
      ],
      [{ 'props.role': 'roles/viewer', settings: { legacyOwners: [''] } }, /roles\/viewer/],
    ],
    unknown: [[{ 'props.role': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'iam-no-project-data-roles',
    good: projectGrant,
    passes: [{ ...grant }, { 'props.role': 'roles/run.admin', settings: { roles: [] } }],
    fails: [
      [{ 'props.role': 'roles/bigquery.dataEditor' }, /on the whole project/],
      [{ 'props.role': 'roles/secretmanager.secretAccessor' }, /secretAccessor/],
      [{ 'props.role': 'roles/iam.serviceAccountUser' }, /serviceAccountUser/],
      [{ type: 'gcp:projects/iAMBinding:IAMBinding', 'props.role': 'roles/storage.objectUser' }, /objectUser/],
      [{ 'props.role': 'roles/pubsub.admin', settings: { roles: ['roles/pubsub.*'] } }, /pubsub/],
    ],
    unknown: [[{ 'props.role': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'iam-no-authoritative',
    good: grant,
    passes: [{ stack: 'platform.dev', type: 'gcp:projects/iAMBinding:IAMBinding' }],
    fails: [
      [{ type: 'gcp:projects/iAMPolicy:IAMPolicy' }, /IAMPolicy is authoritative/],
      [{ type: 'gcp:serviceaccount/iAMBinding:IAMBinding' }, /authoritative/],
      [{ type: 'gcp:bigquery/datasetIamPolicy:DatasetIamPolicy' }, /authoritative/],
      [{ type: 'gcp:bigquery/datasetIamBinding:DatasetIamBinding' }, /authoritative/],
    ],
    unknown: [[{ type: 'gcp:projects/iAMPolicy:IAMPolicy', 'props.policyData': UNKNOWN }, /authoritative/]],
  },
  {
    rule: 'iam-known-members',
    good: grant,
    passes: [
      { 'props.member': 'group:data@acme.example' },
      {
        'props.member': 'user:eve@acme.example',
        'props.condition': { expression: 'request.time < timestamp("2026-12-31T00:00:00Z")' },
      },
      { 'props.member': 'principalSet://iam/x', settings: { others: ['principalSet://*'] } },
    ],
    fails: [
      [{ 'props.member': 'user:eve@acme.example' }, /person without an end/],
      [{ 'props.member': 'user:eve@acme.example', 'props.condition': { expression: 'true' } }, /without an end/],
      [{ 'props.member': 'domain:acme.example' }, /unknown kind/],
      [{ 'props.member': 'serviceAccount:' }, /unknown kind/],
      [{ 'props.member': 'deleted:serviceAccount:a@b' }, /unknown kind/],
      [{ 'props.member': undefined, 'props.members': ['projectOwner:p'] }, /projectOwner/],
    ],
    unknown: [[{ 'props.member': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'sa-no-keys',
    good: { type: 'gcp:serviceaccount/account:Account', props: { accountId: 'trb-acme-runner' } },
    fails: [
      [{ type: 'gcp:serviceaccount/key:Key' }, /long-lived key/],
      [{ type: 'gcp:storage/hmacKey:HmacKey' }, /long-lived key/],
      [{ type: 'aws:iam/accessKey:AccessKey' }, /long-lived key/],
      [{ type: 'azuread:index/applicationPassword:ApplicationPassword' }, /long-lived key/],
    ],
    unknown: [[{ type: 'gcp:serviceaccount/key:Key', 'props.serviceAccountId': UNKNOWN }, /long-lived key/]],
  },
  {
    rule: 'sa-not-default',
    good: {
      type: 'gcp:cloudrunv2/job:Job',
      props: { template: { template: { serviceAccount: 'trb-acme-runner@acme-data-prod.iam.gserviceaccount.com' } } },
    },
    passes: [
      {
        type: 'gcp:cloudrunv2/service:Service',
        props: { template: { serviceAccount: 'a@p.iam.gserviceaccount.com' } },
      },
      { type: 'gcp:cloudscheduler/job:Job', props: { httpTarget: { oidcToken: { serviceAccountEmail: 'a@b.c' } } } },
    ],
    fails: [
      [{ 'props.template.template.serviceAccount': undefined }, /no service account/],
      [{ 'props.template.template.serviceAccount': '1-compute@developer.gserviceaccount.com' }, /default account/],
      [{ type: 'gcp:cloudrunv2/service:Service' }, /no service account/],
      [{ type: 'gcp:dataflow/flexTemplateJob:FlexTemplateJob' }, /no service account/],
      [{ type: 'gcp:cloudscheduler/job:Job', props: { httpTarget: { oidcToken: {} } } }, /no service account/],
      [{ type: 'gcp:eventarc/trigger:Trigger', props: { serviceAccount: 'p@appspot.gserviceaccount.com' } }, /default/],
    ],
    unknown: [[{ 'props.template.template.serviceAccount': UNKNOWN }, 'undecided']],
  },
];
