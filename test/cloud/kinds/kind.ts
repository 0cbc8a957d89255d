/** What the cloud knows of a resource type beyond the provider's schema. */
import type { Store } from '../store.ts';
import type { Failure } from '../validate.ts';
import { type Properties, stringAt, type Value } from '../values.ts';

/** Judges inputs alone, before anything is asked of the cloud; unknown values are left out by `valuesAt`. */
export type Rule = (inputs: Properties) => readonly Failure[];

/** Judges inputs against what exists; throws a CloudError. */
export type Reference = (inputs: Properties, world: World) => void;

export interface World {
  readonly store: Store;
  /** Configuration of the provider: `project`, `region`, … */
  readonly config: Properties;
}

export interface Subject {
  readonly id: string;
  readonly inputs: Properties;
  readonly world: World;
  /** Which resource of this name it is, from 1: whatever is created anew gets other numbers. */
  readonly generation: number;
}

export interface Kind {
  /** `projects/{project}/datasets/{datasetId}`; `{topic|last}` is what follows the last slash; `{generated}` a number. */
  readonly id: string;
  /** What the provider or the cloud fills in where inputs say nothing; part of the outputs. */
  readonly defaults?: Properties;
  readonly rules?: readonly Rule[];
  readonly references?: readonly Reference[];
  readonly outputs?: (subject: Subject) => Properties;
  /** Outputs that the provider tells already in a preview. */
  readonly planned?: readonly string[];
  /** Why it may not be deleted, or null. */
  readonly protection?: (inputs: Properties) => string | null;
  /** Types of which none may be left inside when it is deleted, and unless what input says so. */
  readonly contents?: { readonly types: readonly string[]; readonly unless: string };
  /** Creating what is there already is no error: enabling an API, granting a role, writing an object. */
  readonly additive?: boolean;
  /** Deleting forgets it; the cloud keeps it for good. */
  readonly everlasting?: boolean;
}

export type Kinds = Readonly<Record<string, Kind>>;

/**
 * An id from its template.
 *
 * @returns null where a part is neither in the inputs nor in the provider's configuration
 */
export function fillIn(template: string, inputs: Properties, world: World, generated = ''): string | null {
  let complete = true;
  const id = template.replaceAll(/\{([^}|]+)(\|last)?\}/g, (_, path: string, last?: string) => {
    const value = path === 'generated' ? generated : (stringAt(inputs, path) ?? configured(path, world));
    if (value === undefined) complete = false;
    return last === undefined ? (value ?? '') : (value?.split('/').at(-1) ?? '');
  });
  return complete ? id : null;
}

/** Parts of an id that must be inputs or configuration. */
export function partsOf(template: string): readonly string[] {
  return [...template.matchAll(/\{([^}|]+)(?:\|last)?\}/g)].flatMap(([, path]) =>
    path === undefined || path === 'generated' ? [] : [path],
  );
}

function configured(path: string, { config }: World): string | undefined {
  const value: Value | undefined = path === 'location' ? undefined : config[path];
  return typeof value === 'string' ? value : undefined;
}
