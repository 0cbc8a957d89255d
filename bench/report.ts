/** What every bench hands over, and the two ways it is shown. */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

export interface Case {
  readonly name: string;
  /** Seconds, median of the rounds. */
  readonly wall: number;
  readonly cpu: number;
  readonly serverCpu: number;
  /** Highest of the rounds. */
  readonly rssMb: number;
  readonly rows: number;
  readonly rounds: readonly number[];
  /** `exact`, `-` where there is no result to compare, or the columns that differ. */
  readonly result: string;
  /** Rounds during which something else took the machine, even when measured again. */
  readonly disturbed: number;
  readonly note?: string;
  /** The run's own account, where the program gives one. */
  readonly seconds?: Readonly<Record<string, number>>;
}

export interface Target {
  readonly name: string;
  readonly want: string;
  readonly got: number;
  readonly ok: boolean;
}

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGb: number;
  readonly node: string;
  readonly server?: string;
}

export interface Result {
  readonly name: string;
  readonly machine: Machine;
  readonly cases: readonly Case[];
  readonly ratios: Readonly<Record<string, number>>;
  readonly targets: readonly Target[];
  /** What the reader must know: what was left out, what was noisy. */
  readonly notes: readonly string[];
}

export function describeMachine(server?: string): Machine {
  const processors = cpus();
  return {
    cores: processors.length,
    processor: processors[0]?.model.trim() ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    ...(server ? { server } : {}),
  };
}

export function toMarkdown({ machine, cases, targets, notes }: Result): string {
  const { cores, processor, memoryGb, node, server } = machine;
  const lines = [
    `${cores} cores (${processor}), ${memoryGb} GiB, Node ${node}${server ? `, ${server}` : ''}. The server shares the cores.`,
    '',
    '| case | rows | wall s | rows/s | client CPU s | server CPU s | peak RSS MB | result |',
    '|---|---:|---:|---:|---:|---:|---:|---|',
    ...cases.map((one) => {
      const speed = one.rows > 0 ? Math.round(one.rows / one.wall).toLocaleString('en') : '-';
      const cells = [one.rows.toLocaleString('en'), one.wall, speed, one.cpu, one.serverCpu, one.rssMb];
      return `| ${one.name} | ${cells.join(' | ')} | ${one.result}${one.note ? `; ${one.note}` : ''} |`;
    }),
    '',
    '| target | want | got | |',
    '|---|---:|---:|---|',
    ...targets.map(({ name, want, got, ok }) => `| ${name} | ${want} | ${got} | ${ok ? 'met' : '**short**'} |`),
    ...(notes.length > 0 ? ['', ...notes.map((note) => `- ${note}`)] : []),
  ];
  return lines.join('\n');
}

/** Replaces what stands between the two marks of this bench in a document. */
export function splice(file: string, name: string, markdown: string): void {
  const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const text = readFileSync(file, 'utf8');
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} has no ${start} … ${end}`);
  writeFileSync(file, `${text.slice(0, from + start.length)}\n${markdown}\n${text.slice(to)}`);
}
