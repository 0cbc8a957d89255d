/** A provider's work, apart from the protocol: check, diff, create, read, update, delete, invoke. */
import { type Change, diffInputs } from './diff.ts';
import { alreadyExists, badRequest, notFound } from './errors.ts';
import { type Operation, underFaults } from './faults.ts';
import { invoke } from './invokes.ts';
import { kindOf, sharedRules } from './kinds/index.ts';
import { fillIn, type Kind, partsOf, type World } from './kinds/kind.ts';
import { type Described, outputsOf, plannedOutputs, withSecrets } from './outputs.ts';
import { loadSchema, type ProviderName, type ProviderSchema } from './schema.ts';
import type { CloudResource, Store } from './store.ts';
import { type Failure, validateInputs } from './validate.ts';
import { type Properties, present, sameValue } from './values.ts';

export interface Difference {
  readonly changes: readonly Change[];
  readonly deleteBeforeReplace: boolean;
}

/** Makes a change real, before the engine hears of it; what it throws is the answer of the cloud. */
export type Realise = (operation: 'create' | 'update' | 'delete', resource: CloudResource) => Promise<void>;

export interface Live {
  readonly id: string;
  readonly outputs: Properties;
  readonly inputs: Properties;
}

export class Provider {
  readonly schema: ProviderSchema;
  readonly #store: Store;
  readonly #realise: Realise;
  readonly #cancelled = new AbortController();
  #config: Properties = {};

  /** @param realise default: nothing but the store changes */
  constructor(name: ProviderName, store: Store, realise: Realise = async () => {}) {
    this.schema = loadSchema(name);
    this.#store = store;
    this.#realise = realise;
  }

  configure(config: Properties): void {
    this.#config = config;
  }

  /** Whatever hangs gives up. */
  cancel(): void {
    this.#cancelled.abort();
  }

