/** What streams of all kinds have in common: where they are, whose they are, and Google's agent that carries them. */
import { AlertPolicy } from '@pulumi/gcp/monitoring/alertPolicy.js';
import { ServiceIdentity } from '@pulumi/gcp/projects/serviceIdentity.js';
import type { ComponentResourceOptions, Resource } from '@pulumi/pulumi';
import { labels } from '../tenants/naming.ts';
import { keyFor } from './encryption.ts';
import type { PlatformReference } from './platform-reference.ts';
import { computeOptions } from './protection.ts';
import { days, SIZES, seconds } from './sizing.ts';

/** Arguments of every kind of stream. */
export interface StreamArgs {
  /** Id of the tenant. @example "acme" */
  tenant: string;
  /** Name of the stream in the tenant's file. @example "clicks" */
  stream: string;
  /** Project of the tenant's data; default: the platform's. @example "acme-data-prod" */
  project?: string;
  /** Number of that project: Google's agents are called after it. @example "123456789012" */
  projectNumber: string;
  /** Region of the stream; inside the location of the datasets. @example "europe-west1" */
  region: string;
  /** Label that costs are booked on; default: "unassigned". @example "retail-42" */
  costCenter?: string;
  /** Keeps what holds data when its stack is destroyed: tables and dead letters; default: true. */
  protectData?: boolean;
  /** Keeps the stream itself; default: false. */
  protectCompute?: boolean;
  /** The platform: outputs of its stack. */
  platform: PlatformReference;
}

/** The decisions that all kinds share. */
export interface StreamPlace {
  readonly project: string;
  readonly region: string;
  readonly labels: Record<string, string>;
  /** Key in the region that encrypts data at rest. */
  readonly key: string | undefined;
  readonly data: boolean;
  readonly compute: boolean;
  /** What the stream waits for. */
  readonly dependsOn: readonly Resource[];
}

export function streamPlace(args: StreamArgs, opts: ComponentResourceOptions = {}): StreamPlace {
  const { tenant, platform, region, costCenter } = args;
  const after = opts.dependsOn;
  return {
    project: args.project ?? platform.project,
    region,
    labels: labels({ tenant, env: platform.env, costCenter }),
    key: keyFor(region, platform),
    data: args.protectData ?? true,
    compute: args.protectCompute ?? false,
    dependsOn: Array.isArray(after) ? (after as Resource[]) : after === undefined ? [] : [after as Resource],
  };
}

/** An agent of Google, as IAM writes it; a literal, so that policies see it before anything exists. */
export function agentMember(service: 'datastream' | 'pubsub', projectNumber: string): string {
  return `serviceAccount:service-${projectNumber}@gcp-sa-${service}.iam.gserviceaccount.com`;
}

/** The agent of a project comes into being with its first use; a grant before that would be refused. */
export function createAgent(
  parent: Resource,
  name: string,
  service: 'datastream' | 'pubsub',
  { project, dependsOn }: StreamPlace,
): ServiceIdentity {
  return new ServiceIdentity(
    `${name}-agent`,
    { project, service: `${service}.googleapis.com` },
    computeOptions({ parent, dependsOn: [...dependsOn] }, false),
  );
}

/** What an alert of a stream looks at. */
export interface StreamWatch {
  readonly displayName: string;
  readonly help: string;
  readonly channels: readonly string[];
  readonly conditions: readonly { readonly says: string; readonly filter: string; readonly above: number }[];
}

/** The platform's people hear of what failed and of what is late; none where nobody would hear. */
export function createStreamAlert(
  parent: Resource,
  name: string,
  { project, labels: userLabels }: StreamPlace,
  { displayName, help, channels, conditions }: StreamWatch,
): AlertPolicy | undefined {
  if (channels.length === 0) return undefined;
  return new AlertPolicy(
    `${name}-alert`,
    {
      project,
      displayName,
      combiner: 'OR',
      severity: 'ERROR',
      enabled: true,
      userLabels,
      notificationChannels: [...channels],
      documentation: { mimeType: 'text/markdown', content: help },
      alertStrategy: { autoClose: days(SIZES.alert.autoCloseDays) },
      conditions: conditions.map(({ says, filter, above }) => ({
        displayName: says,
        conditionThreshold: {
          filter,
          comparison: 'COMPARISON_GT',
          thresholdValue: above,
          duration: '0s',
          aggregations: [{ alignmentPeriod: seconds(SIZES.alert.windowSeconds), perSeriesAligner: 'ALIGN_MAX' }],
          trigger: { count: 1 },
        },
      })),
    },
    computeOptions({ parent }, false),
  );
}
