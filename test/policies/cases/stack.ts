import { streamAccount } from '../../../tenants/naming.ts';
import { UNKNOWN } from '../scene.ts';
import type { RuleCases } from './cases.ts';

const account = (role: string, tenant = 'acme') => `trb-${tenant}-${role}@acme-data-prod.iam.gserviceaccount.com`;
const AUDIENCE = 'https://tributary.platform.internal';
const channel = { type: 'gcp:monitoring/notificationChannel:NotificationChannel', props: {} };
const alert = (displayName: string) => ({
  type: 'gcp:monitoring/alertPolicy:AlertPolicy',
  props: { displayName, notificationChannels: ['projects/p/notificationChannels/1'], conditions: [] },
});
const invoker = (role: string) => ({
  type: 'gcp:cloudrunv2/serviceIamMember:ServiceIamMember',
  props: { role: 'roles/run.invoker', member: `serviceAccount:${account(role)}` },
});
const schedule = {
  type: 'gcp:cloudscheduler/job:Job',
  props: { httpTarget: { oidcToken: { serviceAccountEmail: account('scheduler'), audience: AUDIENCE } } },
};
const job = {
  type: 'gcp:cloudrunv2/job:Job',
  props: { name: 'tributary-acme-run', template: { template: { serviceAccount: account('runner') } } },
};
const rows = (filterPredicate: string, grantee: string) => ({
  type: 'gcp:bigquery/rowAccessPolicy:RowAccessPolicy',
  props: { datasetId: 'acme_raw', tableId: 'orders', filterPredicate, grantees: [grantee] },
});
const reference = { type: 'pulumi:pulumi:StackReference', props: { outputs: { webhookAudience: AUDIENCE } } };
const webhook = { type: 'gcp:cloudrunv2/service:Service', props: { customAudiences: [AUDIENCE] } };
const dataset = {
  type: 'gcp:bigquery/dataset:Dataset',
  props: { datasetId: 'acme_raw', labels: { tenant: 'acme' } },
};
const grant = {
  type: 'gcp:secretmanager/secretIamMember:SecretIamMember',
  props: { secretId: 'tributary-acme_shop', member: `serviceAccount:${account('runner')}` },
};

