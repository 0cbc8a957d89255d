/** The entry of the runner's image: one process, one run. The webhook says what is to be done. */
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

const given = settings();
if (given !== null) process.exitCode = await traced(given);
