/** The command line against a real server, in a folder of its own, with a password that must never show. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect } from 'vitest';
import type { RunStore } from '../../runner/core/contracts/run-store.ts';
import { openSqliteStore } from '../../runner/stores/sqlite.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { type Ended, type Started, startCommand } from './command.ts';

/** The password of the role `reader`. */
export const CANARY = 'Canary-7f3b9d51c2e84a60';

export interface RunOptions {
  readonly tenant?: string;
  readonly arguments?: readonly string[];
  readonly password?: string;
  readonly warehouse?: string;
  /** Put before the command: `setpriv …`. */
  readonly through?: readonly string[];
}

type Source = Readonly<Record<string, unknown>>;

/** A folder with tenant files, a run store and a warehouse. */
export class Place implements AsyncDisposable {
  readonly folder: string;
  readonly #server: PostgresServer;
  #said = '';

  constructor(folder: string, server: PostgresServer) {
    this.folder = folder;
    this.#server = server;
  }

  static async make(server: PostgresServer): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-faults-'));
    await mkdir(join(folder, 'tenants'));
    return new Place(folder, server);
  }

  get warehouse(): string {
    return join(this.folder, 'warehouse.duckdb');
  }

  async tenant(sources: Readonly<Record<string, Source>>, connection: Source = {}, name = 'acme'): Promise<void> {
    const { host, port, database } = this.#server;
    const db = { kind: 'postgres', host, port, database, user: 'reader', tls: 'disable', secret: 'db-password' };
    const document = {
      tenant: name,
      connections: { db: { ...db, ...connection } },
      sources: Object.fromEntries(
        Object.entries(sources).map(([source, spec]) => [source, { connection: 'db', ...spec }]),
      ),
    };
    await writeFile(join(this.folder, 'tenants', `${name}.yaml`), JSON.stringify(document));
  }

  /** `tributary run acme <source> --json`. */
  run(source: string, options: RunOptions = {}): Promise<Ended> {
    return this.start(source, options).ended;
  }

  start(source: string, options: RunOptions = {}): Started {
    const { tenant = 'acme', through = [], password = CANARY } = options;
    const warehouse = `duckdb:${options.warehouse ?? this.warehouse}`;
    const words = ['run', tenant, source, '--tenants', 'tenants', '--warehouse', warehouse, '--json'];
    const started = startCommand({
      folder: this.folder,
      words: [...words, ...(options.arguments ?? [])],
      environment: { TRIBUTARY_SECRET_DB_PASSWORD: password },
      through,
    });
    const ended = started.ended.then((said) => {
      this.#said += said.stdout + said.stderr;
      return said;
    });
    return { ...started, ended };
  }

  /** Asks the warehouse; `null` where there is none. */
  async ask(sql: string, file = this.warehouse): Promise<Record<string, unknown>[] | null> {
    if (!existsSync(file)) return null;
    const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' });
    const connection = await instance.connect();
    try {
      return (await connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[];
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }

  /** Tables of rows, staged ones too, with how many each holds. */
  async tables(file = this.warehouse): Promise<Record<string, number>> {
    const names = await this.ask(
      `SELECT schema_name AS s, table_name AS t FROM duckdb_tables() WHERE schema_name NOT LIKE '%\\_tributary' ESCAPE '\\' ORDER BY 1, 2`,
      file,
    );
    const found: Record<string, number> = {};
    for (const { s, t } of names ?? []) {
      const rows = await this.ask(`SELECT count(*) AS n FROM "${s}"."${t}"`, file);
      found[`${s}.${t}`] = Number(rows?.[0]?.n);
    }
    return found;
  }

  store(): RunStore {
    return openSqliteStore(join(this.folder, '.tributary', 'runs.sqlite'));
  }

  /** The password is in nothing that was said or written. */
  async expectSealed(): Promise<void> {
    expect(this.#said).not.toContain(CANARY);
    for (const entry of await readdir(this.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const content = await readFile(join(entry.parentPath, entry.name));
      expect(content.includes(CANARY), entry.name).toBe(false);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await chmod(this.folder, 0o755);
    await rm(this.folder, { recursive: true, force: true });
  }
}
