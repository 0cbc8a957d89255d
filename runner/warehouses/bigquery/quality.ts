/** All quality tests of a run as one query over its typed rows. Each gives one number: how many rows break it. */

import { quoteName } from '../../bigquery/sql.ts';
import type { QualityResult, QualityTest } from '../../core/contracts/warehouse.ts';
import type { LogicalType } from '../../core/types.ts';
import { comparable } from './changes/compare.ts';
import { literal } from './literals.ts';
import { type StagedTable, typedRows } from './typed-rows.ts';

/** The query has no parameters and gives one row, for {@link qualityResults}. `tests` must not be empty. */
export function qualityQuery(tests: readonly QualityTest[], table: StagedTable): string {
  const types = new Map(table.columns.map(({ column }) => [column.name, column.type]));
  const broken = tests.map((test, i) => `${brokenRows(test, types)} AS test_${i}`);
  return `SELECT ${broken.join(', ')} FROM (${typedRows(table)}) AS s`;
}

/** Reads the one row of {@link qualityQuery}, for the same tests. */
export function qualityResults(
  tests: readonly QualityTest[],
  row: Readonly<Record<string, unknown>>,
): readonly QualityResult[] {
  return tests.map((test, i) => {
    const broken = Number(row[`test_${i}`] ?? 0);
    return { test, passed: broken === 0, found: broken === 0 ? 'holds' : `${broken} ${words(test)}` };
  });
}

/** Nothing is older than this, and subtracting it from now stays within the years there are. */
const LONGEST_SECONDS = 60_000_000_000;

const OWN: Readonly<Record<string, LogicalType>> = {
  _run_id: { kind: 'STRING' },
  _extracted_at: { kind: 'TIMESTAMP' },
  _snapshot_date: { kind: 'DATE' },
};

function brokenRows(test: QualityTest, types: ReadonlyMap<string, LogicalType>): string {
  if (test.test === 'row_count') {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = test;
    return `IF(COUNT(*) < ${min} OR COUNT(*) > ${max}, 1, 0)`;
  }
  const type = types.get(test.column) ?? OWN[test.column] ?? { kind: 'STRING' };
  const column = `s.${quoteName(test.column)}`;
  const value = comparable(column, type);
  switch (test.test) {
    case 'unique':
      return `COUNT(${value}) - COUNT(DISTINCT ${value})`;
    case 'not_null':
      return `COUNTIF(${column} IS NULL)`;
    case 'accepted_values': {
      const text = type.kind === 'JSON' || type.kind === 'ARRAY' ? value : column;
      return `COUNTIF(${text} NOT IN (${test.values.map((accepted) => literal(accepted, type)).join(', ')}))`;
    }
    case 'range': {
      const low = test.min === undefined ? [] : [`${column} < ${literal(test.min, type)}`];
      const high = test.max === undefined ? [] : [`${column} > ${literal(test.max, type)}`];
      return `COUNTIF(${[...low, ...high].join(' OR ') || 'FALSE'})`;
    }
    case 'freshness': {
      const age = Math.min(LONGEST_SECONDS, Math.ceil(test.withinSeconds));
      const newest = `CAST(MAX(${column}) AS TIMESTAMP)`;
      const stale = `${newest} < TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL ${age} SECOND)`;
      return `IF(COUNT(*) > 0 AND (${newest} IS NULL OR ${stale}), 1, 0)`;
    }
  }
}

/** What a broken row is. */
function words(test: QualityTest): string {
  switch (test.test) {
    case 'unique':
      return 'row(s) repeat a value';
    case 'not_null':
      return 'row(s) are NULL';
    case 'accepted_values':
      return 'row(s) hold another value';
    case 'range':
      return 'row(s) are outside the range';
    case 'freshness':
      return `newest row is older than ${test.withinSeconds} s`;
    case 'row_count':
      return 'number of rows is outside the limits';
  }
}
