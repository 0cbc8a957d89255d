/** Files of stores: into staging as they are, into rows, and many or large ones. */
import { rowCases, rowsOfFiles } from './files-rows.ts';
import { scaleCases, scaleOfFiles } from './files-scale.ts';
import { type Part, stagingCases, stagingOfFiles } from './files-staging.ts';
import type { BenchOptions } from './main.ts';
import { describeMachine, type Result } from './report.ts';

/** A theme with the names of its cases. */
const parts: readonly { readonly cases: readonly string[]; readonly run: (options: BenchOptions) => Promise<Part> }[] =
  [
    { cases: stagingCases, run: stagingOfFiles },
    { cases: rowCases, run: rowsOfFiles },
    { cases: scaleCases, run: scaleOfFiles },
  ];

export async function benchFiles(options: BenchOptions): Promise<Result> {
  const known = parts.flatMap(({ cases }) => cases);
  const unknown = options.only?.filter((name) => !known.includes(name)) ?? [];
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(',')}: the cases are ${known.join(', ')}`);
  const done: Part[] = [];
  for (const { cases, run } of parts)
    if (options.only === undefined || options.only.some((name) => cases.includes(name))) done.push(await run(options));
  return {
    name: 'files',
    machine: describeMachine('moto, Azurite and fake-gcs-server'),
    cases: done.flatMap(({ cases }) => cases),
    ratios: Object.assign({}, ...done.map(({ ratios }) => ratios)),
    targets: done.flatMap(({ targets }) => targets),
    notes: done.flatMap(({ notes }) => notes),
  };
}
