/** The command line against the emulators of BigQuery and Cloud Storage, in a folder of its own. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { stagingBucket } from '../../tenants/naming.ts';
import { type Emulators, emulatorClients } from '../chaos/emulators.ts';
import { openWire, type Wire } from '../chaos/wire.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { type Ended, startCommand } from './command.ts';
import { CANARY } from './place.ts';

type Spec = Readonly<Record<string, unknown>>;

export interface CloudPlaceOptions {
  readonly server: PostgresServer;
  readonly emulators: Emulators;
  readonly project: string;
}

/** Tenant files and a run store, and for each tenant a bucket and a wire of its own. */
export class CloudPlace implements AsyncDisposable {
  readonly folder: string;
  readonly project: string;
  readonly #server: PostgresServer;
  readonly #emulators: Emulators;
  readonly #wires = new Map<string, Wire>();
  #said = '';

  private constructor(folder: string, { server, emulators, project }: CloudPlaceOptions) {
    this.folder = folder;
    this.project = project;
    this.#server = server;
    this.#emulators = emulators;
  }

  static async make(options: CloudPlaceOptions): Promise<CloudPlace> {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-cloud-'));
    await mkdir(join(folder, 'tenants'));
    return new CloudPlace(folder, options);
  }

  /** Writes the file of a tenant; with the first one its bucket and its wire are there. */
  async tenant(
    name: string,
    sources: Readonly<Record<string, Spec>>,
    database: string = this.#server.database,
  ): Promise<void> {
    const { host, port } = this.#server;
    const connection = {
      kind: 'postgres',
      host,
      port,
      database,
      user: 'reader',
      tls: 'disable',
      secret: 'db-password',
    };
    const document = {
      tenant: name,
      connections: { db: connection },
      sources: Object.fromEntries(Object.entries(sources).map(([key, spec]) => [key, { connection: 'db', ...spec }])),
    };
    await writeFile(join(this.folder, 'tenants', `${name}.yaml`), JSON.stringify(document));
    if (this.#wires.has(name)) return;
    await this.clients.storage.bucket(stagingBucket(this.project, name)).create();
    this.#wires.set(name, await openWire(this.#emulators));
  }

  wire(tenant: string): Wire {
    const wire = this.#wires.get(tenant);
    if (wire === undefined) throw new Error(`no tenant ${tenant} here`);
    return wire;
  }

  /** Past the wires. */
  get clients() {
    return emulatorClients(this.#emulators, this.project);
  }

  async run(tenant: string, source: string, environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const warehouse = `bigquery:${this.project}`;
    const ended = await startCommand({
      folder: this.folder,
      words: ['run', tenant, source, '--tenants', 'tenants', '--warehouse', warehouse, '--json', '--verbose'],
      environment: { TRIBUTARY_SECRET_DB_PASSWORD: CANARY, ...this.wire(tenant).environment, ...environment },
      seconds: 110,
    }).ended;
    this.#said += ended.stdout + ended.stderr;
    return ended;
  }

  /** Asks the warehouse; `null` where what it asks for is not there. */
  async ask(sql: string): Promise<readonly Readonly<Record<string, unknown>>[] | null> {
    try {
      const [rows] = await this.clients.bigquery.query(sql);
      return rows as Record<string, unknown>[];
    } catch (error) {
      if ((error as { code?: unknown }).code === 404) return null;
      throw error;
    }
  }

  /** The password is in nothing that was said, written or sent. */
  async expectSealed(): Promise<void> {
    expect(this.#said).not.toContain(CANARY);
    for (const wire of this.#wires.values()) {
      for (const { url, body, answer } of wire.calls)
        expect(`${decodeURIComponent(url)}${JSON.stringify([body, answer])}`).not.toContain(CANARY);
    }
    for (const entry of await readdir(this.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const content = await readFile(join(entry.parentPath, entry.name));
      expect(content.includes(CANARY), entry.name).toBe(false);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#wires.values()].map((wire) => wire[Symbol.asyncDispose]()));
    await rm(this.folder, { recursive: true, force: true });
  }
}
