/** The streams of a tenant's stack; their components are loaded only where it has some. */
import { type ComponentResourceOptions, type Output, output } from '@pulumi/pulumi';
import type { DatastreamArgs } from '../components/datastream-args.ts';
import type { PubsubSourceArgs } from '../components/pubsub-source-args.ts';
import type { StreamArgs } from '../components/stream.ts';
import type { Tenant } from '../components/tenant.ts';
import type { StreamKind, TenantSpec } from '../tenants/schema/index.ts';
import type { PlatformOutputs } from './contract.ts';
import { present } from './present.ts';
import { datastreamArgs, pubsubArgs } from './stream-args.ts';

/** Where a stream writes and what it is known by. */
export interface StreamOutputs {
  readonly kind: StreamKind;
  /** Resource name of the Datastream stream, or of the topic to publish to; empty while it is only prepared. */
  readonly name: Output<string>;
}

/** Declares the streams, after everything that the tenant has. */
export async function createStreams(
  tenant: Tenant,
  spec: TenantSpec,
  platform: PlatformOutputs,
): Promise<Record<string, StreamOutputs>> {
  const streams = Object.entries(spec.streams);
  if (streams.length === 0) return {};
  const common = await commonArgs(spec, platform);
  const opts = { parent: tenant, dependsOn: [...tenant.foundations] };
  const made: Record<string, StreamOutputs> = {};
  for (const [stream, streamSpec] of streams) {
    const name = `${spec.tenant}-${stream}`;
    made[stream] =
      streamSpec.kind === 'datastream'
        ? await createDatastream(name, { ...common, ...datastreamArgs(spec, stream, streamSpec) }, opts)
        : await createPubsub(name, { ...common, ...pubsubArgs(spec, stream, streamSpec) }, opts);
  }
  return made;
}

async function commonArgs(spec: TenantSpec, platform: PlatformOutputs): Promise<Omit<StreamArgs, 'stream'>> {
  const { getProject } = await import('@pulumi/gcp/organizations/getProject.js');
  const project = spec.project ?? platform.project;
  const { number } = await getProject({ projectId: project });
  return {
    tenant: spec.tenant,
    project,
    projectNumber: number,
    region: spec.region,
    protectData: spec.protection.data,
    protectCompute: spec.protection.compute,
    platform,
    ...present({ costCenter: spec.costCenter }),
  };
}

async function createDatastream(
  name: string,
  args: DatastreamArgs,
  opts: ComponentResourceOptions,
): Promise<StreamOutputs> {
  const { Datastream } = await import('../components/datastream.ts');
  return { kind: 'datastream', name: new Datastream(name, args, opts).streamName };
}

async function createPubsub(
  name: string,
  args: PubsubSourceArgs,
  opts: ComponentResourceOptions,
): Promise<StreamOutputs> {
  const { PubsubSource } = await import('../components/pubsub-source.ts');
  return { kind: 'pubsub', name: output(new PubsubSource(name, args, opts).topicName) };
}
