/** What somebody changed past Pulumi, by how loud it must be said. */
import type { Drift, DriftClass } from './contract.ts';

/** From the loudest down. */
export const DRIFT_CLASSES: readonly DriftClass[] = ['iam-added', 'deleted', 'image', 'label', 'other'];

export interface Change {
  /** Path of the engine's diff: `template.template.containers[0].image`. */
  readonly path: string;
  /** The engine's kind of the change. */
  readonly kind: string;
}

const GRANT_TYPE =
  /iam(?:member|binding|policy)|^aws:iam\/|roleassignment|federatedidentity|datasetaccess|rowaccesspolicy/i;
const GRANT_PATH =
  /^(?:access(?:es)?|bindings|policyData|members?|role|condition|assumeRolePolicy|policy|grantees|oauthScopes)(?:[.[]|$)|exemptedMembers/;
const LABEL_PATH = /(?:^|\.)(?:labels|userLabels|effectiveLabels|pulumiLabels|terraformLabels|tags|tagsAll)(?:[.[]|$)/;
const IMAGE_PATH = /(?:^|[.\]])image$/;

/**
 * The loudest class of a resource's changes. A grant that was changed counts as added, because a changed grant may be
 * a wider one; only where parts of it were taken away and nothing else it is `other`.
 */
export function driftClass(type: string, deleted: boolean, changes: readonly Change[]): DriftClass {
  if (deleted) return 'deleted';
  const classes = new Set(changes.map((change) => classOf(type, change)));
  return DRIFT_CLASSES.find((one) => classes.has(one)) ?? 'other';
}

function classOf(type: string, { path, kind }: Change): DriftClass {
  if (GRANT_TYPE.test(type) || GRANT_PATH.test(path)) return kind.startsWith('delete') ? 'other' : 'iam-added';
  if (IMAGE_PATH.test(path)) return 'image';
  return LABEL_PATH.test(path) ? 'label' : 'other';
}

/** Loudest first, then by urn. */
export function byLoudness(found: readonly Drift[]): Drift[] {
  const rank = (drift: Drift) => DRIFT_CLASSES.indexOf(drift.class);
  return [...found].sort((a, b) => rank(a) - rank(b) || (a.urn < b.urn ? -1 : 1));
}
