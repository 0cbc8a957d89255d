/** What the provisioner is asked and what it tells. Types only: the command line and the webhook may import them. */
import type { TenantSpec } from '../../tenants/schema/index.ts';
import type { PlatformOutputs } from '../contract.ts';
import type { PolicyResult, PreviewOp, PreviewResult } from '../preview-result.ts';

export type { PolicyResult, PreviewOp, PreviewOperation, PreviewResult } from '../preview-result.ts';

/** What can be done with a stack. */
export type Operation = 'preview' | 'up' | 'refresh' | 'destroy';

/** Who a stack is for: a tenant, or the platform that all of them share. */
export interface StackTarget {
  /** The tenant's id, or `platform`. */
  readonly tenant: string;
  /** Name of the stack: `acme.dev`. */
  readonly stack: string;
  /** Absent for the platform. */
  readonly spec?: TenantSpec;
}

/** Codes of the error catalogue that a stack can end with. */
export type FailureCode =
  | 'STACK_API_DISABLED'
  | 'STACK_BUSY'
  | 'STACK_ENGINE_FAILED'
  | 'STACK_ENGINE_MISSING'
  | 'STACK_FAILED'
  | 'STACK_IAM_LAG'
  | 'STACK_INTERRUPTED'
  | 'STACK_LOCKED'
  | 'STACK_NEEDED'
  | 'STACK_PASSPHRASE'
  | 'STACK_PLATFORM_MISSING'
  | 'STACK_POLICY'
  | 'STACK_PROGRAM'
  | 'STACK_QUOTA'
  | 'STACK_UNAPPROVED';

/** A failure as data; the command line makes the catalogue's error of it. */
export interface StackFailure {
  readonly code: FailureCode;
  readonly facts: Readonly<Record<string, string | number>>;
}

/** How a resource differs from what the state says, from the loudest down. */
export type DriftClass = 'iam-added' | 'deleted' | 'image' | 'label' | 'other';

/** One resource that somebody changed past Pulumi. */
export interface Drift {
  readonly urn: string;
  readonly type: string;
  readonly class: DriftClass;
  /** Without values. */
  readonly paths: readonly string[];
}

/** A resource that a destroyed stack leaves in place. */
export interface Kept {
  readonly urn: string;
  readonly type: string;
  /** The provider's id: `projects/p/datasets/acme_raw`. */
  readonly id: string;
}

/** How an operation on one stack ended. */
export interface StackOutcome {
  readonly tenant: string;
  readonly stack: string;
  readonly operation: Operation;
  readonly seconds: number;
  /** Of `preview` and `up`: what the engine would do, or was about to do. */
  readonly preview?: PreviewResult;
  /** Resources by what was really done with them. */
  readonly done: Readonly<Partial<Record<PreviewOp | 'same', number>>>;
  readonly drift?: readonly Drift[];
  readonly kept?: readonly Kept[];
  readonly failure?: StackFailure;
}

/** What happens, as it happens. Terminal tree and JSON lines are views of these. */
export type ProvisionEvent =
  | { readonly type: 'stack-start'; readonly stack: string; readonly operation: Operation }
  | { readonly type: 'step'; readonly stack: string; readonly step: string }
  | ({ readonly type: 'resource'; readonly stack: string } & ResourceProgress)
  | ({ readonly type: 'policy'; readonly stack: string } & PolicyResult)
  | { readonly type: 'diagnostic'; readonly stack: string; readonly urn?: string; readonly message: string }
  | { readonly type: 'retry'; readonly stack: string; readonly seconds: number; readonly reason: string }
  | { readonly type: 'stack-end'; readonly stack: string; readonly outcome: StackOutcome };

/** One step of the engine with one resource. */
export interface ResourceProgress {
  readonly urn: string;
  /** Urn of the component, or of the stack, that it is a part of. */
  readonly parent?: string;
  readonly resourceType: string;
  readonly op: PreviewOp | 'same' | 'refresh';
  readonly state: 'running' | 'done' | 'failed';
}

/** The engine and where it keeps its state, as found once for all stacks. */
export interface Engine {
  /** Path of the Pulumi CLI. */
  readonly command: string;
  /** Its version: `3.259.0`. */
  readonly version: string;
  /** Folder with the `Pulumi.yaml` that its commands run in. */
  readonly folder: string;
  /** What every command of it gets beside the environment: `PULUMI_BACKEND_URL` … */
  readonly environment: Readonly<Record<string, string>>;
}

/** Rules that `preview` and `up` obey. */
export interface PolicyPack {
  readonly folder: string;
  /** File that says which rules block and which advise. */
  readonly config?: string;
}

/** What one child process does: one line on its standard input. */
export interface StackRequest {
  readonly operation: Operation;
  readonly target: StackTarget;
  readonly engine: Engine;
  /** Whether the backend has the stack already. */
  readonly exists: boolean;
  /** What the platform stack put out; absent for the platform itself. */
  readonly platform?: PlatformOutputs;
  readonly environment: string;
  readonly policies: readonly PolicyPack[];
  /** Of `up`: the only digest that may be applied; absent where whatever the preview says may. */
  readonly approved?: string;
  /** Of `refresh`: writes what it found into the state. */
  readonly adopt: boolean;
  readonly releaseStaleLock: boolean;
  /** Resolved hash of the target, kept as a tag of the stack. */
  readonly hash: string;
  /** Seconds to wait before each further attempt when a new grant has not arrived everywhere. */
  readonly patience: readonly number[];
}

/** What a child writes on its channel: events, then its outcome. */
export type ChildLine =
  | { readonly event: ProvisionEvent }
  | { readonly ask: 'drained' }
  | { readonly outcome: StackOutcome };

/** A run that still works with a tenant's resources. */
export interface ActiveRun {
  readonly runId: string;
  readonly source: string;
}
