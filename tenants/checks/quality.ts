import { type Finding, keyFinding, type Path, valueFinding } from '../issues.ts';
import { strangeName } from './columns.ts';
import type { Draft } from './draft.ts';

export function* checkQuality(draft: Draft): Iterable<Finding> {
  for (const [name, { quality, columns }] of draft.sources) {
    const used: [string, Path][] = [];
    for (const [i, test] of (quality ?? []).entries()) {
      const path = ['sources', name, 'quality', i];
      if ('column' in test) used.push([test.column, [...path, 'column']]);
      if (test.test !== 'range' && test.test !== 'row_count') continue;
      const { min, max } = test;
      if (min === undefined && max === undefined) {
        yield keyFinding(path, `${test.test} has no bound`, 'write min, max or both');
      } else if (min !== undefined && max !== undefined && typeof min === typeof max && min > max) {
        yield valueFinding([...path, 'min'], `min ${min} is above max ${max}`, 'swap them');
      } else if (min !== undefined && max !== undefined && typeof min !== typeof max) {
        yield valueFinding(
          [...path, 'max'],
          'min and max are a number and a text',
          'write both as numbers, or both as text',
        );
      }
    }
    if (columns === undefined) continue;
    for (const [column, path] of used) {
      const strange = strangeName(columns, column);
      if (strange !== null) yield valueFinding(path, ...strange);
    }
  }
}
