/** What a preview of one stack gives, as JSON: the tenant commands write it, the report of CI reads it. No output and no property value is in it. */

/** What the engine would do with a resource. `same` and `read` are left out of a result. */
export type PreviewOp = 'create' | 'update' | 'replace' | 'delete';

/** One resource that would change. */
export interface PreviewOperation {
  readonly urn: string;
  /** Type token: `gcp:bigquery/dataset:Dataset`. */
  readonly type: string;
  readonly op: PreviewOp;
  /** The properties that force a replacement: `["location"]`. */
  readonly replaceKeys?: readonly string[];
  /** Paths of the engine's detailed diff, without values: `["labels.env"]`. */
  readonly paths?: readonly string[];
}

/** One policy that was not met, as the engine reported it. */
export interface PolicyResult {
  /** Name of the rule: `sched-oidc`. */
  readonly policy: string;
  readonly level: 'advisory' | 'mandatory' | 'remediate';
  /** Absent where the stack as a whole is meant. */
  readonly urn?: string;
  readonly message: string;
}

/** The preview of one stack. */
export interface PreviewResult {
  readonly tenant: string;
  /** `acme.dev` */
  readonly stack: string;
  /** Digest of the set of operations; `up` applies only what has the same. */
  readonly digest: string;
  readonly operations: readonly PreviewOperation[];
  readonly policies: readonly PolicyResult[];
  readonly seconds: number;
  /** Why there is no preview; the other fields are then empty. */
  readonly error?: string;
}
