/** Runs one policy of the pack on one resource or stack, as the analyzer of @pulumi/policy does. */
import { join } from 'node:path';
import {
  type ReportViolation,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
  UnknownValueError,
  unknownCheckingProxy,
} from '@pulumi/policy';
import { type PackOptions, policiesOf } from '../../policies/pack.ts';
import { rules } from '../../policies/rules.ts';
import { tenantFiles } from '../../policies/stack.ts';

export const tenants = join(import.meta.dirname, '../../tenants');

/** What the engine puts where a string is not known at preview. */
export const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

export interface SceneResource {
  readonly type: string;
  readonly props?: object;
  readonly name?: string;
}

/** A resource in a stack, or (`resources`) a whole stack. */
export interface Scene extends Partial<SceneResource> {
  /** Default: `acme.dev` */
  readonly stack?: string;
  /** Types of the ancestors in the urn; default: a component of ours. */
  readonly ancestors?: string;
  readonly protect?: boolean;
  readonly provider?: { readonly name: string; readonly props: object };
  readonly settings?: object;
  readonly resources?: readonly SceneResource[];
}

export interface Verdict {
  readonly violations: readonly { readonly message: string; readonly urn?: string }[];
  /** Path of the value that is not known yet. */
  readonly undecided?: string;
}

export const options: PackOptions = { waivers: [], today: new Date('2026-11-23'), specOf: tenantFiles(tenants) };

export function policy(id: string, changed: Partial<PackOptions> = {}) {
  const found = policiesOf(rules, { ...options, ...changed }).find(({ name }) => name === id);
  if (found === undefined) throw new Error(`no policy ${id}`);
  return found as ResourceValidationPolicy & StackValidationPolicy;
}

export async function judge(id: string, scene: Scene, changed: Partial<PackOptions> = {}): Promise<Verdict> {
  const { validateResource, validateStack } = policy(id, changed);
  const violations: { message: string; urn?: string }[] = [];
  const report: ReportViolation = (message, urn) => violations.push({ message, ...(urn && { urn }) });
  try {
    if (validateResource === undefined) await validateStack(stackArguments(scene) as never, report);
    else if (!Array.isArray(validateResource)) await validateResource(resourceArguments(scene) as never, report);
    return { violations };
  } catch (error) {
    if (error instanceof UnknownValueError) return { violations, undecided: (error as Error).message };
    throw error;
  }
}

export function resourceArguments(scene: Scene) {
  const { type = '', name = 'thing', props = {}, protect = false, provider, settings = {} } = scene;
  return {
    type,
    name,
    urn: urnOf(scene, { type, name }),
    props: unknownCheckingProxy(structuredClone(props)),
    opts: { protect, ignoreChanges: [], aliases: [], additionalSecretOutputs: [] },
    getConfig: () => settings,
    ...(provider && { provider: { ...provider, props: unknownCheckingProxy(provider.props) } }),
  };
}

function stackArguments(scene: Scene) {
  const root = { type: 'pulumi:pulumi:Stack', name: 'tributary', props: {} };
  const resources = [root, ...(scene.resources ?? [])].map(({ type, name = type, props = {} }) => ({
    ...resourceArguments({ ...scene, type, name, props }),
  }));
  return { resources, getConfig: () => scene.settings ?? {} };
}

function urnOf({ stack = 'acme.dev', ancestors = 'tributary:index:Tenant' }: Scene, { type, name }: SceneResource) {
  const types = ancestors === '' ? type : `${ancestors}$${type}`;
  return `urn:pulumi:${stack}::tributary::${types}::${name}`;
}
