/** A view of a run's events: one live line on a terminal, JSON lines for programs, plain lines otherwise. */
import type { RunEvent } from '../core/contracts/run-store.ts';
import type { Billing } from '../core/contracts/warehouse.ts';
import type { RunSummary } from '../pipeline/summary.ts';
import type { UndoSummary } from '../pipeline/undo.ts';
import { bytesText, rowsText, usdText } from './text.ts';

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
    if (event.type === 'warning') this.#stay(`! ${event.data?.text}`);
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

  summary(run: RunSummary): string {
    const { source, destination, strategy, mode, window, rows, bytes, seconds, schemaChanges, billed } = run;
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
      ...billedLines(billed),
      ...schemaChanges.map(
        (change) => `  schema: ${change.kind} ${change.kind === 'add' ? change.column.name : change.column}`,
      ),
    ];
    return `${lines.join('\n')}\n`;
  }

  undone({ source, destination, undone, billed, seconds }: UndoSummary): string {
    if (undone === null) return '';
    const lines = [
      `✓ ${source} → ${destination}: as it was before ${undone.runId}, ${rowsText(undone.rows)} rows`,
      `  next run reads ${undone.cursor === null ? 'from the beginning' : `from ${undone.cursor}`}`,
      ...(undone.runs.length > 1
        ? [`  undone with it: ${undone.runs.filter((id) => id !== undone.runId).join(', ')}`]
        : []),
      `  in ${seconds.total} s`,
      ...billedLines(billed),
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

  /** A line that is not overwritten. */
  #stay(text: string): void {
    process.stderr.write(`${this.#live ? CLEAR : ''}${text}\n`);
    this.#live = false;
  }

  #line(text: string): void {
    if (!this.#mode.terminal) return;
    process.stderr.write(`${CLEAR}${text}`);
    this.#live = true;
  }
}

function billedLines(billed: Billing | null): string[] {
  if (billed === null) return [];
  const { bytes, slotMs, usd } = billed;
  return [`  billed ${bytesText(bytes)}, ${(slotMs / 1000).toFixed(1)} s of slots, ${usdText(usd)}`];
}
