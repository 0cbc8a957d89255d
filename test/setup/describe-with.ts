import { describe } from 'vitest';
import { type RequirementId, requirements } from './requirements.ts';

/** A suite that needs something of `npm run setup`; where it is missing, the suite is skipped and says so. */
export function describeWith(ids: readonly RequirementId[], name: string, body: () => void): void {
  const missing = ids.map((id) => requirements[id]).filter((requirement) => requirement.find() === null);
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const what = missing.map((requirement) => requirement.title).join(' and ');
  describe.skip(`${name} (needs ${what}: npm run setup -- --yes)`, body);
}
