/** What runs, and what starts it: Cloud Run and Cloud Scheduler. */
import { Cron } from 'croner';
import { badRequest, notFound } from '../errors.ts';
import { digest } from '../store.ts';
import { isList, isObject, type Properties, stringAt, stringsAt, type Value, valuesAt } from '../values.ts';
import { projectNumber } from './data.ts';
import { grant } from './iam.ts';
import type { Kind, Kinds, Reference, Rule } from './kind.ts';
import { account, eachExists, key } from './references.ts';
import { base64, between, duration, exactlyOne, labels, location, matches, oneOf, refuse, rfc1035 } from './rules.ts';

const serviceType = 'gcp:cloudrunv2/service:Service';
const jobType = 'gcp:cloudrunv2/job:Job';
const topicType = 'gcp:pubsub/topic:Topic';
const secretType = 'gcp:secretmanager/secret:Secret';
const versionType = 'gcp:secretmanager/secretVersion:SecretVersion';
const SERVICE = 'projects/{project}/locations/{location}/services/{name|last}';
const JOB = 'projects/{project}/locations/{location}/jobs/{name|last}';

/** What services and jobs have in common, for the template at this path. */
function containerRules(at: string): readonly Rule[] {
  const containers = `${at}.containers.*`;
  return [
    labels('labels'),
    location('location'),
    matches(
      `${containers}.image`,
      /^[a-z0-9.-]+(?::\d+)?(?:\/[a-z0-9._-]+)*(?::[\w.-]{1,128})?(?:@sha256:[0-9a-f]{64})?$/,
      'be an image, as in "europe-west1-docker.pkg.dev/p/r/runner@sha256:…"',
    ),
    matches(`${containers}.envs.*.name`, /^[A-Za-z_][A-Za-z0-9_]*$/, 'be letters, digits or _'),
    exactlyOne(`${containers}.envs.*`, ['value', 'valueSource']),
    distinct(`${containers}.envs`, 'name'),
    matches(`${containers}.resources.limits.memory`, /^\d+(?:Mi|Gi|M|G)$/, 'be as in "512Mi" or "8Gi"'),
    oneOf(`${containers}.resources.limits.cpu`, ['1', '2', '4', '6', '8', '1000m', '2000m', '4000m', '6000m', '8000m']),
    enoughCpu(containers),
    oneOf(`${at}.executionEnvironment`, ['EXECUTION_ENVIRONMENT_GEN1', 'EXECUTION_ENVIRONMENT_GEN2']),
    oneOf(`${at}.vpcAccess.egress`, ['ALL_TRAFFIC', 'PRIVATE_RANGES_ONLY']),
    oneOf('launchStage', ['UNIMPLEMENTED', 'PRELAUNCH', 'EARLY_ACCESS', 'ALPHA', 'BETA', 'GA', 'DEPRECATED']),
  ];
}

/** No two elements of a list share this property. */
function distinct(path: string, property: string): Rule {
  return (inputs) =>
    valuesAt(inputs, path).flatMap((at) => {
      const names = isList(at.value) ? at.value.map((v) => (isObject(v) ? v[property] : undefined)) : [];
      const twice = names.find((name, i) => name !== undefined && names.indexOf(name) !== i);
      return twice === undefined ? [] : [{ path: at.path, reason: `${twice} is there twice` }];
    });
}

/** Memory wants processors: https://cloud.google.com/run/docs/configuring/services/memory-limits */
function enoughCpu(containers: string): Rule {
  return (inputs) =>
    valuesAt(inputs, `${containers}.resources.limits`).flatMap(({ path, value }) => {
      const limits = isObject(value) ? value : {};
      const memory = gibibytes(limits.memory);
      const cpu = Number.parseFloat(String(limits.cpu ?? '1').replace(/^(\d+)000m$/, '$1'));
      const least = memory > 24 ? 8 : memory > 16 ? 6 : memory > 8 ? 4 : memory > 4 ? 2 : 1;
      if (memory > 32) return [{ path, reason: `${limits.memory} is more than 32Gi` }];
      if (cpu < least) return [{ path, reason: `${limits.memory} needs at least ${least} CPU, got ${cpu}` }];
      if (cpu >= 4 && memory < 2)
        return [{ path, reason: `${cpu} CPU need at least 2Gi, got ${limits.memory ?? '512Mi'}` }];
      return [];
    });
}

