/**
 * The order in which processes get a file that takes one at a time: first come, first served.
 *
 * A ticket is a file beside it, named by the time it was drawn; whoever has the oldest living one may try, and keeps it while the
 * file is open: a warehouse lets its file go for a moment when it opens it again with other options, and nobody may take it then.
 * The lock itself is DuckDB's, so a ticket that is lost costs the order and nothing else.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isGone, type Owner, thisProcess } from '../../core/owner.ts';

/** Of a process that cannot be looked at from here: it touches its ticket while it waits; one left alone for so long is nobody's. */
const STALE_MS = 30_000;
/** The folder may go between making it and writing into it, when the last of a row leaves. */
const TRIES = 5;

export class Ticket implements Disposable {
  readonly #folder: string;
  readonly #name: string;
  readonly #self = thisProcess();

  /** Draws one; where nothing can be written there is no order, and the file itself says what is wrong. */
  constructor(file: string) {
    this.#folder = `${file}.queue`;
    this.#name = `${String(Date.now()).padStart(15, '0')}-${process.pid}-${randomBytes(3).toString('hex')}`;
    this.#write();
  }

  /** How many who wait came before. */
  ahead(): number {
    this.#touch();
    const before = this.#all().filter((name) => name < this.#name);
    return before.filter((name) => this.#waits(name)).length;
  }

  [Symbol.dispose](): void {
    try {
      rmSync(join(this.#folder, this.#name), { force: true });
      rmdirSync(this.#folder);
    } catch {
      // Others wait, or there was no folder to wait in.
    }
  }

  #all(): readonly string[] {
    try {
      return readdirSync(this.#folder);
    } catch {
      return [];
    }
  }

  #write(): void {
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        mkdirSync(this.#folder, { recursive: true });
        writeFileSync(join(this.#folder, this.#name), JSON.stringify(this.#self));
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return;
      }
    }
  }

  #touch(): void {
    const now = new Date();
    try {
      utimesSync(join(this.#folder, this.#name), now, now);
    } catch {
      // Taken away while this process was suspended: it stands where it stood.
      this.#write();
    }
  }

  #waits(name: string): boolean {
    const path = join(this.#folder, name);
    try {
      const fresh = Date.now() - statSync(path).mtimeMs <= STALE_MS;
      const owner = ownerOf(path);
      // Being written at this moment, or torn: its age tells.
      const here = owner !== null && owner.host === this.#self.host && owner.namespace === this.#self.namespace;
      // Who has the file open twice knows what it does.
      if (here && owner.pid === this.#self.pid) return false;
      const lives = here ? !isGone(owner, this.#self) : fresh;
      if (!lives) rmSync(path, { force: true });
      return lives;
    } catch {
      // It went meanwhile.
      return false;
    }
  }
}

function ownerOf(path: string): Owner | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
