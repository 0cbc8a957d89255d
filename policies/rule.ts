/** What a rule is: a plain object whose `check` is a plain function. The engine is met in pack.ts only. */
import type { PolicyConfigSchema } from '@pulumi/policy';
import type { Stack } from './stack.ts';

/** Level of a rule in production; the preset `dev` makes every rule advisory. */
export type Level = 'advisory' | 'mandatory' | 'remediate';

/** A resource as a rule sees it: inputs before it is made, outputs in a rule of the whole stack. */
export interface Resource<P extends object = object> {
  /** `gcp:cloudscheduler/job:Job` */
  readonly type: string;
  /** Holds the types of all ancestors: `…::tributary:index:Tenant$gcp:…::name`. */
  readonly urn: string;
  readonly name: string;
  /** Reading a value that is not known at preview throws; the engine then says that the rule is undecided. */
  readonly props: P;
  readonly opts: { readonly protect: boolean };
  readonly provider?: { readonly name: string; readonly props: object };
}

/** A list or a limit that the configuration of the pack may change. */
export type Setting<T> = PolicyConfigSchema['properties'][string] & {
  readonly default: T;
  readonly description: string;
};
type Settings = Readonly<Record<string, Setting<unknown>>>;
export type SettingValues<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/** What a rule knows besides the resource. */
export interface Context<S> {
  readonly stack: Stack;
  readonly settings: SettingValues<S>;
}

interface RuleFacts<S> {
  /** Permanent; waivers and configurations name it. */
  readonly id: string;
  readonly level: Level;
  /** What must hold, as a sentence. */
  readonly description: string;
  /** Why it must hold: what happens otherwise. */
  readonly why: string;
  /** What to write instead. */
  readonly fix: string;
  readonly settings?: S;
}

/** Looks at one resource, before anything is made. */
export interface ResourceRule<P extends object = object, S = Settings> extends RuleFacts<S> {
  /** Tokens of the types it looks at, or a pattern of them. */
  readonly types: readonly string[] | RegExp;
  /** @returns what is wrong, one sentence each. Methods, so that a rule of narrow inputs is a rule. */
  check(resource: Resource<P>, context: Context<S>): Iterable<string>;
  /** Changes inputs in place, in level `remediate` only; says whether it did. */
  remedy?(resource: Resource<P>, context: Context<S>): boolean;
}

export interface StackFinding {
  readonly urn?: string;
  readonly message: string;
}

/** Looks at a whole stack, after every resource was seen. */
export interface StackRule<S = Settings> extends RuleFacts<S> {
  checkStack(resources: readonly Resource[], context: Context<S>): Iterable<StackFinding>;
}

export type Rule = ResourceRule | StackRule;

export function resourceRule<P extends object, const S extends Settings = Record<never, never>>(
  rule: ResourceRule<P, S>,
): ResourceRule {
  return rule as unknown as ResourceRule;
}

export function stackRule<const S extends Settings = Record<never, never>>(rule: StackRule<S>): StackRule {
  return rule as unknown as StackRule;
}

export function limit(value: number, description: string): Setting<number> {
  return { type: 'number', default: value, description };
}

export function list(values: readonly string[], description: string): Setting<readonly string[]> {
  return { type: 'array', items: { type: 'string' }, default: [...values], description };
}

export function flag(value: boolean, description: string): Setting<boolean> {
  return { type: 'boolean', default: value, description };
}

/** Whether a rule looks at resources of a type. */
export function appliesTo(rule: ResourceRule, type: string): boolean {
  return rule.types instanceof RegExp ? rule.types.test(type) : rule.types.includes(type);
}

/** The resources of a type, their inputs typed. */
export function ofType<P extends object>(resources: readonly Resource[], type: string): readonly Resource<P>[] {
  return resources.filter((resource) => resource.type === type) as unknown as readonly Resource<P>[];
}

/** Whether a text matches a pattern in which `*` stands for anything. */
export function matchesGlob(text: string, pattern: string): boolean {
  const expression = pattern.replace(/[.+?^${}()|[\]\\/]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${expression}$`, 's').test(text);
}

export function matchesAny(text: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matchesGlob(text, pattern));
}

/**
 * Checks each resource, and only then gives up on those with values that are not known yet:
 * one unknown value hides nothing that is wrong elsewhere.
 */
export function* eachKnown<P extends object>(
  resources: readonly Resource<P>[],
  check: (resource: Resource<P>) => Iterable<StackFinding>,
): Iterable<StackFinding> {
  const undecided: unknown[] = [];
  for (const resource of resources) {
    try {
      yield* check(resource);
    } catch (error) {
      undecided.push(error);
    }
  }
  if (undecided.length > 0) throw undecided[0];
}
