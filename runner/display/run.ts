/** A view of a run's events: one live line on a terminal, JSON lines for programs, plain lines otherwise. */
import type { RunEvent } from '../core/contracts/run-store.ts';
import type { RunSummary } from '../pipeline/summary.ts';
import { bytesText, rowsText } from './text.ts';

interface Mode {
  readonly json: boolean;
  readonly terminal: boolean;
}

const CLEAR = '\r\u001b[2K';

export class RunDisplay {
  readonly #mode: Mode;
  #extractFrom = 0;
  #live = false;

  constructor(mode: Mode) {
    this.#mode = mode;
  }

  show(event: RunEvent): void {
    if (this.#mode.json) {
      process.stderr.write(`${JSON.stringify(event)}\n`);
      return;
    }
    if (event.type === 'step-start') {
      if (event.step === 'extract') this.#extractFrom = Date.now();
      this.#line(`${event.step} …`);
    }
    if (event.type === 'progress') this.#line(this.#progress(event.data ?? {}));
    if (event.type === 'step-end' && !this.#mode.terminal)
      process.stderr.write(`${event.step}: ${event.data?.seconds} s\n`);
  }

  note(text: string): void {
    if (this.#mode.json) process.stderr.write(`${JSON.stringify({ type: 'note', text })}\n`);
    else if (this.#mode.terminal) this.#line(text);
    else process.stderr.write(`${text}\n`);
  }

  end(): void {
    if (this.#live) process.stderr.write(CLEAR);
    this.#live = false;
  }

  summary({ source, destination, strategy, mode, window, rows, bytes, seconds, schemaChanges }: RunSummary): string {
    const rate = (seconds.total ?? 0) > 0 ? Math.round(rows.extracted / (seconds.total ?? 1)) : 0;
    const parts = (['inserted', 'updated', 'deleted', 'unchanged', 'quarantined', 'nullified'] as const)
      .filter((name) => rows[name] > 0)
      .map((name) => `${rowsText(rows[name])} ${name}`);
    const read =
      mode === 'replay'
        ? `replayed ${rowsText(rows.extracted)} quarantined rows in ${seconds.total} s`
        : `${rowsText(rows.extracted)} rows, ${bytesText(bytes.extracted)} in ${seconds.total} s (${rowsText(rate)} rows/s)`;
    const lines = [
      `✓ ${source} → ${destination}: ${parts.length === 0 ? 'nothing new' : parts.join(', ')}`,
      `  ${strategy}${window === null ? '' : `, window ${window.from ?? 'start'} … ${window.to}`}`,
      `  ${read}`,
      ...schemaChanges.map(
        (change) => `  schema: ${change.kind} ${change.kind === 'add' ? change.column.name : change.column}`,
      ),
    ];
    return `${lines.join('\n')}\n`;
  }

  #progress(data: Readonly<Record<string, unknown>>): string {
    const rows = Number(data.rows ?? 0);
    const seconds = Math.max(0.1, (Date.now() - this.#extractFrom) / 1000);
    const expected = data.expectedRows === null ? null : Number(data.expectedRows);
    const left = expected === null || rows === 0 ? null : Math.max(0, ((expected - rows) / rows) * seconds);
    const of = expected === null ? '' : ` of about ${rowsText(expected)}`;
    return `extract  ${rowsText(rows)}${of} rows  ${bytesText(Number(data.bytes ?? 0) / seconds)}/s  ${left === null ? '' : `${Math.ceil(left)} s left`}`;
  }

  #line(text: string): void {
    if (!this.#mode.terminal) return;
    process.stderr.write(`${CLEAR}${text}`);
    this.#live = true;
  }
}
