/** Which stacks a change of the repository may change. */
import { execFileSync } from 'node:child_process';
import { parseTenant } from '../../tenants/load.ts';
import type { TenantSpec } from '../../tenants/schema/index.ts';
import { resolvedHash } from '../provision/resolved-hash.ts';

export interface Affected {
  /** What to preview, as `tributary preview` names it: tenants, and `platform` where that may change. */
  readonly stacks: readonly string[];
  /** Tenants whose file is gone: nothing to preview, somebody to offboard. */
  readonly removed: readonly string[];
  readonly why: string;
}

/** The tenants of one commit; `null` where a file has errors. */
export type Tenants = ReadonlyMap<string, TenantSpec | null>;

/** A change of one of these may change every stack. */
const SHARED =
  /^(?:components\/|stacks\/(?!report\/)|policies\/|tenants\/(?:.+\/)?[^/]+\.ts$|package-lock\.json$|Pulumi\.yaml$)/;
const PLATFORM = /^(?:components\/|stacks\/(?!report\/)|policies\/|Pulumi\.platform\..+\.yaml$|package-lock\.json$)/;

/** Tenants that stand for all when the components change. */
const CANARIES = 5;

export function affected(files: readonly string[], base: Tenants, head: Tenants): Affected {
  const shared = files.filter((file) => SHARED.test(file));
  const edited = [...head].filter(([tenant, spec]) => hash(base.get(tenant)) !== hash(spec)).map(([tenant]) => tenant);
  const canaries = shared.length > 0 ? canarySet(head) : [];
  const platform = files.some((file) => PLATFORM.test(file)) ? ['platform'] : [];
  const stacks = [...platform, ...[...new Set([...edited, ...canaries])].sort()];
  const removed = [...base.keys()].filter((tenant) => !head.has(tenant)).sort();
  const reasons = [
    ...(edited.length > 0 ? [`${edited.length} with a changed specification`] : []),
    ...(shared.length > 0 ? [`${canaries.length} as canaries, because ${shared[0]} changed`] : []),
    ...(removed.length > 0 ? [`no longer there: ${removed.join(', ')}`] : []),
  ];
  const why = reasons.join('; ') || 'no stack is affected';
  return { stacks, removed, why };
}

/** A few tenants that together have every kind of source; the same for the same tenants. */
export function canarySet(tenants: Tenants): string[] {
  const kinds = new Map([...tenants].map(([tenant, spec]) => [tenant, kindsOf(spec)] as const));
  const chosen: string[] = [];
  const seen = new Set<string>();
  const left = new Set([...kinds.keys()].sort());
  while (chosen.length < CANARIES && left.size > 0) {
    const gain = (tenant: string) => [...(kinds.get(tenant) ?? [])].filter((kind) => !seen.has(kind)).length;
    const [best] = [...left].sort((a, b) => gain(b) - gain(a) || (a < b ? -1 : 1));
    if (best === undefined) break;
    left.delete(best);
    chosen.push(best);
    for (const kind of kinds.get(best) ?? []) seen.add(kind);
  }
  return chosen;
}

/** Files that a branch changed since it left the other. */
export function changedFiles(folder: string, base: string, head: string): string[] {
  return lines(git(folder, ['diff', '--name-only', '--no-renames', '-z', `${base}...${head}`]));
}

/** The tenants as they are in a commit. */
export function tenantsAt(folder: string, commit: string): Tenants {
  const files = lines(git(folder, ['ls-tree', '--name-only', '-z', commit, 'tenants/'])).filter((file) =>
    /^tenants\/[^./][^/]*\.yaml$/.test(file),
  );
  return new Map(
    files.map((file) => {
      const text = git(folder, ['show', `${commit}:${file}`]);
      return [file.slice('tenants/'.length, -'.yaml'.length), parseTenant(text, file).tenant] as const;
    }),
  );
}

/** Where two branches parted. */
export function mergeBase(folder: string, base: string, head: string): string {
  return git(folder, ['merge-base', base, head]).trim();
}

function kindsOf(spec: TenantSpec | null): ReadonlySet<string> {
  return new Set(Object.values(spec?.connections ?? {}).map(({ kind }) => kind));
}

/** A file with errors never equals another: its preview says what is wrong. */
function hash(spec: TenantSpec | null | undefined): string | symbol {
  return spec ? resolvedHash({ spec }) : Symbol('no specification');
}

function git(folder: string, args: readonly string[]): string {
  return execFileSync('git', args, {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function lines(text: string): string[] {
  return text.split('\0').filter((line) => line !== '');
}
