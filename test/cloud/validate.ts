/** Inputs against the schema: what the real provider refuses before it asks the cloud. */
import { suggest } from '../../tenants/suggest.ts';
import type { PropertySchema, ProviderSchema } from './schema.ts';
import { isList, isObject, type Properties, UNKNOWN, type Value } from './values.ts';

export interface Failure {
  /** As in `template.containers[0].image`. */
  readonly path: string;
  readonly reason: string;
}

export function validateInputs(schema: ProviderSchema, type: string, inputs: Properties): readonly Failure[] {
  const resource = schema.resources[type];
  if (resource === undefined) return [{ path: '', reason: `${type} is no type that this simulated cloud knows` }];
  return new Validator(schema.types).object(inputs, resource.inputs, resource.required, '');
}

class Validator {
  readonly #types: ProviderSchema['types'];

  constructor(types: ProviderSchema['types']) {
    this.#types = types;
  }

  object(
    value: Properties,
    properties: Readonly<Record<string, PropertySchema>>,
    required: readonly string[],
    at: string,
  ): readonly Failure[] {
    const inside = (key: string) => (at === '' ? key : `${at}.${key}`);
    const missing = required
      .filter((key) => value[key] === undefined || value[key] === null)
      .map((key) => ({ path: inside(key), reason: 'Missing required property' }));
    const wrong = Object.entries(value).flatMap(([key, child]) => {
      const property = Object.hasOwn(properties, key) ? properties[key] : undefined;
      return property === undefined
        ? [{ path: inside(key), reason: unsupported(key, Object.keys(properties)) }]
        : this.value(child, property, inside(key));
    });
    return [...missing, ...wrong];
  }

  value(value: Value, schema: PropertySchema, at: string): readonly Failure[] {
    if (value === null || value === UNKNOWN) return [];
    if (schema.ref !== undefined) return this.#reference(value, schema.ref, at);
    switch (schema.type) {
      case 'array':
        if (!isList(value)) return [mismatch(at, 'a list', value)];
        return value.flatMap((element, i) => this.value(element, schema.items ?? {}, `${at}[${i}]`));
      case 'object':
        if (!isObject(value)) return [mismatch(at, 'an object', value)];
        return Object.entries(value).flatMap(([key, child]) => this.value(child, schema.values ?? {}, `${at}.${key}`));
      case 'integer':
        return Number.isInteger(value) ? [] : [mismatch(at, 'an integer', value)];
      case 'string':
      case 'number':
      case 'boolean':
        if (typeof value !== schema.type) return [mismatch(at, `a ${schema.type}`, value)];
        return this.#member(value, schema, at);
      default:
        return [];
    }
  }

  #reference(value: Value, ref: string, at: string): readonly Failure[] {
    const type = this.#types[ref];
    if (type === undefined) return [];
    if (!isObject(value)) return [mismatch(at, 'an object', value)];
    return this.object(value, type.properties, type.required, at);
  }

  #member(value: Value, { enum: members }: PropertySchema, at: string): readonly Failure[] {
    if (members === undefined || members.some((member) => member === value)) return [];
    return [{ path: at, reason: `expected one of ${members.join(', ')}, got ${JSON.stringify(value)}` }];
  }
}

function unsupported(key: string, known: readonly string[]): string {
  const near = suggest(key, known);
  return `An argument named "${key}" is not expected here${near === undefined ? '' : `. Did you mean "${near}"?`}`;
}

function mismatch(path: string, expected: string, value: Value): Failure {
  const got = isList(value) ? 'a list' : isObject(value) ? 'an object' : JSON.stringify(value);
  return { path, reason: `expected ${expected}, got ${got}` };
}
