/** A runner that watches a job, as a process that can be killed. Its job is its argument; it tells what it sees in lines. */
import type { SplitJob } from '../../runner/core/contracts/splits.ts';
import { problemOf } from '../../runner/core/errors.ts';
import { executorSettings, openExecutor } from '../../runner/launchers/executors.ts';

const { kind, job } = JSON.parse(process.argv[2] ?? '') as { kind: 'tasks' | 'dataflow'; job: SplitJob };
const settings = executorSettings(kind, process.env, { labels: { tenant: job.run.tenant } });
const executor = await openExecutor({ ...settings, pollMs: [20, 50] });
let told = '';
try {
  await executor.execute(job, {
    signal: new AbortController().signal,
    onProgress: ({ job: name }) => {
      if (name !== told) console.log(`job ${name}`);
      told = name;
    },
  });
  console.log('done');
} catch (error) {
  console.log(`failed ${problemOf(error).code} ${problemOf(error).detail}`);
}
await executor[Symbol.asyncDispose]();
