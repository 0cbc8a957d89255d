/** What every source keeps to: its one suite, in parts by theme. A fixture brings the same few objects in its own dialect. */
import { describe } from 'vitest';
import { describeCommands } from './source-commands.ts';
import { describeDescription } from './source-description.ts';
import { describeExtremes } from './source-extremes.ts';
import { type Skips, type SourceFixture, sceneFor } from './source-fixture.ts';
import { describeInterruptions } from './source-interruptions.ts';
import { describeMemory } from './source-memory.ts';
import { describeNames } from './source-names.ts';
import { describePermissions } from './source-permissions.ts';
import { describeRows } from './source-rows.ts';

export function sourceSuite(name: string, start: () => Promise<SourceFixture>, skips: Skips = {}): void {
  describe(`${name}: source`, { timeout: 180_000 }, () => {
    const scene = sceneFor(name, start, skips);
    describeDescription(scene, skips);
    describeRows(scene);
    describeExtremes(scene);
    describeNames(scene);
    describeCommands(scene);
    describeInterruptions(scene);
    describePermissions(scene);
    describeMemory(scene);
  });
}
