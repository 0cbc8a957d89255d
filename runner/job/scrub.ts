/** Keeps secrets out of what a run tells: the values that it read, and what looks like one. */
import type { RunStore } from '../core/contracts/run-store.ts';
import { redactor } from '../secrets/redactor.ts';
import { scrubbed } from '../telemetry/scrub.ts';

/** Shorter ones are in every other word. */
const SHORTEST = 4;

/** Knows the values that were read until it is called. */
export function scrubber(values: ReadonlySet<string>): (text: string) => string {
  let known = 0;
  let redact = redactor([]);
  return (text) => {
    if (values.size !== known) {
      known = values.size;
      redact = redactor([...values].filter(({ length }) => length >= SHORTEST));
    }
    return redact(text);
  };
}

/** A store that gets no value of a secret. */
export function scrubbing<Store extends RunStore>(store: Store, redact: (text: string) => string): Store {
  const clean = <T>(value: T): T => cleaned(value, (text) => scrubbed(redact(text))) as T;
  return {
    ...store,
    append: (event, id) => store.append(clean(event), id),
    finish: (runId, status, summary, problem) => store.finish(runId, status, clean(summary), clean(problem)),
  };
}

function cleaned(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((each) => cleaned(each, redact));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cleaned(each, redact)]));
}
