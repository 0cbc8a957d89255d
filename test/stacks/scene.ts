/** The programs of stacks/ as people run them, on the simulated cloud, with tenant files that a test may change. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parse } from 'yaml';
import { program } from '../../stacks/index.ts';
import { type Cloud, openCloud } from '../cloud/harness.ts';
import type { CloudStack } from '../cloud/stack.ts';
import { root } from '../setup/ways.ts';

const POLICIES = join(root, 'policies');
const ENVIRONMENT = 'dev';

export interface SceneOptions {
  /** With the policy pack of policies/, as in production; default true. */
  readonly policies?: boolean;
  /** Where the tenant files are; default: those of the repository. */
  readonly tenants?: string;
}

export class Scene {
  readonly cloud: Cloud;
  /** Names of the tenants. */
  readonly tenants: readonly string[];
  readonly #folder: string;
  readonly #policies: boolean;

  static async open({ policies = true, tenants = join(root, 'tenants') }: SceneOptions = {}): Promise<Scene> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tributary-tenants-')));
    const files = readdirSync(tenants).filter((file) => file.endsWith('.yaml'));
    for (const file of files) cpSync(join(tenants, file), join(folder, file));
    return new Scene(await openCloud({ TRIBUTARY_TENANTS: folder }), folder, policies);
  }

  private constructor(cloud: Cloud, folder: string, policies: boolean) {
    this.cloud = cloud;
    this.#folder = folder;
    this.#policies = policies;
    this.tenants = readdirSync(folder).map((file) => file.replace(/\.yaml$/, ''));
  }

  /** The text of a tenant's file. */
  read(tenant: string): string {
    return readFileSync(join(this.#folder, `${tenant}.yaml`), 'utf8');
  }

  write(tenant: string, text: string): void {
    writeFileSync(join(this.#folder, `${tenant}.yaml`), text);
  }

  /** With the configuration that Pulumi.platform.dev.yaml shows, and more. */
  platform(more: Readonly<Record<string, unknown>> = {}): Promise<CloudStack> {
    const { config } = parse(readFileSync(join(root, `Pulumi.platform.${ENVIRONMENT}.yaml`), 'utf8'));
    return this.#stack('platform', { ...config, ...more });
  }

  /** Without any configuration of its own: everything comes from the tenant's file and the platform. */
  tenant(tenant: string): Promise<CloudStack> {
    return this.#stack(tenant, { 'tributary:tenants': relative(root, this.#folder) });
  }

  close(): void {
    this.cloud.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #stack(subject: string, config: Readonly<Record<string, unknown>>): Promise<CloudStack> {
    const packs = { policyPacks: [POLICIES], policyPackConfigs: [join(POLICIES, 'presets/prod.json')] };
    return this.cloud.stack(`${subject}.${ENVIRONMENT}`, program, { config, ...(this.#policies ? packs : {}) });
  }
}

/** Where the states of a release lie, and the tenant files they were made of. */
export function recordings(version: string): { states: string; tenants: string } {
  const folder = join(root, 'test/fixtures/state', version);
  return { states: folder, tenants: join(folder, 'tenants') };
}
