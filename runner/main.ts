/**
 * The entry of the runner's image: one process, one run, of which the webhook says what is to be done. Or a process that
 * carries out splits of a run: as a child (`extract-split`, `list-splits`), or as a task of a job (TRIBUTARY_SPLITS).
 */
import { TributaryError } from './core/errors.ts';
import { carryOut } from './job/carry-out.ts';
import { exitCode } from './job/exit.ts';
import { interruptible } from './job/interruptible.ts';
import { type RunnerSettings, runnerSettings } from './job/settings.ts';

function settings(): RunnerSettings | null {
  try {
    return runnerSettings();
  } catch (error) {
    if (!TributaryError.is(error)) throw error;
    const { problem } = error;
    process.stdout.write(`${JSON.stringify({ severity: 'ERROR', message: problem.detail, problem })}\n`);
    process.exitCode = exitCode(problem);
    return null;
  }
}

/** Its spans, where a collector listens; nothing of it is loaded where none does. */
async function traced(given: RunnerSettings): Promise<number> {
  const stopping = interruptible();
  if (!process.env.OTEL_EXPORTER_OTLP_ENDPOINT) return await carryOut(given, stopping);
  const { openTraces, runSpans } = await import('./telemetry/traces.ts');
  await using traces = openTraces('tributary-runner');
  return await carryOut(given, stopping, runSpans(traces, given.traceparent));
}

/** @returns null where this process is asked for no split */
async function splits(): Promise<number | null> {
  const [word] = process.argv.slice(2);
  if (word === 'extract-split') return await (await import('./splits/child.ts')).extractSplit();
  if (word === 'list-splits') return await (await import('./splits/child.ts')).listSplits();
  if (!process.env.TRIBUTARY_SPLITS) return null;
  return await (await import('./splits/task.ts')).carryOutTask(interruptible());
}

async function run(): Promise<void> {
  const given = settings();
  if (given !== null) process.exitCode = await traced(given);
}

const code = await splits();
if (code === null) await run();
else process.exitCode = code;