  check(type: string, inputs: Properties): readonly Failure[] {
    const wrong = validateInputs(this.schema, type, inputs);
    if (!(type in this.schema.resources)) return wrong;
    const kind = kindOf(type);
    const broken = [...sharedRules, ...(kind.rules ?? [])].flatMap((rule) => rule(inputs));
    return [...wrong, ...this.#unnamed(kind, type, inputs), ...broken];
  }

  diff(type: string, before: Properties, after: Properties): Difference {
    const changes = diffInputs(this.schema, type, before, after);
    const replaces = changes.some((change) => change.replaces);
    return { changes, deleteBeforeReplace: replaces && this.#keepsItsName(type, before, after) };
  }

  async create(type: string, inputs: Properties, preview: boolean): Promise<Live> {
    const described = this.#described(type, inputs);
    if (preview) return this.#live(type, '', plannedOutputs(described), inputs);
    const { kind, world } = described;
    const series = fillIn(kind.id, { ...kind.defaults, ...inputs }, world, '') ?? '';
    const generated = kind.id.includes('{generated}') ? String(this.#store.next(`generated ${type} ${series}`)) : '';
    const id = fillIn(kind.id, { ...kind.defaults, ...inputs }, world, generated);
    if (id === null) throw badRequest(`${type}: a part of its id is missing`);
    return this.#call('create', type, id, async () => {
      for (const refers of kind.references ?? []) refers(inputs, world);
      const resource = this.#made(described, type, id);
      const before = this.#store.read(type, id);
      if (!this.#store.create(resource)) {
        if (kind.additive !== true && inputs.createIgnoreAlreadyExists !== true) throw alreadyExists(id);
        this.#store.replace(resource);
      }
      await this.#realised('create', resource, before);
      return this.#live(type, id, resource.outputs, inputs);
    });
  }

  /** @returns null where it is gone */
  async read(type: string, id: string): Promise<Live | null> {
    return this.#call('read', type, id, () => {
      const there = this.#store.read(type, id);
      if (there === null) return null;
      const { kind, schema, world } = this.#described(type, there.inputs);
      const outputs = outputsOf({ kind, schema, world, inputs: there.inputs }, id, there.generation);
      return this.#live(type, id, { ...there.outputs, ...outputs }, there.inputs);
    });
  }

  async update(type: string, id: string, old: Properties, inputs: Properties, preview: boolean): Promise<Live> {
    const described = this.#described(type, inputs);
    if (preview) {
      const kept = Object.entries(old).filter(([key]) => key in described.schema.outputs);
      const planned = { ...plannedOutputs(described), ...Object.fromEntries(kept) };
      return this.#live(type, id, { ...planned, ...present(inputs) }, inputs);
    }
    return this.#call('update', type, id, async () => {
      const there = this.#store.read(type, id);
      if (there === null) throw notFound(id);
      for (const refers of described.kind.references ?? []) refers(inputs, described.world);
      const outputs = outputsOf(described, id, there.generation);
      const resource = { ...there, inputs, outputs };
      this.#store.replace(resource);
      await this.#realised('update', resource, there);
      return this.#live(type, id, outputs, inputs);
    });
  }

  async delete(type: string, id: string, state: Properties): Promise<void> {
    const kind = kindOf(type);
    const reason = kind.protection?.(state);
    if (reason != null) throw badRequest(reason);
    const policy = state.deletionPolicy ?? this.#config.deletionPolicy ?? 'DELETE';
    if (policy === 'PREVENT') throw badRequest(`cannot destroy ${id} while its deletion_policy is PREVENT`);
    await this.#call('delete', type, id, async () => {
      if (policy === 'ABANDON' || kind.everlasting === true) return;
      this.#refuseFull(kind, id, state);
      const there = this.#store.read(type, id);
      if (there === null) return;
      await this.#realise('delete', there);
      for (const content of this.#inside(kind, id)) this.#store.remove(content.type, content.id);
      this.#store.remove(type, id);
    });
  }

  invoke(token: string, inputs: Properties): Properties {
    return invoke(token, inputs, { store: this.#store, config: this.#config });
  }

  #described(type: string, inputs: Properties): Described {
    const schema = this.schema.resources[type];
    if (schema === undefined) throw badRequest(`${type} is unknown`);
    return { kind: kindOf(type), schema, inputs, world: this.#world() };
  }

  #world(): World {
    return { store: this.#store, config: this.#config };
  }

  #made(described: Described, type: string, id: string): CloudResource {
    const generation = this.#store.next(`generation ${type} ${id}`);
    return { type, id, inputs: described.inputs, outputs: outputsOf(described, id, generation), generation };
  }

  #live(type: string, id: string, outputs: Properties, inputs: Properties): Live {
    return {
      id,
      outputs: withSecrets(this.schema, type, outputs),
      inputs: withSecrets(this.schema, type, present(inputs)),
    };
  }

  /** What could not be made real is as it was before. */
  async #realised(
    operation: 'create' | 'update',
    resource: CloudResource,
    before: CloudResource | null,
  ): Promise<void> {
    try {
      await this.#realise(operation, resource);
    } catch (error) {
      if (before === null) this.#store.remove(resource.type, resource.id);
      else this.#store.replace(before);
      throw error;
    }
  }

  #call<T>(operation: Operation, type: string, id: string, work: () => T | Promise<T>): Promise<T> {
    return underFaults(this.#store, { type, operation, id }, this.#cancelled.signal, work);
  }

  /** Everything is named by its program: the house rule, stricter than the real providers, which make names up. */
  #unnamed(kind: Kind, type: string, inputs: Properties): readonly Failure[] {
    const required = this.schema.resources[type]?.required ?? [];
    const given = { ...this.#config, ...kind.defaults, ...present(inputs) } as Properties;
    return partsOf(kind.id)
      .filter((path) => !required.includes(path) && given[path] === undefined)
      .map((path) => ({ path, reason: 'Missing required property: nothing is named or placed by itself here' }));
  }

  /**
   * As the real provider decides it: an explicit name that could have been made up stays the same, so the old resource
   * must go first.
   */
  #keepsItsName(type: string, before: Properties, after: Properties): boolean {
    const required = this.schema.resources[type]?.required ?? [];
    const names = partsOf(kindOf(type).id).filter(
      (path) => !required.includes(path) && /(?:^name|Id|Name)$/.test(path),
    );
    return names.length > 0 && names.every((path) => sameValue(before[path], after[path]));
  }

  #refuseFull(kind: Kind, id: string, state: Properties): void {
    if (kind.contents === undefined || state[kind.contents.unless] === true) return;
    const [inside] = this.#inside(kind, id);
    if (inside !== undefined) throw badRequest(`${id} is still in use: it contains ${inside.id}, resourceInUse`);
  }

  /** What goes with it, where it may go at all. */
  #inside({ contents }: Kind, id: string): readonly CloudResource[] {
    return (contents?.types ?? [])
      .flatMap((type) => this.#store.list(type))
      .filter((one) => one.id.startsWith(id) && (one.inputs.bucket ?? id) === id);
  }
}
