/** Engine events → what is done with each resource. */
import { stripVTControlCharacters } from 'node:util';
import type { EngineEvent, StepEventMetadata } from '@pulumi/pulumi/automation/index.js';
import type { PolicyResult, PreviewOp, PreviewOperation, ResourceProgress } from './contract.ts';

/** Steps that the engine takes for one replacement are one operation here; what changes nothing is none. */
const OPERATIONS: Readonly<Record<string, PreviewOp>> = {
  create: 'create',
  import: 'create',
  update: 'update',
  replace: 'replace',
  'create-replacement': 'replace',
  'delete-replaced': 'replace',
  'import-replacement': 'replace',
  'discard-replaced': 'replace',
  delete: 'delete',
};

/** The operation of an engine step, or `undefined` where it changes nothing. */
export function operationOf(step: string): PreviewOp | undefined {
  return OPERATIONS[step];
}

/** Collects the operations of one preview; each resource appears once. */
export class OperationSet {
  readonly #byUrn = new Map<string, PreviewOperation>();

  add({ op, urn, type, keys, diffs, detailedDiff }: StepEventMetadata): void {
    const operation = operationOf(op);
    if (operation === undefined || isEngineOwn(type)) return;
    const before = this.#byUrn.get(urn);
    const union = (one: readonly string[] = [], other: readonly string[] = []) =>
      [...new Set([...one, ...other])].sort();
    const paths = union(
      before?.paths,
      Object.keys(detailedDiff ?? {}).length > 0 ? Object.keys(detailedDiff ?? {}) : (diffs ?? []),
    );
    const replaceKeys = union(before?.replaceKeys, keys ?? []);
    this.#byUrn.set(urn, {
      urn,
      type,
      op: before?.op === 'replace' ? 'replace' : operation,
      ...(replaceKeys.length > 0 ? { replaceKeys } : {}),
      ...(paths.length > 0 ? { paths } : {}),
    });
  }

  /** Sorted by urn. */
  list(): PreviewOperation[] {
    return [...this.#byUrn.values()].sort((a, b) => (a.urn < b.urn ? -1 : 1));
  }
}

/** Providers and the stack itself are the engine's affair; they follow from the resources. */
function isEngineOwn(type: string): boolean {
  return (
    type === 'pulumi:pulumi:Stack' || type.startsWith('pulumi:providers:') || type === 'pulumi:pulumi:StackReference'
  );
}

/** What a step event says about a resource's progress. */
export function progressOf(event: EngineEvent): ResourceProgress | undefined {
  const { resourcePreEvent: before, resOutputsEvent: after, resOpFailedEvent: failed } = event;
  const metadata = (before ?? after ?? failed)?.metadata;
  if (metadata === undefined || metadata.type.startsWith('pulumi:providers:')) return undefined;
  const op =
    operationOf(metadata.op) ?? (metadata.op === 'same' ? 'same' : metadata.op === 'refresh' ? 'refresh' : undefined);
  if (op === undefined) return undefined;
  const parent = metadata.new?.parent ?? metadata.old?.parent;
  return {
    urn: metadata.urn,
    ...(parent ? { parent } : {}),
    resourceType: metadata.type,
    op,
    state: failed !== undefined ? 'failed' : after !== undefined ? 'done' : 'running',
  };
}

export function policyOf({ policyEvent }: EngineEvent): PolicyResult | undefined {
  if (policyEvent === undefined) return undefined;
  const { policyName, enforcementLevel, resourceUrn, message } = policyEvent;
  const level = String(enforcementLevel);
  return {
    policy: policyName,
    level: level === 'mandatory' || level === 'remediate' ? level : 'advisory',
    ...(resourceUrn ? { urn: resourceUrn } : {}),
    message: plain(message),
  };
}

/** The engine's `<{%reset%}>` marks and terminal colours taken out. */
export function plain(text: string): string {
  return stripVTControlCharacters(text.replace(/<\{%[^%]*%\}>/g, '')).trim();
}
