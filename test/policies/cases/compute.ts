import { UNKNOWN } from '../scene.ts';
import type { RuleCases } from './cases.ts';

const DIGEST = `sha256:${'0a'.repeat(32)}`;
const schedule = {
  type: 'gcp:cloudscheduler/job:Job',
  props: {
    schedule: '*/15 * * * *',
    timeZone: 'Europe/Warsaw',
    attemptDeadline: '60s',
    retryConfig: { retryCount: 3 },
    httpTarget: {
      uri: 'https://webhook.example/v1/tenants/acme/sources/orders/trigger',
      oidcToken: { serviceAccountEmail: 'a@b.c', audience: 'https://tributary.p.internal' },
    },
  },
};
const service = {
  type: 'gcp:cloudrunv2/service:Service',
  stack: 'platform.dev',
  props: { name: 'webhook', ingress: 'INGRESS_TRAFFIC_INTERNAL_ONLY', scaling: { maxInstanceCount: 5 } },
};
const job = {
  type: 'gcp:cloudrunv2/job:Job',
  props: {
    template: {
      taskCount: 1,
      parallelism: 1,
      template: {
        maxRetries: 1,
        timeout: '3600s',
        containers: [
          {
            image: `europe-west1-docker.pkg.dev/p/tributary/runner@${DIGEST}`,
            resources: { limits: { cpu: '4', memory: '8Gi' } },
            envs: [
              { name: 'TENANT', value: 'acme' },
              { name: 'SHOP_PASSWORD', valueSource: { secretKeyRef: { secret: 's', version: '3' } } },
            ],
          },
        ],
      },
    },
  },
};
const IMAGE = 'props.template.template.containers.0.image';
const LIMITS = 'props.template.template.containers.0.resources.limits';
const ENV = 'props.template.template.containers.0.envs.0';
const VERSION = 'props.template.template.containers.0.envs.1.valueSource.secretKeyRef.version';
const stream = {
  type: 'gcp:dataflow/flexTemplateJob:FlexTemplateJob',
  props: { ipConfiguration: 'WORKER_IP_PRIVATE', subnetwork: 's', maxWorkers: 4, enableStreamingEngine: true },
};