function gibibytes(memory: Value | undefined): number {
  const [, number, unit] = /^(\d+)(Mi|Gi|M|G)$/.exec(String(memory ?? '512Mi')) ?? [];
  return Number(number ?? 0) / (unit?.startsWith('M') ? 1024 : 1);
}

/** A secret that a container reads exists and has that version: Cloud Run checks it when it deploys. */
function secrets(at: string): Reference {
  return (inputs, { store, config }) => {
    const project = stringAt(inputs, 'project') ?? String(config.project);
    for (const { value } of valuesAt(inputs, `${at}.containers.*.envs.*.valueSource.secretKeyRef`)) {
      const { secret = '', version = 'latest' } = value as { secret?: string; version?: string };
      const id = secret.includes('/') ? secret : `projects/${project}/secrets/${secret}`;
      if (store.read(secretType, id) === null) throw notFound(id);
      const versions = store.list(versionType).filter((resource) => resource.id.startsWith(`${id}/versions/`));
      const there =
        version === 'latest' ? versions.length > 0 : versions.some(({ id: v }) => v.endsWith(`/${version}`));
      if (!there) throw notFound(`${id}/versions/${version}`);
    }
  };
}

function undeletable(what: string): NonNullable<Kind['protection']> {
  return ({ deletionProtection }) =>
    deletionProtection === false
      ? null
      : `cannot destroy ${what} without setting deletion_protection=false and running \`pulumi up\``;
}

/** As Cloud Scheduler reads it: five fields, and it must fire some day. */
const schedule: Rule = (inputs) =>
  stringsAt(inputs, 'schedule').flatMap(({ path, value }) => {
    const wrong = { path, reason: `${JSON.stringify(value)} is no unix-cron schedule of five fields` };
    if (value.trim().split(/\s+/).length !== 5) return wrong;
    try {
      return new Cron(value, { mode: '5-part' }).nextRun() === null ? wrong : [];
    } catch {
      return wrong;
    }
  });

const timeZone: Rule = (inputs) =>
  stringsAt(inputs, 'timeZone').flatMap(({ path, value }) => {
    try {
      new Intl.DateTimeFormat('en', { timeZone: value });
      return [];
    } catch {
      return { path, reason: `${JSON.stringify(value)} is no time zone of the tz database` };
    }
  });

/** Beyond Google, which would find out at the first tick: a Cloud Run service takes only its own audiences. */
const reachable: Reference = (inputs, { store }) => {
  const host = hostOf(stringAt(inputs, 'httpTarget.uri'));
  if (host === undefined || !host.endsWith('.run.app')) return;
  const service = store.list(serviceType).find(({ outputs }) => hostOf(stringAt(outputs, 'uri')) === host);
  if (service === undefined) throw notFound(`the Cloud Run service at ${host}`);
  const audience = stringAt(inputs, 'httpTarget.oidcToken.audience');
  const accepted = [service.outputs.uri, ...stringsAt(service.inputs, 'customAudiences.*').map(({ value }) => value)];
  if (audience !== undefined && !accepted.includes(audience)) {
    throw badRequest(`audience ${audience} is none of ${host}: ${accepted.join(', ')}`);
  }
};

function hostOf(uri: string | undefined): string | undefined {
  return uri === undefined || !URL.canParse(uri) ? undefined : new URL(uri).host;
}

/** Its account must be of the job's own project. */
const ownAccount: Reference = (inputs, { config }) => {
  const project = stringAt(inputs, 'project') ?? String(config.project);
  const email = stringAt(inputs, 'httpTarget.oidcToken.serviceAccountEmail');
  if (email !== undefined && !email.endsWith(`@${project}.iam.gserviceaccount.com`)) {
    throw badRequest(`${email} must be a service account of the job's project ${project}`);
  }
};

