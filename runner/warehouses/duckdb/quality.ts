/** Quality tests as SQL over the staged rows. Each gives one number: how many rows break it. */

import { quoteName, quoteText } from '../../columnar/sql.ts';
import type { QualityTest } from '../../core/contracts/warehouse.ts';

function literal(value: string | number | boolean): string {
  return typeof value === 'string' ? quoteText(value) : String(value);
}

/** The query for `broken` and, in words, what a broken row is. */
export function qualityQuery(test: QualityTest, table: string): { sql: string; words: string } {
  const count = (condition: string) => `SELECT count(*) AS broken FROM ${table} WHERE ${condition}`;
  switch (test.test) {
    case 'unique':
      return {
        sql: `SELECT coalesce(sum(n - 1), 0) AS broken FROM (SELECT count(*) AS n FROM ${table} WHERE ${quoteName(test.column)} IS NOT NULL GROUP BY ${quoteName(test.column)} HAVING count(*) > 1)`,
        words: 'row(s) repeat a value',
      };
    case 'not_null':
      return { sql: count(`${quoteName(test.column)} IS NULL`), words: 'row(s) are NULL' };
    case 'accepted_values':
      return {
        sql: count(`${quoteName(test.column)} NOT IN (${test.values.map(literal).join(', ')})`),
        words: 'row(s) hold another value',
      };
    case 'range': {
      const column = quoteName(test.column);
      const low = test.min === undefined ? [] : [`${column} < ${literal(test.min)}`];
      const high = test.max === undefined ? [] : [`${column} > ${literal(test.max)}`];
      return { sql: count([...low, ...high].join(' OR ') || 'false'), words: 'row(s) are outside the range' };
    }
    case 'freshness':
      return {
        sql: `SELECT CASE WHEN count(*) > 0 AND (max(${quoteName(test.column)}) IS NULL OR max(${quoteName(test.column)})::TIMESTAMPTZ < now() - to_seconds(${test.withinSeconds})) THEN 1 ELSE 0 END AS broken FROM ${table}`,
        words: `newest row is older than ${test.withinSeconds} s`,
      };
    case 'row_count':
      return {
        sql: `SELECT CASE WHEN count(*) < ${test.min ?? 0} OR count(*) > ${test.max ?? Number.MAX_SAFE_INTEGER} THEN 1 ELSE 0 END AS broken FROM ${table}`,
        words: 'number of rows is outside the limits',
      };
  }
}