export const stackCases: readonly RuleCases[] = [
  {
    rule: 'tenant-has-alerting',
    good: { resources: [channel] },
    passes: [
      { resources: [{ ...reference, props: { outputs: { notificationChannels: ['c'] } } }] },
      { stack: 'platform.dev', resources: [alert('runs failed'), alert('no fresh rows')] },
    ],
    fails: [
      [{ resources: [] }, /nobody to alert/],
      [{ resources: [reference] }, /nobody to alert/],
      [{ stack: 'platform.dev' }, /no alert on failure/],
      [{ stack: 'platform.dev', resources: [alert('runs failed')] }, /no alert on freshness/],
      [
        {
          stack: 'platform.dev',
          resources: [alert('no fresh rows'), { ...alert(''), props: { displayName: 'runs failed' } }],
        },
        /alert on failure has no channel/,
      ],
    ],
    unknown: [[{ resources: [{ ...reference, props: { outputs: UNKNOWN } }] }, 'undecided']],
  },
  {
    rule: 'scheduler-sa-can-invoke',
    good: { resources: [schedule, invoker('scheduler'), reference] },
    passes: [
      { resources: [schedule, invoker('scheduler'), webhook] },
      { resources: [schedule, invoker('scheduler')] },
      { resources: [schedule, invoker('scheduler')], settings: { audiences: [AUDIENCE] } },
    ],
    fails: [
      [{ resources: [schedule, reference] }, /may not invoke/],
      [{ 'resources.1.props.role': 'roles/run.viewer' }, /may not invoke/],
      [{ 'resources.0.props.httpTarget.oidcToken.audience': 'https://webhook.run.app/x' }, /asks for the audience/],
      [{ 'resources.2.props.outputs.webhookAudience': 'https://other' }, /the webhook accepts https:\/\/other/],
      [{ resources: [schedule, invoker('scheduler')], settings: { audiences: ['https://other'] } }, /asks for/],
    ],
    unknown: [
      [{ 'resources.0.props.httpTarget.oidcToken.audience': UNKNOWN }, 'undecided'],
      [{ 'resources.1.props.member': UNKNOWN }, 'undecided'],
      [
        {
          resources: [
            { ...schedule, props: { httpTarget: { oidcToken: UNKNOWN } } },
            { ...schedule, props: { httpTarget: { oidcToken: { serviceAccountEmail: 'x@y', audience: AUDIENCE } } } },
          ],
        },
        /x@y, which may not invoke/,
      ],
    ],
  },
  {
    rule: 'runner-can-report',
    good: { resources: [job, invoker('runner')] },
    passes: [{ stack: 'platform.dev', resources: [job] }],
    fails: [[{ resources: [job, invoker('scheduler')] }, /may not invoke the webhook/]],
    unknown: [[{ 'resources.0.props.template.template.serviceAccount': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'max-resources',
    good: { resources: [job, channel], settings: { resources: 2 } },
    fails: [
      [{ settings: { resources: 1 } }, /has 2 resources/],
      [{ settings: {}, resources: Array.from({ length: 151 }, () => channel) }, /has 151 resources; 150/],
    ],
    unknown: [[{ 'resources.0.props.name': UNKNOWN, settings: { resources: 1 } }, /has 2 resources/]],
  },
  {
    rule: 'rls-runner-true',
    good: {
      resources: [
        job,
        rows("tenant = 'a'", 'group:a@acme.example'),
        rows('TRUE', `serviceAccount:${account('runner')}`),
      ],
    },
    passes: [{ resources: [job] }],
    fails: [
      [{ resources: [job, rows("tenant = 'a'", 'group:a@acme.example')] }, /acme_raw\.orders from serviceAccount:trb/],
      [{ 'resources.2.props.grantees': ['group:b@acme.example'] }, /hides rows/],
      [{ resources: [rows('FALSE', 'group:a@acme.example')] }, /from any runner/],
    ],
    unknown: [[{ 'resources.2.props.filterPredicate': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'no-cross-tenant',
    good: { resources: [dataset, grant, job] },
    passes: [
      { stack: 'platform.dev', 'resources.0.props.labels.tenant': 'globex' },
      { 'resources.1.props.member': 'serviceAccount:tributary-webhook@platform.iam.gserviceaccount.com' },
    ],
    fails: [
      [{ 'resources.0.props.labels.tenant': 'globex' }, /tenant=globex/],
      [{ 'resources.0.props.datasetId': 'globex_raw' }, /dataset globex_raw/],
      [{ 'resources.1.props.member': `serviceAccount:${account('runner', 'globex')}` }, /trb-globex-runner/],
      [{ 'resources.1.props.member': `serviceAccount:${account('runner', 'acme-two')}` }, /trb-acme-two-runner/],
      [{ 'resources.1.props.secretId': 'projects/p/secrets/tributary-globex_shop' }, /tributary-globex_shop/],
      [{ 'resources.2.props.name': 'tributary-globex-run' }, /tributary-globex-run/],
      [{ 'resources.2.props.bucket': 'p-trb-globex-staging' }, /p-trb-globex-staging/],
      [{ 'resources.2.props.topic': 'tributary-globex-landed' }, /globex-landed/],
      [{ 'resources.2.props.topic': 'projects/p/topics/tributary-globex_clicks' }, /tributary-globex_clicks/],
      [
        { 'resources.1.props.member': `serviceAccount:${streamAccount('globex', 'clicks')}@p.iam.gserviceaccount.com` },
        /trb-[0-9a-f]{8}-stream/,
      ],
    ],
    unknown: [
      [{ 'resources.1.props.member': UNKNOWN }, 'undecided'],
      [{ 'resources.1.props.name': UNKNOWN }, 'passes'],
      [{ 'resources.1.props.member': UNKNOWN, 'resources.2.props.name': 'tributary-globex-run' }, /globex-run/],
    ],
  },
];