export const runKinds: Kinds = {
  [serviceType]: {
    id: SERVICE,
    defaults: { deletionProtection: true, ingress: 'INGRESS_TRAFFIC_ALL', launchStage: 'GA' },
    rules: [
      rfc1035('name', 49),
      ...containerRules('template'),
      oneOf('ingress', [
        'INGRESS_TRAFFIC_ALL',
        'INGRESS_TRAFFIC_INTERNAL_ONLY',
        'INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER',
      ]),
      duration('template.timeout', 0, 3600),
      between('template.containers.*.ports.containerPort', 1, 65_535),
      between('template.maxInstanceRequestConcurrency', 0, 1000),
    ],
    references: [account('template.serviceAccount'), secrets('template'), key('template.encryptionKey', 'location')],
    protection: undeletable('service'),
    outputs: ({ id, inputs, world }) => {
      const project = stringAt(inputs, 'project') ?? String(world.config.project);
      const uri = `https://${id.split('/').at(-1)}-${projectNumber(project)}.${stringAt(inputs, 'location')}.run.app`;
      return { uri, urls: [uri], uid: digest(id, 32) };
    },
  },
  'gcp:cloudrunv2/serviceIamMember:ServiceIamMember': grant(SERVICE, { of: 'run', target: serviceType }),
  [jobType]: {
    id: JOB,
    defaults: { deletionProtection: true, launchStage: 'GA' },
    rules: [
      rfc1035('name', 49),
      ...containerRules('template.template'),
      duration('template.template.timeout', 1, 604_800),
      between('template.template.maxRetries', 0, 10),
      between('template.taskCount', 1, 10_000),
      refuse('template.parallelism', moreThanTasks, 'must not be more than taskCount'),
    ],
    references: [
      account('template.template.serviceAccount'),
      secrets('template.template'),
      key('template.template.encryptionKey', 'location'),
    ],
    protection: undeletable('job'),
    outputs: ({ id }) => ({ uid: digest(id, 32) }),
  },
  'gcp:cloudrunv2/jobIamMember:JobIamMember': grant(JOB, { of: 'run', target: jobType }),
  'gcp:cloudscheduler/job:Job': {
    id: 'projects/{project}/locations/{region}/jobs/{name}',
    defaults: { timeZone: 'Etc/UTC', paused: false, attemptDeadline: '180s' },
    rules: [
      matches('name', /^[A-Za-z\d_-]{1,500}$/, 'be 1 to 500 letters, digits, _ or -'),
      location('region'),
      exactlyOne('', ['httpTarget', 'pubsubTarget', 'appEngineHttpTarget']),
      refuse('schedule', (inputs) => inputs.schedule == null, 'a job must have a schedule'),
      schedule,
      timeZone,
      duration('attemptDeadline', 15, 1800),
      between('retryConfig.retryCount', 0, 5),
      duration('retryConfig.maxRetryDuration'),
      duration('retryConfig.minBackoffDuration'),
      duration('retryConfig.maxBackoffDuration'),
      matches('httpTarget.uri', /^https?:\/\/[^\s/]+/, 'be an http or https address'),
      oneOf('httpTarget.httpMethod', ['POST', 'GET', 'PUT', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS']),
      base64('httpTarget.body'),
      base64('pubsubTarget.data'),
    ],
    references: [
      account('httpTarget.oidcToken.serviceAccountEmail'),
      account('httpTarget.oauthToken.serviceAccountEmail'),
      ownAccount,
      reachable,
      eachExists(topicType, 'pubsubTarget.topicName'),
    ],
    outputs: ({ inputs }) => ({ state: inputs.paused === true ? 'PAUSED' : 'ENABLED' }),
  },
};

function moreThanTasks(inputs: Properties): boolean {
  const [tasks, parallel] = ['template.taskCount', 'template.parallelism'].map(
    (path) => valuesAt(inputs, path)[0]?.value,
  );
  return typeof parallel === 'number' && parallel > (typeof tasks === 'number' ? tasks : 1);
}
