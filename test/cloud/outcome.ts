/** What an operation of the engine did or would do, gathered from its events. */
import type { EngineEvent, OpType, StepEventMetadata } from '@pulumi/pulumi/automation/index.js';

export interface Step {
  readonly op: OpType;
  readonly type: string;
  readonly urn: string;
  /** Logical name. */
  readonly name: string;
  /** Properties that differ, as in `template.containers[0].image`. */
  readonly paths: readonly string[];
}

export interface PolicyViolation {
  readonly policy: string;
  readonly level: string;
  readonly urn: string;
  readonly message: string;
}

export interface Outcome {
  /** What changes, in the engine's order; without stacks and providers themselves. */
  readonly steps: readonly Step[];
  /** How many resources of each operation, `same` among them. */
  readonly counts: Readonly<Partial<Record<OpType, number>>>;
  readonly policies: readonly PolicyViolation[];
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** Milliseconds. */
  readonly took: number;
}

/** The engine refused or failed; what it had done until then is in `outcome`. */
export class StackFailure extends Error {
  readonly outcome: Outcome;

  constructor(operation: string, outcome: Outcome, cause: unknown) {
    const broken = outcome.policies.filter(({ level }) => level === 'mandatory');
    const rules = broken.map(({ policy, urn, message }) => `${policy}: ${urn.split('::').at(-1)}: ${message}`);
    const reasons = [...outcome.errors, ...rules];
    super(`${operation} failed:\n${reasons.length > 0 ? reasons.join('\n') : (cause as Error).message}`, { cause });
    this.name = 'StackFailure';
    this.outcome = outcome;
  }
}

const QUIET = new Set<OpType>(['same', 'read', 'refresh']);
/** The engine says so of every plugin that is not its own download. */
const AMBIENT = /^using pulumi-(?:resource|analyzer)-\S+ from \$PATH/;

const SYMBOLS: Partial<Record<OpType, string>> = { create: '+', update: '~', delete: '-', replace: '±' };

/** One line a step: `~ gcp:bigquery/dataset:Dataset acme-raw (labels.env)`. */
export function lines(outcome: Outcome): readonly string[] {
  return outcome.steps.map(({ op, type, name, paths }) => {
    const which = paths.length === 0 ? '' : ` (${paths.join(', ')})`;
    return `${SYMBOLS[op] ?? op} ${type} ${name}${which}`;
  });
}

export class OutcomeRecorder {
  readonly #steps: Step[] = [];
  readonly #policies: PolicyViolation[] = [];
  readonly #errors: string[] = [];
  readonly #warnings: string[] = [];
  readonly #refreshing = new Set<string>();
  readonly #start = performance.now();
  #counts: Outcome['counts'] = {};

  readonly onEvent = (event: EngineEvent): void => {
    const before = event.resourcePreEvent?.metadata;
    const after = event.resOutputsEvent?.metadata;
    // A refresh tells what it found only afterwards.
    if (before !== undefined && before.op !== 'refresh') this.#step(before);
    if (after !== undefined && this.#refreshing.has(after.urn)) this.#step(after);
    if (before?.op === 'refresh') this.#refreshing.add(before.urn);
    const { policyEvent, diagnosticEvent, summaryEvent } = event;
    if (policyEvent !== undefined) {
      const { policyName, enforcementLevel, resourceUrn = '', message } = policyEvent;
      this.#policies.push({ policy: policyName, level: enforcementLevel, urn: resourceUrn, message: bare(message) });
    }
    if (diagnosticEvent?.severity === 'error') this.#errors.push(bare(diagnosticEvent.message));
    if (diagnosticEvent?.severity === 'warning' && !AMBIENT.test(bare(diagnosticEvent.message)))
      this.#warnings.push(bare(diagnosticEvent.message));
    if (summaryEvent !== undefined) this.#counts = summaryEvent.resourceChanges;
  };

  #step({ op, urn, type, detailedDiff, diffs }: StepEventMetadata): void {
    if (QUIET.has(op) || type.startsWith('pulumi:')) return;
    const detailed = Object.keys(detailedDiff ?? {});
    const paths = (detailed.length > 0 ? detailed : [...(diffs ?? [])]).sort();
    this.#steps.push({ op, type, urn, name: urn.split('::').at(-1) ?? urn, paths });
  }

  outcome(): Outcome {
    return {
      steps: this.#steps,
      counts: this.#counts,
      policies: this.#policies,
      errors: this.#errors,
      warnings: this.#warnings,
      took: Math.round(performance.now() - this.#start),
    };
  }
}

/** Without colours: `<{%reset%}>`. */
function bare(text: string): string {
  return text.replaceAll(/<\{%[^%]*%\}>/g, '').trim();
}
