/** A block of lines at the end of a terminal that is drawn anew in its place. */
import type { WriteStream } from 'node:tty';

const EVERY_MS = 80;

export class Screen {
  readonly #terminal: WriteStream;
  #lines = 0;
  #drawnAt = 0;

  constructor(terminal: WriteStream) {
    this.#terminal = terminal;
  }

  /** Cut to what the terminal shows, its last lines. */
  draw(contents: () => readonly string[]): void {
    const now = Date.now();
    if (now - this.#drawnAt < EVERY_MS) return;
    this.#drawnAt = now;
    const { columns = 80, rows = 24 } = this.#terminal;
    const lines = contents().slice(-(rows - 1));
    this.clear();
    this.#terminal.write(lines.map((line) => `${line.slice(0, columns - 1)}\n`).join(''));
    this.#lines = lines.length;
  }

  clear(): void {
    if (this.#lines > 0) this.#terminal.write(`\u001b[${this.#lines}A\u001b[0J`);
    this.#lines = 0;
  }
}
