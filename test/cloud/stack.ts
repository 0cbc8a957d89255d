/** A stack of an inline program on the real engine. */
import { readFileSync } from 'node:fs';
import type { Deployment, OutputMap, PulumiFn, Stack } from '@pulumi/pulumi/automation/index.js';
import { type Outcome, OutcomeRecorder, StackFailure } from './outcome.ts';

/** Declares resources; what it returns are the outputs of the stack. */
export type Program = () => Promise<unknown>;

export interface StackOptions {
  /** Configuration, as in `{ 'gcp:project': 'acme-data' }`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Folders of policy packs that `preview` and `up` obey. */
  readonly policyPacks?: readonly string[];
  /** A file of configuration for each of them, in the same order. */
  readonly policyPackConfigs?: readonly string[];
}

export type Finished = Outcome & { readonly outputs: OutputMap };

export class CloudStack {
  readonly name: string;
  /** Of the Automation API, for whatever is not here. */
  readonly automation: Stack;
  readonly #stateFile: string;
  readonly #policies: { policyPacks?: string[]; policyPackConfigs?: string[] };

  constructor(name: string, automation: Stack, stateFile: string, options: StackOptions) {
    this.name = name;
    this.automation = automation;
    this.#stateFile = stateFile;
    const { policyPacks, policyPackConfigs } = options;
    this.#policies = {
      ...(policyPacks && { policyPacks: [...policyPacks] }),
      ...(policyPackConfigs && { policyPackConfigs: [...policyPackConfigs] }),
    };
  }

  /** What the next operation runs. */
  set program(program: Program) {
    this.automation.workspace.program = program as PulumiFn;
  }

  preview(): Promise<Outcome> {
    return this.#run('preview', (events) => this.automation.preview({ ...events, ...this.#policies }));
  }

  async up(): Promise<Finished> {
    let outputs: OutputMap = {};
    const outcome = await this.#run('up', async (events) => {
      ({ outputs } = await this.automation.up({ ...events, ...this.#policies }));
    });
    return { ...outcome, outputs };
  }

  refresh(options: { previewOnly?: boolean } = {}): Promise<Outcome> {
    return this.#run('refresh', (events) =>
      options.previewOnly === true ? this.automation.previewRefresh(events) : this.automation.refresh(events),
    );
  }

  /** `excludeProtected`: what is protected stays, instead of an error. */
  destroy(options: { excludeProtected?: boolean } = {}): Promise<Outcome> {
    return this.#run('destroy', (events) => this.automation.destroy({ ...events, ...options }));
  }

  export(): Promise<Deployment> {
    return this.automation.exportStack();
  }

  import(deployment: Deployment): Promise<void> {
    return this.automation.importStack(deployment);
  }

  /** The state as it lies on disk, for what must not be in it. */
  stateText(): string {
    return readFileSync(this.#stateFile, 'utf8');
  }

  async #run(
    operation: string,
    work: (options: { onEvent: OutcomeRecorder['onEvent'] }) => Promise<unknown>,
  ): Promise<Outcome> {
    const recorder = new OutcomeRecorder();
    try {
      await work({ onEvent: recorder.onEvent });
    } catch (error) {
      throw new StackFailure(operation, recorder.outcome(), error);
    }
    return recorder.outcome();
  }
}
