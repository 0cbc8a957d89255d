/** The runner's own extractor as a child of this one, which does to some attempts what machines and networks do. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { extractorHere } from '../../servers/beam.ts';

export interface Fault {
  /** Its first two attempts die: at the first word, and a moment later. */
  readonly failing: string;
  /** Of its first attempt the end is lost: it has its result, and nobody heard. */
  readonly unheard: string;
  /** Its first attempt stands still in the midst of its read, alive to its parent. */
  readonly standing: string;
}

const folder = join(process.env.FAULTS ?? '', 'attempts');
const fault: Fault | null = JSON.parse(readFileSync(join(folder, '../fault.json'), 'utf8'));
const [word = ''] = process.argv.slice(2);
const [program, ...words] = extractorHere;
const child = spawn(program, [...words, word], { stdio: ['pipe', 'pipe', 'inherit'] });
const input = createInterface({ input: process.stdin });
const output = createInterface({ input: child.stdout });
let split = '';
let attempt = 0;
let heard = 0;

child.stdin.on('error', () => {});
input.on('line', (line) => {
  const asked = JSON.parse(line);
  if (asked.split !== undefined) {
    split = asked.split;
    attempt = readdirSync(folder).filter((file) => file.startsWith(`${split}.`)).length;
    writeFileSync(join(folder, `${split}.${attempt}`), String(process.ppid));
  }
  child.stdin.write(`${line}\n`);
});
input.on('close', () => {
  child.stdin.end();
  if (fault?.standing === split && attempt === 0) child.kill('SIGKILL');
});
output.on('line', (line) => {
  heard += 1;
  if (fault?.failing === split && attempt < 2 && heard === 1) setTimeout(() => child.kill('SIGKILL'), attempt * 100);
  if (fault?.unheard === split && attempt === 0 && line.startsWith('{"done"')) process.exit(1);
  process.stdout.write(`${line}\n`);
  if (fault?.standing === split && attempt === 0 && heard === 1) child.kill('SIGSTOP');
});
child.on('close', (code, signal) => {
  process.exitCode = code ?? 1;
  if (signal !== null) process.kill(process.pid, signal);
  input.close();
  process.stdin.destroy();
});
