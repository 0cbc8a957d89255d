/** The columns of many files as those of one table: by name, with a type that holds what every file shows. */
import { join } from 'node:path';
import type { FilesSpec } from '../../tenants/schema/index.ts';
import { Engine } from '../columnar/engine.ts';
import { type Look, lookAt } from '../columnar/files/infer.ts';
import type { OfferedFile } from '../core/contracts/offer.ts';
import type { SourceColumn } from '../core/contracts/source.ts';
import { makeScratch } from '../core/scratch.ts';
import { type LogicalType, sameType } from '../core/types.ts';
import { FILE_COLUMN, MODIFIED_COLUMN } from './select.ts';

/** Files that are looked into: the newest show what comes, the oldest what was. */
const NEWEST = 8;
const OLDEST = 2;
const MEMORY = '150MB';

/** What a few files show of all. */
export interface Shown {
  readonly columns: readonly SourceColumn[];
  /** Rows for a byte as it lies in the store. */
  readonly rowsPerByte: number;
}

/** Does work with an engine and a scratch folder of its own. */
export async function withEngine<T>(work: (engine: Engine, folder: string) => Promise<T>): Promise<T> {
  await using scratch = await makeScratch();
  const folder = scratch.path;
  const engine = new Engine();
  try {
    await engine.open({ file: null, spill: join(folder, 'spill'), memory: MEMORY, threads: 2, vectorPath: 'safe' });
    return await work(engine, folder);
  } finally {
    await engine.close();
  }
}

/** @param files the oldest first */
export function lookAtFiles(files: readonly OfferedFile[], spec: FilesSpec, signal: AbortSignal): Promise<Shown> {
  const chosen = files.length <= NEWEST + OLDEST ? files : [...files.slice(0, OLDEST), ...files.slice(-NEWEST)];
  return withEngine(async (engine, folder) => {
    const looks: Look[] = [];
    for (const file of chosen) looks.push(await lookAt(engine, spec, file, folder, signal));
    const bytes = looks.reduce((sum, look) => sum + look.bytes, 0);
    const rows = looks.reduce((sum, look) => sum + look.rows, 0);
    const constants = constantColumns(files, chosen);
    const own = unionOf(looks.map(({ columns }) => columns)).filter(
      ({ name }) => !constants.some((constant) => constant.name === name),
    );
    return { columns: [...own, ...constants], rowsPerByte: bytes === 0 ? 0 : rows / bytes };
  });
}

/** The columns in the order of the newest file, then those that only older ones have. */
export function unionOf(all: readonly (readonly SourceColumn[])[]): SourceColumn[] {
  const found = new Map<string, SourceColumn>();
  for (const columns of [...all].reverse()) {
    for (const column of columns) {
      const other = found.get(column.name);
      if (other === undefined) found.set(column.name, column);
      else if (!sameType(other.logical, column.logical))
        found.set(column.name, { ...other, logical: widest(other.logical, column.logical) });
    }
  }
  return [...found.values()];
}

/** A type for the values of both; what nothing else holds is text, what is nested stays JSON. */
function widest(a: LogicalType, b: LogicalType): LogicalType {
  const kinds = new Set([a.kind, b.kind]);
  const both = (...of: LogicalType['kind'][]) => [...kinds].every((kind) => of.includes(kind));
  if (both('INT64', 'FLOAT64')) return { kind: 'FLOAT64' };
  if (both('DATE', 'DATETIME')) return { kind: 'DATETIME' };
  if (both('DATE', 'DATETIME', 'TIMESTAMP')) return { kind: 'TIMESTAMP' };
  if (kinds.has('JSON')) return { kind: 'JSON' };
  return { kind: 'STRING' };
}

function constantColumns(files: readonly OfferedFile[], chosen: readonly OfferedFile[]): SourceColumn[] {
  const own = new Set([FILE_COLUMN, MODIFIED_COLUMN]);
  const names = new Set(files.flatMap(({ constants }) => Object.keys(constants)).filter((name) => !own.has(name)));
  const text = (name: string, logical: LogicalType, comment: string): SourceColumn => {
    return { name, sourceType: 'text', logical, nullable: true, comment };
  };
  const parts = [...names].map((name) => {
    const whole = files.every(({ constants }) => /^(?:0|[1-9]\d{0,17})$/.test(constants[name] ?? '0'));
    return text(name, { kind: whole && chosen.length > 0 ? 'INT64' : 'STRING' }, 'part of the path');
  });
  return [
    ...parts,
    text(FILE_COLUMN, { kind: 'STRING' }, 'object that the row is of'),
    text(MODIFIED_COLUMN, { kind: 'TIMESTAMP' }, 'when that object was written'),
  ];
}
