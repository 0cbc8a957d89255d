/** The real engine with simulated clouds, in a folder of its own. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { LocalWorkspace, PulumiCommand, type PulumiFn } from '@pulumi/pulumi/automation/index.js';
import { type Engine, engineFolder, findEngine } from './engine.ts';
import { type Fault, plan } from './faults.ts';
import { kindOf } from './kinds/index.ts';
import { fillIn } from './kinds/kind.ts';
import { writeLaunchers } from './launchers.ts';
import { outputsOf } from './outputs.ts';
import { isProviderName, loadSchema } from './schema.ts';
import { CloudStack, type Program, type StackOptions } from './stack.ts';
import { type CloudResource, Store } from './store.ts';
import type { Properties } from './values.ts';

export const PROJECT = 'tributary';

export class Cloud {
  /** Holds everything of this cloud; gone when it closes. */
  readonly folder: string;
  readonly engine: Engine;
  /** For child processes that run the engine themselves, on top of `process.env`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #store: Store;
  #stacks = 0;

  constructor(engine: Engine, environment: Readonly<Record<string, string>> = {}) {
    this.engine = engine;
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'tributary-cloud-')));
    const [bin, home, backend, cloud] = ['bin', 'home', 'backend', 'cloud'].map((name) => join(this.folder, name)) as [
      string,
      string,
      string,
      string,
    ];
    for (const folder of [home, backend, cloud]) mkdirSync(folder);
    writeLaunchers(bin);
    this.#store = new Store(cloud);
    this.environment = {
      PATH: [bin, engineFolder(engine), process.env.PATH ?? ''].join(delimiter),
      PULUMI_HOME: home,
      PULUMI_BACKEND_URL: `file://${backend}`,
      PULUMI_CONFIG_PASSPHRASE: 'only for tests',
      PULUMI_SKIP_UPDATE_CHECK: 'true',
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
      TRIBUTARY_CLOUD: cloud,
      NODE_OPTIONS: '',
      NODE_COMPILE_CACHE: join(tmpdir(), 'tributary-compile-cache'),
      ...environment,
    };
  }

  /** A stack of project `tributary`, made or selected. */
  async stack(name: string, program: Program, options: StackOptions = {}): Promise<CloudStack> {
    this.#stacks += 1;
    const workDir = join(this.folder, `work-${this.#stacks}`);
    mkdirSync(workDir);
    const automation = await LocalWorkspace.createOrSelectStack(
      { stackName: name, projectName: PROJECT, program: program as PulumiFn },
      {
        workDir,
        envVars: { ...this.environment },
        pulumiCommand: await pulumiCommand(this.engine),
        projectSettings: { name: PROJECT, runtime: 'nodejs' },
        stackSettings: { [name]: { config: { ...options.config } as Record<string, string> } },
      },
    );
    const stateFile = join(this.folder, 'backend/.pulumi/stacks', PROJECT, `${name}.json`);
    return new CloudStack(name, automation, stateFile, options);
  }

  /** What exists, or what exists of a type. */
  resources(type?: string): readonly CloudResource[] {
    return this.#store.list(type);
  }

  /** Puts a resource there that no stack made: what a customer already has. */
  given(type: string, inputs: Properties): CloudResource {
    const [provider] = type.split(':');
    const kind = kindOf(type);
    const world = { store: this.#store, config: {} };
    const id = fillIn(kind.id, { ...kind.defaults, ...inputs }, world, '1');
    const schema = isProviderName(provider) ? loadSchema(provider).resources[type] : undefined;
    if (id === null || schema === undefined) throw new Error(`${type}: unknown, or a part of its id is missing`);
    const outputs = outputsOf({ kind, schema, inputs, world }, id, 1);
    const resource = { type, id, inputs, outputs, generation: 1 };
    this.#store.replace(resource);
    return resource;
  }

  /** Changes a resource behind the engine's back; `null` takes a property away. */
  drift({ type, id }: CloudResource, changes: Properties): void {
    const there = this.#store.read(type, id);
    if (there === null) throw new Error(`${id} does not exist`);
    this.#store.replace({ ...there, inputs: { ...there.inputs, ...changes } });
  }

  /** Deletes a resource behind the engine's back. */
  remove({ type, id }: CloudResource): void {
    this.#store.remove(type, id);
  }

  /** Replaces all faults; none: all is well again. */
  faults(...faults: readonly Fault[]): void {
    plan(this.#store, faults);
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** @param environment of the engine, its programs' plugins and policy packs, beside what the cloud needs itself */
export async function openCloud(environment: Readonly<Record<string, string>> = {}): Promise<Cloud> {
  const engine = findEngine();
  if (engine === null) throw new Error('no Pulumi engine: npm run engine');
  return new Cloud(engine, environment);
}

/** A cloud for the time of `use`. */
export async function withCloud<T>(use: (cloud: Cloud) => Promise<T>): Promise<T> {
  const cloud = await openCloud();
  try {
    return await use(cloud);
  } finally {
    cloud.close();
  }
}

const commands = new Map<string, Promise<PulumiCommand>>();

/** Asking a CLI for its version takes a while, hence once. */
function pulumiCommand({ path, origin }: Engine): Promise<PulumiCommand> {
  const root = origin === 'built' ? { root: join(path, '../..') } : {};
  const known = commands.get(path) ?? PulumiCommand.get({ ...root, skipVersionCheck: true });
  commands.set(path, known);
  return known;
}
