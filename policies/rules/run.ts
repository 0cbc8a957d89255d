/** Cloud Run services and jobs. */
import { limit, list, matchesAny, type Resource, resourceRule } from '../rule.ts';
import { seconds } from './scheduler.ts';

export interface Container {
  readonly image?: string;
  readonly resources?: { readonly limits?: { readonly cpu?: string; readonly memory?: string } };
  readonly envs?: readonly {
    readonly name?: string;
    readonly value?: string;
    readonly valueSource?: { readonly secretKeyRef?: { readonly secret?: string; readonly version?: string } };
  }[];
}

/** Inputs of `gcp:cloudrunv2/service:Service`. */
export interface CloudRunService {
  readonly name?: string;
  readonly ingress?: string;
  readonly invokerIamDisabled?: boolean;
  readonly customAudiences?: readonly string[];
  readonly scaling?: { readonly maxInstanceCount?: number };
  readonly serviceAccount?: string;
  readonly template?: {
    readonly serviceAccount?: string;
    readonly scaling?: { readonly maxInstanceCount?: number };
    readonly containers?: readonly Container[];
  };
}

/** Inputs of `gcp:cloudrunv2/job:Job`. */
export interface CloudRunJob {
  readonly name?: string;
  readonly location?: string;
  readonly template?: {
    readonly taskCount?: number;
    readonly parallelism?: number;
    readonly template?: {
      readonly serviceAccount?: string;
      readonly maxRetries?: number;
      readonly timeout?: string;
      readonly encryptionKey?: string;
      readonly containers?: readonly Container[];
    };
  };
}

export const CLOUD_RUN_SERVICE = 'gcp:cloudrunv2/service:Service';
export const CLOUD_RUN_JOB = 'gcp:cloudrunv2/job:Job';

/** The containers of a service or of a job. */
export function containersOf({ template }: CloudRunService & CloudRunJob): readonly Container[] {
  return template?.containers ?? template?.template?.containers ?? [];
}

export const runRules = [
  resourceRule({
    id: 'run-service-private',
    level: 'mandatory',
    description: 'A service is reached from inside, by callers with a grant, and has a bound on its instances.',
    why: 'The webhook starts jobs; nobody without a token may knock, and no storm of calls may grow without end.',
    fix: 'Set ingress to INGRESS_TRAFFIC_INTERNAL_ONLY (or list the service in `public`), keep invokerIamDisabled false, set scaling.maxInstanceCount.',
    types: [CLOUD_RUN_SERVICE],
    settings: { public: list([], 'Names of services that may be reached from the internet.') },
    *check({ props }: Resource<CloudRunService>, { settings }) {
      if (props.invokerIamDisabled === true) yield 'lets everybody in: invokerIamDisabled is true.';
      const { ingress = 'INGRESS_TRAFFIC_ALL' } = props;
      if (ingress === 'INGRESS_TRAFFIC_ALL' && !matchesAny(props.name ?? '', settings.public))
        yield 'is reachable from the internet (ingress ALL).';
      if (!(props.scaling?.maxInstanceCount ?? props.template?.scaling?.maxInstanceCount))
        yield 'does not bound its instances.';
    },
  }),
  resourceRule({
    id: 'job-bounded',
    level: 'mandatory',
    description: 'A job says how often and how long it may run, and in how many tasks.',
    why: 'The default is three retries of each task; a load that hangs would be paid for a day.',
    fix: 'Set template.template.maxRetries and timeout, template.taskCount and parallelism.',
    types: [CLOUD_RUN_JOB],
    settings: {
      retries: limit(3, 'Most retries of a task.'),
      timeoutSeconds: limit(14_400, 'Longest attempt of a task, in seconds.'),
      tasks: limit(10, 'Most tasks of an execution.'),
    },
    *check({ props: { template } }: Resource<CloudRunJob>, { settings }) {
      const { maxRetries } = template?.template ?? {};
      if (maxRetries === undefined) yield 'does not set maxRetries.';
      else if (maxRetries > settings.retries) yield `retries ${maxRetries} times; ${settings.retries} are allowed.`;
      const { timeout } = template?.template ?? {};
      const longest = seconds(timeout);
      if (longest === undefined) yield 'does not set timeout.';
      else if (!(longest <= settings.timeoutSeconds))
        yield `may take ${timeout}; ${settings.timeoutSeconds}s are allowed.`;
      const { taskCount = 1, parallelism = 0 } = template ?? {};
      if (taskCount > settings.tasks) yield `has ${taskCount} tasks; ${settings.tasks} are allowed.`;
      if (parallelism > taskCount) yield `runs ${parallelism} tasks at once, but has ${taskCount}.`;
    },
  }),
  resourceRule({
    id: 'job-resources',
    level: 'mandatory',
    description: 'A job says how much CPU and memory it takes, within bounds.',
    why: 'The default of 512 MiB kills a load midway; without a cap a typing error is expensive.',
    fix: 'Set resources.limits.cpu and memory of every container.',
    types: [CLOUD_RUN_JOB],
    settings: {
      cpu: limit(8, 'Most CPUs of a container.'),
      memoryGi: limit(32, 'Most memory of a container, in GiB.'),
    },
    *check({ props }: Resource<CloudRunJob>, { settings }) {
      for (const { resources } of containersOf(props)) {
        const cpu = cpus(resources?.limits?.cpu);
        if (cpu === undefined) yield 'does not set its CPU.';
        else if (!(cpu <= settings.cpu)) yield `takes ${resources?.limits?.cpu} CPU; ${settings.cpu} are allowed.`;
        const memory = gibibytes(resources?.limits?.memory);
        if (memory === undefined) yield 'does not set its memory.';
        else if (!(memory <= settings.memoryGi))
          yield `takes ${resources?.limits?.memory}; ${settings.memoryGi}Gi are allowed.`;
      }
    },
  }),
  resourceRule({
    id: 'image-pinned',
    level: 'mandatory',
    description: 'Images are named by digest and come from a known registry.',
    why: 'A tag is whatever was pushed last: the run of tomorrow would not be the one that was reviewed.',
    fix: 'Write <registry>/<image>@sha256:<64 digits>, and list the registry in `registries`.',
    types: [CLOUD_RUN_SERVICE, CLOUD_RUN_JOB],
    settings: { registries: list(['*-docker.pkg.dev/*'], 'Where images may come from; `*` stands for anything.') },
    *check({ props }: Resource<CloudRunService & CloudRunJob>, { settings }) {
      for (const { image = '' } of containersOf(props)) {
        if (!/@sha256:[0-9a-f]{64}$/.test(image)) yield `runs ${image || 'no image'}, which is not pinned by digest.`;
        if (!matchesAny(image, settings.registries)) yield `runs ${image || 'no image'}, of no known registry.`;
      }
    },
  }),
];

function cpus(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return text.endsWith('m') ? Number(text.slice(0, -1)) / 1000 : Number(text);
}

const UNITS: Readonly<Record<string, number>> = {
  Ki: 2 ** -20,
  Mi: 2 ** -10,
  Gi: 1,
  Ti: 1024,
  k: 1e3 / 2 ** 30,
  M: 1e6 / 2 ** 30,
  G: 1e9 / 2 ** 30,
};

function gibibytes(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text) ?? [];
  return Number(amount) * (unit === '' ? 2 ** -30 : (UNITS[unit] ?? Number.NaN));
}
