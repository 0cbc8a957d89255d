/** The resources of a stack as a tree of its components. */
import type { ResourceProgress } from '../../stacks/provision/contract.ts';

export type Sign = '+' | '~' | '±' | '-' | ' ';

const SIGNS: Readonly<Record<ResourceProgress['op'], Sign>> = {
  create: '+',
  update: '~',
  replace: '±',
  delete: '-',
  same: ' ',
  refresh: ' ',
};

const STATES: Readonly<Record<ResourceProgress['state'], string>> = { running: '…', done: '', failed: '✗' };

/** One line each, children below their component; what does not change and holds no change is left out. */
export function treeLines(resources: ReadonlyMap<string, ResourceProgress>): string[] {
  const children = new Map<string, ResourceProgress[]>();
  for (const resource of resources.values()) {
    const parent = resource.parent !== undefined && resources.has(resource.parent) ? resource.parent : '';
    children.set(parent, [...(children.get(parent) ?? []), resource]);
  }
  const below = (urn: string, depth: number): string[] =>
    (children.get(urn) ?? []).sort(byType).flatMap((resource) => {
      if (resource.resourceType === 'pulumi:pulumi:Stack') return below(resource.urn, depth);
      const inside = below(resource.urn, depth + 1);
      if (SIGNS[resource.op] === ' ' && resource.state !== 'failed' && inside.length === 0) return [];
      return [lineOf(resource, depth), ...inside];
    });
  return below('', 0);
}

/** `3 to create, 1 to replace` or `3 created`; empty where nothing changes. */
export function countsText(counts: Readonly<Partial<Record<string, number>>>, tense: 'future' | 'past'): string {
  const words = { create: 'created', update: 'updated', replace: 'replaced', delete: 'deleted' } as const;
  return Object.entries(words)
    .filter(([op]) => (counts[op] ?? 0) > 0)
    .map(([op, past]) => (tense === 'past' ? `${counts[op]} ${past}` : `${counts[op]} to ${op}`))
    .join(', ');
}

/** `gcp:bigquery/dataset:Dataset` → `bigquery Dataset`, `tributary:index:Tenant` → `Tenant`. */
export function typeText(token: string): string {
  const [provider, module = '', name = token] = token.split(':');
  if (provider === 'tributary') return name;
  return `${provider === 'gcp' ? '' : `${provider} `}${module.split('/')[0]} ${name}`;
}

function lineOf({ urn, op, state, resourceType }: ResourceProgress, depth: number): string {
  const name = urn.split('::').slice(3).join('::');
  const left = `${SIGNS[op]} ${'  '.repeat(depth)}${typeText(resourceType)}`;
  return `${left.padEnd(44)} ${name}${STATES[state] === '' ? '' : ` ${STATES[state]}`}`;
}

function byType(a: ResourceProgress, b: ResourceProgress): number {
  const component = (one: ResourceProgress) => (one.resourceType.startsWith('tributary:') ? 1 : 0);
  return component(a) - component(b) || (`${a.resourceType} ${a.urn}` < `${b.resourceType} ${b.urn}` ? -1 : 1);
}
