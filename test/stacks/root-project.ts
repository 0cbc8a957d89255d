/** A copy of what the root of this repository is to the Pulumi CLI, with a backend and a cloud of its own. */
import { cpSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cli, type Ended } from '../cloud/cli.ts';
import { type Cloud, openCloud } from '../cloud/harness.ts';
import { root } from '../setup/ways.ts';

const CLI = join(root, 'runner/cli.js');
const PARTS = ['Pulumi*.yaml', 'package.json', 'stacks', 'components', 'tenants', 'policies'];

export type RootCommands = Record<'pulumi' | 'tributary', (...args: readonly string[]) => Promise<Ended>>;

export class RootProject implements Disposable {
  readonly cloud: Cloud;
  readonly #cli: Cli;

  static async open(): Promise<RootProject> {
    return new RootProject(await openCloud());
  }

  private constructor(cloud: Cloud) {
    this.cloud = cloud;
    this.#cli = new Cli(cloud, join(cloud.folder, 'root'));
    mkdirSync(this.#cli.folder);
    for (const part of globSync(PARTS, { cwd: root })) {
      cpSync(join(root, part), join(this.#cli.folder, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(this.#cli.folder, 'node_modules'));
  }

  /** Where no backend is set: `tributary` chooses one, and `pulumi` is told of it as docs/stacks.md says. */
  laptop(): RootCommands {
    const { folder } = this.#cli;
    const none = { PULUMI_BACKEND_URL: undefined, PULUMI_CONFIG_PASSPHRASE: undefined };
    const told = { PULUMI_BACKEND_URL: `file://${folder}/.tributary/pulumi`, PULUMI_CONFIG_PASSPHRASE: '' };
    const [tributary, pulumi] = [none, told].map((variables) => new Cli(this.cloud, folder, variables)) as [Cli, Cli];
    return {
      pulumi: (...args) => pulumi.pulumi(...args),
      tributary: (...args) => tributary.run(process.execPath, CLI, ...args),
    };
  }

  pulumi(...args: readonly string[]): Promise<Ended> {
    return this.#cli.pulumi(...args);
  }

  /** Our own command line in the same folder, with the same backend. */
  tributary(...args: readonly string[]): Promise<Ended> {
    return this.#cli.run(process.execPath, CLI, ...args);
  }

  /** Rewrites a file, and takes it back when disposed of. */
  edit(file: string, change: (text: string) => string): Disposable {
    const path = join(this.#cli.folder, file);
    const before = readFileSync(path, 'utf8');
    writeFileSync(path, change(before));
    return { [Symbol.dispose]: () => writeFileSync(path, before) };
  }

  [Symbol.dispose](): void {
    this.cloud.close();
  }
}
