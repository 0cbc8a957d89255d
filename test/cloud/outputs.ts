/** What a resource says of itself, as the real provider would return it. */
import { fillIn, type Kind, type World } from './kinds/kind.ts';
import type { PropertySchema, ProviderSchema, ResourceSchema } from './schema.ts';
import { digest } from './store.ts';
import { isList, isObject, type Properties, present, secret, UNKNOWN, type Value } from './values.ts';

export interface Described {
  readonly kind: Kind;
  readonly schema: ResourceSchema;
  readonly inputs: Properties;
  readonly world: World;
}

/** Known before it exists: inputs, defaults, and what the provider plans; the rest is unknown. */
export function plannedOutputs({ kind, schema, inputs, world }: Described): Properties {
  const id = fillIn(kind.id, { ...kind.defaults, ...inputs }, world);
  const told = id === null ? {} : (kind.outputs?.({ id, inputs, world, generation: 0 }) ?? {});
  const planned = Object.fromEntries((kind.planned ?? []).map((key) => [key, told[key] ?? UNKNOWN]));
  const unknown = Object.fromEntries(Object.keys(schema.outputs).map((key) => [key, UNKNOWN]));
  return { ...unknown, ...givenOutputs(kind, schema, inputs, world), ...planned };
}

export function outputsOf(described: Described, id: string, generation: number): Properties {
  const { kind, schema, inputs, world } = described;
  const computed = Object.fromEntries(
    Object.entries(schema.outputs).map(([key, property]) => [key, madeUp(key, property, id, generation)]),
  );
  const told = kind.outputs?.({ id, inputs, world, generation }) ?? {};
  return { ...computed, ...givenOutputs(kind, schema, inputs, world), ...told };
}

/** With every secret property of the schema in its envelope. */
export function withSecrets(schema: ProviderSchema, type: string, properties: Properties): Properties {
  const resource = schema.resources[type];
  const sealObject = (object: Properties, of: (key: string) => PropertySchema | undefined): Properties =>
    Object.fromEntries(Object.entries(object).map(([key, value]) => [key, seal(value, of(key) ?? {})]));
  const seal = (value: Value, property: PropertySchema): Value => {
    if (property.secret === true) return secret(value);
    if (isList(value)) return value.map((element) => seal(element, property.items ?? {}));
    if (!isObject(value) || property.ref === undefined) return value;
    return sealObject(value, (key) => schema.types[property.ref ?? '']?.properties[key]);
  };
  return sealObject(properties, (key) => resource?.inputs[key] ?? resource?.outputs[key]);
}

function givenOutputs(kind: Kind, schema: ResourceSchema, inputs: Properties, { config }: World): Properties {
  const places = ['project', 'region'].filter((key) => key in schema.inputs && config[key] != null);
  const configured = Object.fromEntries(places.map((key) => [key, config[key] ?? null]));
  return { ...configured, ...kind.defaults, ...present(inputs), ...labelOutputs(schema, inputs, config) };
}

function labelOutputs(schema: ResourceSchema, inputs: Properties, config: Properties): Properties {
  if (!('effectiveLabels' in schema.outputs)) return {};
  const own = isObject(inputs.labels) ? inputs.labels : {};
  const defaults = typeof config.defaultLabels === 'string' ? (JSON.parse(config.defaultLabels) as Properties) : {};
  const all = { ...defaults, ...own };
  return { pulumiLabels: all, effectiveLabels: { ...all, 'goog-pulumi-provisioned': 'true' } };
}

function madeUp(key: string, { type }: PropertySchema, id: string, generation: number): Value {
  if (key === 'name') return id;
  if (/time$|^creationTimestamp$/i.test(key)) return type === 'integer' ? 1_767_225_600_000 : '2026-01-01T00:00:00Z';
  if (type === 'array') return [];
  if (type === 'object') return {};
  if (type === 'boolean') return false;
  if (type === 'integer' || type === 'number') return 1;
  return digest(`${id} ${key} ${generation}`, 12);
}
