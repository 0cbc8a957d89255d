/** Everything that is to be known of one run of the engine, from its events alone. */
import type { EngineEvent } from '@pulumi/pulumi/automation/index.js';
import type { Drift, PolicyResult, PreviewOp, PreviewOperation, ProvisionEvent } from './contract.ts';
import { byLoudness, driftClass } from './drift.ts';
import type { Evidence } from './failure.ts';
import { OperationSet, operationOf, plain, policyOf, progressOf } from './operations.ts';

export class Watch {
  readonly #stack: string;
  readonly #tell: (event: ProvisionEvent) => void;
  readonly #operations = new OperationSet();
  readonly #done = new Map<string, PreviewOp | 'same'>();
  readonly #policies: PolicyResult[] = [];
  readonly #errors: { urn?: string; message: string }[] = [];
  readonly #drift = new Map<string, Drift>();

  constructor(stack: string, tell: (event: ProvisionEvent) => void) {
    this.#stack = stack;
    this.#tell = tell;
  }

  readonly see = (event: EngineEvent): void => {
    const stack = this.#stack;
    if (event.resourcePreEvent) this.#operations.add(event.resourcePreEvent.metadata);
    const progress = progressOf(event);
    if (progress !== undefined) {
      this.#tell({ type: 'resource', stack, ...progress });
      const { urn, op, state } = progress;
      if (state === 'done' && op !== 'refresh' && this.#done.get(urn) !== 'replace') this.#done.set(urn, op);
    }
    if (event.resOutputsEvent) this.#noteDrift(event);
    const policy = policyOf(event);
    if (policy !== undefined) {
      this.#policies.push(policy);
      this.#tell({ type: 'policy', stack, ...policy });
    }
    const said = event.diagnosticEvent;
    if (said !== undefined && said.severity === 'error') {
      const message = plain(said.message);
      if (message === '') return;
      const about = said.urn ? { urn: said.urn } : {};
      this.#errors.push({ ...about, message });
      this.#tell({ type: 'diagnostic', stack, ...about, message });
    }
  };

  get operations(): PreviewOperation[] {
    return this.#operations.list();
  }

  get policies(): readonly PolicyResult[] {
    return this.#policies;
  }

  get errors(): Evidence['errors'] {
    return this.#errors;
  }

  get drift(): Drift[] {
    return byLoudness([...this.#drift.values()]);
  }

  /** Resources by what was done with them; components and the stack itself are not counted. */
  get done(): Partial<Record<PreviewOp | 'same', number>> {
    const counts: Partial<Record<PreviewOp | 'same', number>> = {};
    for (const [urn, op] of this.#done) {
      const type = urn.split('::')[2]?.split('$').at(-1) ?? '';
      if (type.startsWith('tributary:') || type.startsWith('pulumi:')) continue;
      counts[op] = (counts[op] ?? 0) + 1;
    }
    return counts;
  }

  evidence(tenant: string, text: string): Evidence {
    const { same: _, ...changed } = this.done;
    return {
      stack: this.#stack,
      tenant,
      text: plain(text),
      errors: this.#errors,
      policies: this.#policies.filter(({ level }) => level === 'mandatory'),
      done: Object.values(changed).reduce((sum, count) => sum + count, 0),
    };
  }

  #noteDrift({ resOutputsEvent }: EngineEvent): void {
    const metadata = resOutputsEvent?.metadata;
    if (metadata?.old?.custom !== true || metadata.type.startsWith('pulumi:')) return;
    const operation = operationOf(metadata.op);
    if (operation !== 'update' && operation !== 'delete') return;
    const { urn, type, detailedDiff, diffs } = metadata;
    const detailed = Object.entries(detailedDiff ?? {}).map(([path, { diffKind }]) => ({
      path,
      kind: String(diffKind),
    }));
    const changes = detailed.length > 0 ? detailed : (diffs ?? []).map((path) => ({ path, kind: 'update' }));
    const found = driftClass(type, operation === 'delete', changes);
    this.#drift.set(urn, { urn, type, class: found, paths: changes.map(({ path }) => path).sort() });
  }
}
