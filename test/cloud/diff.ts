/** What changed between two sets of inputs, to the single property, and what of it makes a new resource. */
import type { PropertySchema, ProviderSchema } from './schema.ts';
import { isList, isObject, type Properties, present, sameValue, UNKNOWN, type Value } from './values.ts';

export interface Change {
  /** As the engine spells paths: `template.containers[0].image`, `labels["cost.center"]`. */
  readonly path: string;
  readonly kind: 'add' | 'update' | 'delete';
  readonly replaces: boolean;
}

export function diffInputs(
  schema: ProviderSchema,
  type: string,
  before: Properties,
  after: Properties,
): readonly Change[] {
  const inputs = schema.resources[type]?.inputs ?? {};
  return new Differ(schema.types).object((key) => inputs[key], before, after, '', false);
}

/** The property of the resource that a path is inside of. */
export function topLevel(path: string): string {
  return /^[^.[]+/.exec(path)?.[0] ?? path;
}

type PropertyOf = (key: string) => PropertySchema | undefined;

class Differ {
  readonly #types: ProviderSchema['types'];

  constructor(types: ProviderSchema['types']) {
    this.#types = types;
  }

  object(of: PropertyOf, before: Properties, after: Properties, at: string, replaces: boolean): readonly Change[] {
    const [left, right] = [present(before), present(after)];
    return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((key) =>
      this.#value(of(key) ?? {}, left[key], right[key], at + segment(key, at === ''), replaces),
    );
  }

  #value(
    property: PropertySchema,
    before: Value | undefined,
    after: Value | undefined,
    path: string,
    inherited: boolean,
  ): readonly Change[] {
    if (after !== UNKNOWN && sameValue(before, after)) return [];
    const replaces = inherited || property.replace === true;
    if (before === undefined) return [{ path, kind: 'add', replaces }];
    if (after === undefined) return [{ path, kind: 'delete', replaces }];
    if (isList(before) && isList(after)) {
      const items = Array.from({ length: Math.max(before.length, after.length) }, (_, i) => i);
      const inside = property.items ?? {};
      return items.flatMap((i) => this.#value(inside, before[i], after[i], `${path}[${i}]`, replaces));
    }
    if (isObject(before) && isObject(after)) return this.object(this.#inside(property), before, after, path, replaces);
    return [{ path, kind: 'update', replaces }];
  }

  #inside({ ref, values }: PropertySchema): PropertyOf {
    const type = ref === undefined ? undefined : this.#types[ref];
    return type === undefined ? () => values : (key) => type.properties[key];
  }
}

function segment(key: string, first: boolean): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `["${key.replaceAll('"', '\\"')}"]`;
  return first ? key : `.${key}`;
}
