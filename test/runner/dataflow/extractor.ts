/**
 * Stands for the runner's extractor: speaks its words and does to each split what the plan says, attempt by attempt.
 * The folder of the plan holds the results, and notes of what happened.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const file = process.env.PLAN ?? '';
const folder = dirname(file);
const plan: Readonly<Record<string, readonly Way[]>> = JSON.parse(readFileSync(file, 'utf8'));
const input = createInterface({ input: process.stdin });

type Way = keyof typeof ways;

const ways = {
  well(split: string) {
    progress(4);
    finish(split);
  },
  garbled(split: string) {
    process.stdout.write(
      '<html>502</html>\n{"progress":{"rows":"many"}}\n[1]\nnull\n5\n"problem"\n{"problem":7}\n{"splits":[1]}\n{"problem":{"code":7}}\n',
    );
    process.stdout.write(`${'\0\ufffd'.repeat(100_000)}\n`);
    process.stdout.write(`${'['.repeat(60_000)}\n`);
    finish(split);
  },
  mute() {
    process.stdout.write('{"done":');
    process.exit();
  },
  dead() {
    progress(7);
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100);
  },
  busy: () => refuse(true),
  denied: () => refuse(false),
  stuck: () => progress(2),
  slow(split: string) {
    const heart = setInterval(() => {
      progress(1);
      if (!existsSync(join(folder, 'go'))) return;
      clearInterval(heart);
      finish(split);
    }, 50);
  },
};

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function progress(rows: number): void {
  say({ progress: { rows, bytes: rows * 10, rejected: 0 } });
}

function finish(split: string): void {
  const result = join(folder, `${split}.result`);
  const again = existsSync(result);
  writeFileSync(result, '');
  say({ done: { rows: 10, bytes: 100, rejected: 1, again } });
  input.close();
}

function refuse(retryable: boolean): void {
  const words = { title: 'It was refused.', detail: 'Password "x" {no}.', fix: 'Ask.' };
  say({ problem: { code: 'SOURCE_DENIED', ...words, origin: 'source', retryable } });
  process.exitCode = 1;
  input.close();
}

function note(text: string): void {
  appendFileSync(join(folder, 'notes'), `${text}\n`);
}

/** How often this split was begun before. */
function begun(split: string): number {
  const notes = existsSync(join(folder, 'notes')) ? readFileSync(join(folder, 'notes'), 'utf8') : '';
  return notes.split(`begin ${split} `).length - 1;
}

input.once('line', (line) => {
  const { work, split } = JSON.parse(line);
  if (process.argv[2] === 'list-splits') {
    if ('list' in plan) return refuse(false);
    say({ splits: Object.keys(plan).filter((id) => !existsSync(join(folder, `${id}.result`))), workers: 2 });
    return input.close();
  }
  const way = plan[split]?.[begun(split)] ?? plan[split]?.at(-1) ?? 'well';
  note(`begin ${split} ${process.pid}`);
  process.stderr.write(`${JSON.stringify({ severity: 'INFO', message: `reads ${split} of ${work}` })}\n`);
  ways[way](split);
});
input.once('close', () => {
  note(`end ${process.pid}`);
  process.stdin.destroy();
  setTimeout(() => process.exit(), 20);
});
