/** Several transactions that write to one table at once, in an order that the seed decides. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { insertRows } from './oracle.ts';
import type { Random } from './random.ts';

interface Writer {
  readonly client: pg.Client;
  open: boolean;
  /** Begins early and writes late. */
  readonly idler: boolean;
}

export class Writers {
  readonly #writers: readonly Writer[];
  readonly #table: string;
  readonly #random: Random;
  readonly #updates: boolean;

  constructor(clients: readonly pg.Client[], table: string, random: Random, updates: boolean) {
    this.#writers = clients.map((client, index) => ({ client, open: false, idler: index === 0 }));
    this.#table = table;
    this.#random = random;
    this.#updates = updates;
  }

  /** One step of one of them. */
  async step(): Promise<void> {
    const random = this.#random;
    const writer = random.pick(this.#writers);
    const { client } = writer;
    if (random.chance(0.2)) await sleep(random.between(1, 4));
    if (!writer.open) {
      if (!writer.idler && random.chance(0.3)) return this.#write(client);
      await client.query('BEGIN');
      writer.open = true;
      return;
    }
    const dice = random.next();
    if (writer.idler && dice < 0.7) return;
    if (dice < 0.5) await this.#write(client);
    else if (dice < 0.6) {
      await client.query('SAVEPOINT here');
      await this.#write(client);
      await client.query('ROLLBACK TO here');
    } else if (dice < 0.7) return;
    else await this.#end(writer, dice < 0.92);
  }

  async endAll(): Promise<void> {
    for (const writer of this.#writers) {
      if (!writer.open) continue;
      if (this.#random.chance(0.6)) await this.#write(writer.client);
      await this.#end(writer, this.#random.chance(0.9));
    }
  }

  async #end(writer: Writer, commit: boolean): Promise<void> {
    await writer.client.query(commit ? 'COMMIT' : 'ROLLBACK');
    writer.open = false;
  }

  async #write(client: pg.Client): Promise<void> {
    const random = this.#random;
    const table = this.#table;
    if (this.#updates && random.chance(0.4)) {
      // A row that another writer holds is left alone, or both would wait for ever.
      const one = `SELECT id FROM ${table} WHERE id >= (SELECT min(id) + $1 FROM ${table}) ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED`;
      const set = `amount = amount + 1, stamp = now(), version = nextval('${table}_version')`;
      await client.query(`UPDATE ${table} SET ${set} WHERE id IN (${one})`, [random.between(0, 20)]);
      return;
    }
    const stamp = random.chance(0.12) ? 'NULL' : 'DEFAULT';
    await client.query(insertRows(table, random.between(1, 5), stamp));
  }
}
