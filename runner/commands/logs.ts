import { TributaryError } from '../core/errors.ts';
import { EXIT } from '../job/exit.ts';
import { openStore } from './context.ts';
import { type GlobalOptions, print, problemText } from './outcome.ts';

export async function logs(options: GlobalOptions, runId: string): Promise<number> {
  await using store = await openStore();
  const record = await store.get(runId);
  if (record === null) throw new TributaryError('RUN_NOT_FOUND', { run: runId });
  const events = await store.events(runId);
  if (options.json) {
    print({ run: record, events });
    return EXIT.done;
  }
  for (const { at, type, step, data } of events) {
    const facts = data === undefined || 'problem' in data ? '' : ` ${JSON.stringify(data)}`;
    process.stdout.write(`${at}  ${type}${step === undefined ? '' : ` ${step}`}${facts}\n`);
  }
  process.stdout.write(`${record.status}\n${record.problem === null ? '' : `${problemText(record.problem)}\n`}`);
  return EXIT.done;
}
