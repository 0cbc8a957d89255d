/** Secrets: where they lie, and that none is written down. */
import { meets } from '../../tenants/checks/place.ts';
import { list, matchesAny, type Resource, resourceRule } from '../rule.ts';
import { CLOUD_RUN_JOB, CLOUD_RUN_SERVICE, type CloudRunJob, type CloudRunService, containersOf } from './run.ts';

/** Inputs of `gcp:secretmanager/secret:Secret`. */
export interface SecretInputs {
  readonly secretId?: string;
  readonly replication?: {
    readonly auto?: object;
    readonly userManaged?: {
      readonly replicas?: readonly {
        readonly location?: string;
        readonly customerManagedEncryption?: { readonly kmsKeyName?: string };
      }[];
    };
  };
}

interface Worded extends CloudRunService, Omit<CloudRunJob, 'template'> {
  readonly template?: NonNullable<CloudRunService['template']> & NonNullable<CloudRunJob['template']>;
  readonly parameters?: Readonly<Record<string, string>>;
}

export const SECRET = 'gcp:secretmanager/secret:Secret';

const SECRET_NAME = /token|secret|password|passwd|credential|key/i;
/** Names of things are no secrets: a resource, an address, a number, a switch. */
const HARMLESS = /^(?:projects\/|https?:\/\/[^@]*$|gs:\/\/|\d*$|true$|false$)/;
/** A name of a resource is long, and of letters and digits; its parts are looked at one by one. */
const RESOURCE = /^\/?projects\//;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

export const secretRules = [
  resourceRule({
    id: 'env-no-secrets',
    level: 'mandatory',
    description: 'No environment variable and no template parameter holds a secret.',
    why: 'Whoever may look at a job reads its variables, and so do logs and the state of the stack.',
    fix: 'Put the value into Secret Manager (tributary secret set …) and pass the name of the secret.',
    types: [CLOUD_RUN_SERVICE, CLOUD_RUN_JOB, 'gcp:dataflow/flexTemplateJob:FlexTemplateJob'],
    settings: { allowed: list(['*_SECRET_NAME', '*_SECRET_ID'], 'Names of variables that hold the name of a secret.') },
    *check({ props }: Resource<Worded>, { settings }) {
      const variables = containersOf(props).flatMap(({ envs = [] }) => [...envs]);
      const parameters = Object.entries(props.parameters ?? {}).map(([name, value]) => ({ name, value }));
      for (const { name = '', value } of [...variables, ...parameters]) {
        if (value === undefined) continue;
        if (PRIVATE_KEY.test(value)) yield `${name} holds a private key.`;
        else if (SECRET_NAME.test(name) && !HARMLESS.test(value) && !matchesAny(name, settings.allowed))
          yield `${name} is named like a secret and has a literal value.`;
        else if (partsOf(value).some(looksRandom)) yield `${name} holds a value that looks like a key.`;
      }
    },
  }),
  resourceRule({
    id: 'secret-version-pinned',
    level: 'advisory',
    description: 'An environment variable takes a numbered version of a secret.',
    why: 'It is read when the instance starts: with `latest` two instances may hold two passwords.',
    fix: 'Write secretKeyRef.version as a number, or read the secret at run time.',
    types: [CLOUD_RUN_SERVICE, CLOUD_RUN_JOB],
    *check({ props }: Resource<CloudRunService & CloudRunJob>) {
      for (const { name, valueSource } of containersOf(props).flatMap(({ envs = [] }) => [...envs])) {
        const reference = valueSource?.secretKeyRef;
        if (reference && !/^\d+$/.test(reference.version ?? '')) yield `${name} takes version ${reference.version}.`;
      }
    },
  }),
  resourceRule({
    id: 'secret-replication',
    level: 'mandatory',
    description: 'A secret lies in named regions that its tenant’s location allows.',
    why: 'Automatic replication copies it around the world; Cloud Run reads no regional secret.',
    fix: 'Use secretmanager.Secret with replication.userManaged.replicas in the tenant’s region.',
    types: [SECRET, 'gcp:secretmanager/regionalSecret:RegionalSecret'],
    settings: { regions: list([], 'Allowed regions; none: those inside the tenant’s location.') },
    *check({ type, props }: Resource<SecretInputs>, { stack, settings }) {
      if (type !== SECRET) return yield 'is a regional secret, which Cloud Run does not read.';
      if (props.replication?.auto) return yield 'is replicated automatically.';
      const replicas = props.replication?.userManaged?.replicas ?? [];
      if (replicas.length === 0) yield 'names no replica.';
      for (const { location = '' } of replicas) {
        const listed = settings.regions.length === 0 || settings.regions.includes(location);
        const resident = settings.regions.length > 0 || !stack.spec || meets(stack.spec.location, location);
        if (!listed || !resident) yield `has a replica in ${location || 'no region'}, which is not allowed.`;
      }
    },
  }),
  resourceRule({
    id: 'secret-data-in-iac',
    level: 'mandatory',
    description: 'No value of a secret goes through Pulumi.',
    why: 'Inputs are kept in the state, write-only ones too.',
    fix: 'Create the secret empty and write its value with: tributary secret set <tenant> <name>.',
    types: [
      'gcp:secretmanager/secretVersion:SecretVersion',
      'gcp:secretmanager/regionalSecretVersion:RegionalSecretVersion',
    ],
    *check({ type }) {
      yield `${type.split(':').at(-1)} holds the value of a secret.`;
    },
  }),
];

function partsOf(value: string): readonly string[] {
  return RESOURCE.test(value) ? value.split('/') : [value];
}

/** 32 characters or more of three kinds, as good as evenly spread: a key, no word and no digest. */
function looksRandom(value: string): boolean {
  for (const [part] of value.matchAll(/[A-Za-z0-9+/_=-]{32,}/g)) {
    const mixed = /[a-z]/.test(part) && /[A-Z]/.test(part) && /\d/.test(part);
    if (mixed && entropy(part) > 4.3) return true;
  }
  return false;
}

/** Bits a character. */
function entropy(text: string): number {
  const counts = Map.groupBy(text, (character) => character);
  return [...counts.values()].reduce((sum, { length }) => {
    const share = length / text.length;
    return sum - share * Math.log2(share);
  }, 0);
}
