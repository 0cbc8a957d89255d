/** The resources of a stack as its state records them, and what two stacks have in common. */
import type { Deployment } from '@pulumi/pulumi/automation/index.js';

export interface Recorded {
  readonly type: string;
  readonly urn: string;
  readonly id: string;
  readonly inputs: unknown;
}

/** Without components, providers and the stack itself. */
export function resourcesOf(deployment: Deployment): readonly Recorded[] {
  const all: { type: string; urn: string; custom: boolean; id?: string; inputs?: unknown }[] =
    deployment.deployment.resources ?? [];
  return all
    .filter(({ type, custom }) => custom && !type.startsWith('pulumi:'))
    .map(({ type, urn, id = '', inputs = {} }) => ({ type, urn, id, inputs }));
}

/** The input that names a resource of the type, and by which others reach it. */
const NAMES: Readonly<Record<string, string>> = {
  'gcp:bigquery/dataset:Dataset': 'datasetId',
  'gcp:cloudrunv2/job:Job': 'name',
  'gcp:cloudscheduler/job:Job': 'name',
  'gcp:pubsub/topic:Topic': 'name',
  'gcp:secretmanager/secret:Secret': 'secretId',
  'gcp:storage/bucket:Bucket': 'name',
};

/** Names by which this stack's datasets, secrets, buckets, accounts, jobs and topics can be reached. */
export function ownNames(resources: readonly Recorded[]): ReadonlySet<string> {
  return new Set(
    resources.flatMap(({ type, id, inputs }) => {
      if (type === 'gcp:serviceaccount/account:Account') return [id.split('/').at(-1) ?? id];
      const path = NAMES[type];
      return path === undefined ? [] : [String((inputs as Record<string, unknown>)[path])];
    }),
  );
}

export interface Trespass {
  readonly urn: string;
  /** The name of the other's that stands in it. */
  readonly name: string;
}

/** Resources of one stack that name something of the other's, in whatever input; in free text and in JSON as well. */
export function trespasses(resources: readonly Recorded[], others: ReadonlySet<string>): readonly Trespass[] {
  return resources.flatMap(({ urn, inputs }) => {
    const words = new Set(strings(inputs).flatMap((text) => text.split(/[^A-Za-z0-9@._-]+/)));
    return [...others].filter((name) => words.has(name)).map((name) => ({ urn, name }));
  });
}

function strings(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inside]) => [key, ...strings(inside)]);
}
