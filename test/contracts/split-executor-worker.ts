/** What the suite of executors has carried out: it "reads" its splits, and does besides what the id of its run says. */
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { workToken } from '../../runner/core/split-jobs.ts';

const { SEEN = '', TRIBUTARY_RUN_ID: runId = '', TRIBUTARY_SPLITS: work = '', SPLITS = '0' } = process.env;
const [index, count] = [Number(process.env.CLOUD_RUN_TASK_INDEX ?? 0), Number(process.env.CLOUD_RUN_TASK_COUNT ?? 1)];
const does = /_([a-z0-9]+)$/.exec(runId)?.[1] ?? '';

function note(what: string): void {
  appendFileSync(join(SEEN, `${runId}.log`), `${workToken(work)} ${what} ${process.pid}\n`);
}

function finish(): void {
  for (let split = index; split < Number(SPLITS); split += count) note(`split-${split}`);
  note('ended');
  process.exit(0);
}

process.on('SIGTERM', () => {
  if (process.env.STUBBORN) return;
  note('ended');
  process.exit(130);
});
note('begun');
if (does.startsWith('exit')) process.exit(Number(does.slice('exit'.length)));
if (does === 'wait') {
  setInterval(() => existsSync(join(SEEN, `${runId}.go`)) && finish(), 20);
} else finish();
