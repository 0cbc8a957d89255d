/** The cases of a rule: one scene that is right, and changes of it. */
import type { Scene } from '../scene.ts';

/** Path in the scene → its new value; `undefined` removes it. */
export type Change = Readonly<Record<string, unknown>>;

export interface RuleCases {
  readonly rule: string;
  /** Holds the rule. */
  readonly good: Scene;
  /** Changes after which it still holds. */
  readonly passes?: readonly Change[];
  /** Changes after which it does not, and what is said. */
  readonly fails: readonly (readonly [Change, RegExp])[];
  /** Changes to what is not known at preview: the rule is `undecided`, or what is known decides it all the same. */
  readonly unknown: readonly (readonly [Change, 'undecided' | 'passes' | RegExp])[];
}

/** A scene with some values changed. */
export function changed(scene: Scene, change: Change): Scene {
  const copy = structuredClone(scene) as Record<string, unknown>;
  for (const [path, value] of Object.entries(change)) {
    const keys = path.split('.');
    const last = keys.pop() as string;
    let place = copy;
    for (const key of keys) {
      place[key] ??= {};
      place = place[key] as Record<string, unknown>;
    }
    if (value === undefined) delete place[last];
    else place[last] = value;
  }
  return copy;
}
