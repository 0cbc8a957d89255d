import { isReservedColumn } from '../column-names.ts';
import { type Finding, keyFinding, type Path, valueFinding } from '../issues.ts';
import type { ColumnsSpec } from '../schema/columns.ts';
import type { Draft } from './draft.ts';

const BY_COLUMN = ['rename', 'types', 'mask', 'unrepresentable'] as const;

export function* checkColumns(draft: Draft): Iterable<Finding> {
  for (const [name, { columns, load }] of draft.sources) {
    if (columns === undefined) continue;
    const path = ['sources', name, 'columns'];
    yield* lists(columns, path);
    yield* renames(columns, path);
    for (const part of BY_COLUMN) {
      for (const column of Object.keys(columns[part])) {
        const why = absence(columns, column);
        if (why !== null)
          yield keyFinding([...path, part, column], `${column} ${why}`, `remove ${column} here, or let it travel`);
      }
    }
    if (load?.strategy !== 'transactional') continue;
    const used: [string, Path, string][] = (load.key ?? []).map((column, i) => [
      column,
      ['sources', name, 'load', 'key', i],
      'key',
    ]);
    if (load.cursor !== undefined) used.push([load.cursor, ['sources', name, 'load', 'cursor'], 'cursor']);
    for (const [column, place, role] of used) {
      const why = absence(columns, column);
      if (why !== null)
        yield valueFinding(place, `the ${role} ${column} ${why}`, `let ${column} travel, or name another ${role}`);
      const mask = Object.hasOwn(columns.mask, column) ? columns.mask[column] : undefined;
      if (mask === undefined || (role === 'key' && mask.endsWith('sha256'))) continue;
      const fix = role === 'key' ? 'write hmac-sha256, which keeps rows apart' : `remove the mask of ${column}`;
      yield valueFinding([...path, 'mask', column], `the ${role} ${column} cannot be masked with ${mask}`, fix);
    }
  }
}

/** Why a column does not travel; `null` when it does. */
export function absence(columns: ColumnsSpec, column: string): string | null {
  if (columns.exclude.includes(column)) return 'is excluded';
  return columns.include === undefined || columns.include.includes(column) ? null : 'is not in include';
}

/** What is wrong with a column named as the warehouse spells it, and what to write; `null` where nothing is. */
export function strangeName(columns: ColumnsSpec, column: string): readonly [message: string, fix: string] | null {
  if (Object.values(columns.rename).includes(column)) return null;
  if (columns.exclude.includes(column))
    return [`${column} is excluded`, `name another column, or let ${column} travel`];
  const target = Object.hasOwn(columns.rename, column) ? columns.rename[column] : undefined;
  return target === undefined ? null : [`${column} is called ${target} in the warehouse`, `write ${target}`];
}

function* lists(columns: ColumnsSpec, path: Path): Iterable<Finding> {
  for (const part of ['include', 'exclude'] as const) {
    for (const [i, column] of (columns[part] ?? []).entries()) {
      if (columns[part]?.indexOf(column) !== i)
        yield valueFinding([...path, part, i], `${column} stands here twice`, 'keep one of the two');
    }
  }
  for (const [i, column] of columns.exclude.entries()) {
    if (columns.include?.includes(column)) {
      yield valueFinding(
        [...path, 'exclude', i],
        `${column} is in include and in exclude`,
        'remove it from one of them',
      );
    }
  }
}

function* renames(columns: ColumnsSpec, path: Path): Iterable<Finding> {
  const targets = new Map<string, string>();
  for (const [column, target] of Object.entries(columns.rename)) {
    const place = [...path, 'rename', column];
    const other = targets.get(target.toLowerCase());
    if (other !== undefined) {
      yield valueFinding(place, `${other} and ${column} both become ${target}`, 'give one of them another name');
    }
    targets.set(target.toLowerCase(), column);
    if (isReservedColumn(target)) {
      yield valueFinding(
        place,
        `${target} is a name that Tributary or BigQuery keeps for itself`,
        `write for example ${target.replace(/^_+/, '')}`,
      );
    }
    const taken = columns.include?.find((kept) => kept.toLowerCase() === target.toLowerCase());
    if (taken !== undefined && taken !== column && !Object.hasOwn(columns.rename, taken)) {
      yield valueFinding(
        place,
        `${column} becomes ${target}, which is a column already`,
        `give ${column} another name, or rename ${taken} too`,
      );
    }
  }
}