export const computeCases: readonly RuleCases[] = [
  {
    rule: 'sched-oidc',
    good: schedule,
    passes: [
      {
        'props.httpTarget': {
          uri: 'https://run.googleapis.com/v2/x:run',
          oauthToken: { serviceAccountEmail: 'a@b.c' },
        },
      },
    ],
    fails: [
      [{ 'props.httpTarget': undefined }, /no httpTarget/],
      [{ 'props.httpTarget': null }, /no httpTarget/],
      [{ 'props.httpTarget.oidcToken': undefined }, /without a token/],
      [{ 'props.httpTarget.oidcToken.serviceAccountEmail': undefined }, /no service account/],
      [{ 'props.httpTarget.oidcToken.audience': undefined }, /explicit audience/],
      [{ 'props.httpTarget.oidcToken.audience': '' }, /explicit audience/],
      [{ 'props.httpTarget.uri': 'http://webhook.example' }, /not https/],
      [{ 'props.httpTarget.uri': undefined }, /no address/],
      [{ 'props.httpTarget.oauthToken': { serviceAccountEmail: 'a@b.c' } }, /access token to webhook\.example/],
      [
        {
          'props.httpTarget.oauthToken': { serviceAccountEmail: 'a@b.c' },
          'props.httpTarget.uri': 'https://evilgoogleapis.com/',
        },
        /access token/,
      ],
    ],
    unknown: [
      [{ 'props.httpTarget.oidcToken.audience': UNKNOWN }, 'undecided'],
      [{ 'props.httpTarget.uri': UNKNOWN }, 'undecided'],
      [{ 'props.httpTarget.uri': UNKNOWN, 'props.httpTarget.oidcToken.audience': undefined }, /explicit audience/],
    ],
  },
  {
    rule: 'sched-bounded',
    good: schedule,
    passes: [
      { 'props.attemptDeadline': '900s', settings: { deadlineSeconds: 900 } },
      { 'props.name': 'tributary-sweep', 'props.schedule': '* * * * *' },
    ],
    fails: [
      [{ 'props.retryConfig': undefined }, /does not set retryConfig\.retryCount/],
      [{ 'props.retryConfig.retryCount': 6 }, /retries 6 times/],
      [{ 'props.attemptDeadline': undefined }, /does not set attemptDeadline/],
      [{ 'props.attemptDeadline': '301s' }, /waits 301s/],
      [{ 'props.attemptDeadline': 'soon' }, /waits soon/],
      [{ 'props.timeZone': undefined }, /time zone/],
      [{ 'props.timeZone': 'Europe/Atlantis' }, /Atlantis/],
      [{ 'props.schedule': '* * * * *' }, /more often/],
      [{ 'props.name': 'tributary-sweep', 'props.schedule': '0 3 31 2 *' }, /never fires/],
      [{ 'props.schedule': '0 3 31 2 *' }, /never fires/],
      [{ settings: { retries: 2 } }, /2 are allowed/],
    ],
    unknown: [
      [{ 'props.attemptDeadline': UNKNOWN }, 'undecided'],
      [{ 'props.schedule': UNKNOWN, 'props.timeZone': undefined }, /time zone/],
    ],
  },
  {
    rule: 'run-service-private',
    good: service,
    passes: [
      { 'props.ingress': 'INGRESS_TRAFFIC_ALL', settings: { public: ['webhook'] } },
      { 'props.scaling': undefined, 'props.template': { scaling: { maxInstanceCount: 3 } } },
    ],
    fails: [
      [{ 'props.invokerIamDisabled': true }, /lets everybody in/],
      [{ 'props.ingress': 'INGRESS_TRAFFIC_ALL' }, /internet/],
      [{ 'props.ingress': undefined }, /internet/],
      [{ 'props.scaling': undefined }, /does not bound/],
    ],
    unknown: [[{ 'props.ingress': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'job-bounded',
    good: job,
    passes: [
      { 'props.template.taskCount': undefined, 'props.template.parallelism': undefined },
      { 'props.template.template.timeout': '86400s', settings: { timeoutSeconds: 86_400 } },
    ],
    fails: [
      [{ 'props.template.template.maxRetries': undefined }, /does not set maxRetries/],
      [{ 'props.template.template.maxRetries': 4 }, /retries 4 times/],
      [{ 'props.template.template.timeout': undefined }, /does not set timeout/],
      [{ 'props.template.template.timeout': '14401s' }, /may take 14401s/],
      [{ 'props.template.taskCount': 11 }, /11 tasks/],
      [{ 'props.template.parallelism': 2 }, /2 tasks at once/],
      [{ 'props.template': undefined }, /does not set/],
    ],
    unknown: [[{ 'props.template.template.timeout': UNKNOWN }, 'undecided']],
  },
  {
    rule: 'job-resources',
    good: job,
    passes: [{ [LIMITS]: { cpu: '8000m', memory: '32768Mi' } }],
    fails: [
      [{ [LIMITS]: undefined }, /does not set its memory/],
      [{ [`${LIMITS}.cpu`]: undefined }, /does not set its CPU/],
      [{ [`${LIMITS}.cpu`]: '9' }, /takes 9 CPU/],
      [{ [`${LIMITS}.memory`]: '33Gi' }, /takes 33Gi/],
      [{ [`${LIMITS}.memory`]: 'much' }, /takes much/],
      [{ settings: { cpu: 2 } }, /2 are allowed/],
    ],
    unknown: [[{ [`${LIMITS}.memory`]: UNKNOWN }, 'undecided']],
  },
  {
    rule: 'image-pinned',
    good: job,
    passes: [{ [IMAGE]: `ghcr.io/a/b@${DIGEST}`, settings: { registries: ['ghcr.io/a/*'] } }],
    fails: [
      [{ [IMAGE]: 'europe-west1-docker.pkg.dev/p/tributary/runner:latest' }, /not pinned/],
      [{ [IMAGE]: 'europe-west1-docker.pkg.dev/p/tributary/runner@sha256:0' }, /not pinned/],
      [{ [IMAGE]: `docker.io/x/runner@${DIGEST}` }, /no known registry/],
      [{ [IMAGE]: undefined }, /no image/],
    ],
    unknown: [[{ [IMAGE]: UNKNOWN }, 'undecided']],
  },
  {
    rule: 'env-no-secrets',
    good: job,
    passes: [
      { [ENV]: { name: 'KMS_KEY', value: 'projects/p/locations/europe/keyRings/r/cryptoKeys/k' } },
      { [ENV]: { name: 'SHOP_SECRET_NAME', value: 'shop-password' } },
      { [ENV]: { name: 'IMAGE', value: `x@${DIGEST}` } },
      { [ENV]: { name: 'AUDIENCE', value: '/projects/1234567890/global/backendServices/9876543210' } },
    ],
    fails: [
      [{ [ENV]: { name: 'DB_PASSWORD', value: 'hunter2' } }, /DB_PASSWORD is named like a secret/],
      [{ [ENV]: { name: 'apiToken', value: 'abc' } }, /apiToken/],
      [{ [ENV]: { name: 'CONFIG', value: '-----BEGIN RSA PRIVATE KEY-----\nx' } }, /private key/],
      [{ [ENV]: { name: 'CONFIG', value: 'u=9fQx7LmZ2vKp4RtYb8WnDs5HcJgAe3UiTo6B' } }, /looks like a key/],
      [{ [ENV]: { name: 'NAME', value: 'projects/p/x/9fQx7LmZ2vKp4RtYb8WnDs5HcJgAe3UiTo6B' } }, /looks like a key/],
      [
        {
          type: 'gcp:cloudrunv2/service:Service',
          props: { template: { containers: [{ envs: [{ name: 'KEY', value: 'a' }] }] } },
        },
        /KEY/,
      ],
      [{ ...stream, 'props.parameters': { password: 'hunter2' } }, /password is named/],
    ],
    unknown: [[{ [`${ENV}.value`]: UNKNOWN }, 'undecided']],
  },
  {
    rule: 'secret-version-pinned',
    good: job,
    fails: [
      [{ [VERSION]: 'latest' }, /SHOP_PASSWORD takes version latest/],
      [{ [VERSION]: undefined }, /takes version/],
    ],
    unknown: [[{ [VERSION]: UNKNOWN }, 'undecided']],
  },
  {
    rule: 'dataflow-private',
    good: stream,
    fails: [
      [{ 'props.ipConfiguration': undefined }, /public addresses/],
      [{ 'props.subnetwork': undefined }, /no subnetwork/],
      [{ 'props.maxWorkers': undefined }, /does not bound/],
      [{ 'props.maxWorkers': 21 }, /21 workers/],
      [{ 'props.enableStreamingEngine': undefined }, /batch job/],
    ],
    unknown: [
      [{ 'props.subnetwork': UNKNOWN }, 'undecided'],
      [{ 'props.subnetwork': UNKNOWN, 'props.ipConfiguration': undefined }, /public addresses/],
    ],
  },
];
