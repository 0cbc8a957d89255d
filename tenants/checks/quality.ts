import { type Finding, keyFinding, type Path, valueFinding } from '../issues.ts';
import type { Draft } from './draft.ts';

export function* checkQuality(draft: Draft): Iterable<Finding> {
  for (const [name, { quality, columns, destination }] of draft.sources) {
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
    const partition = destination?.partitionBy?.column;
    if (partition !== undefined) used.push([partition, ['sources', name, 'destination', 'partitionBy', 'column']]);
    for (const [i, column] of (destination?.clusterBy ?? []).entries()) {
      used.push([column, ['sources', name, 'destination', 'clusterBy', i]]);
    }
    if (columns === undefined) continue;
    const targets = Object.values(columns.rename);
    for (const [column, path] of used) {
      if (targets.includes(column)) continue;
      const target = Object.hasOwn(columns.rename, column) ? columns.rename[column] : undefined;
      if (columns.exclude.includes(column)) {
        yield valueFinding(path, `${column} is excluded`, `name another column, or let ${column} travel`);
      } else if (target !== undefined) {
        yield valueFinding(path, `${column} is called ${target} in the warehouse`, `write ${target}`);
      }
    }
  }
}
