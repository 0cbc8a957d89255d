/** What the suite of launchers launches: it writes down what it sees, and does what the id of its run says. */
import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const { SEEN = '', TRIBUTARY_RUN_ID: runId = '' } = process.env;

function act(what: string): void {
  if (what.startsWith('exit')) process.exitCode = Number(what.slice('exit'.length));
  if (what === 'wait') {
    process.on('SIGTERM', () => process.exit(130));
    setInterval(() => {}, 1000);
  }
  if (what === 'stubborn') {
    process.on('SIGTERM', () => {});
    setInterval(() => {}, 1000);
  }
}

act(/_([a-z0-9]+)$/.exec(runId)?.[1] ?? '');
appendFileSync(join(SEEN, `${runId}.begun`), `${process.pid}\n`);
const file = join(SEEN, `${runId}.json`);
writeFileSync(`${file}.new`, JSON.stringify({ pid: process.pid, environment: process.env }));
renameSync(`${file}.new`, file);
console.log(`hello from ${runId}`);
