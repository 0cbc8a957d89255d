/** Runs the tests of a live session: started by main.ts, with the session in the environment. */
import { join } from 'node:path';
import { startVitest } from 'vitest/node';

const root = join(import.meta.dirname, '..', '..');
const [name] = process.argv.slice(2);
/** BigQuery takes seconds where the emulator takes a moment. */
const MINUTES = 10;

const vitest = await startVitest('test', [], {
  config: false,
  root,
  watch: false,
  include: ['test/live/conformance.ts'],
  fileParallelism: false,
  testTimeout: MINUTES * 60_000,
  hookTimeout: MINUTES * 60_000,
  ...(name === undefined ? {} : { testNamePattern: name }),
});
await vitest.close();
