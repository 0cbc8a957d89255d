/** The SQL of a read, and that Google's own analyzer takes it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReadColumn, ReadSpec } from '../../../runner/core/contracts/source.ts';
import { parseTableName } from '../../../runner/sources/bigquery/name.ts';
import { maskParameters, selectStatement } from '../../../runner/sources/bigquery/query.ts';
import { logicalOf, sqlType } from '../../../runner/sources/bigquery/types.ts';
import { type Analyzer, startAnalyzer } from '../../cloud/emulators/analyzer.ts';
import { describeWith } from '../../setup/describe-with.ts';

const FIELDS = [
  { name: 'id', type: 'INTEGER' },
  { name: 'name', type: 'STRING' },
  { name: 'amount', type: 'NUMERIC', precision: '12', scale: '2' },
  { name: 'raw', type: 'BYTES' },
  { name: 'place', type: 'GEOGRAPHY' },
  { name: 'at', type: 'TIMESTAMP' },
  { name: 'tags', type: 'STRING', mode: 'REPEATED' },
  { name: 'lines', type: 'RECORD', mode: 'REPEATED', fields: [{ name: 'sku', type: 'STRING' }] },
  { name: 'j', type: 'JSON' },
];
const TABLES = {
  'p.d.t': Object.fromEntries(FIELDS.map((field) => [field.name, sqlType(field).replace(/\(.*\)/, '')])),
};
const column = (name: string, mask?: ReadColumn['mask']): ReadColumn => {
  const field = FIELDS.find((one) => one.name === name) ?? { name, type: 'STRING' };
  const natural = {
    source: name,
    name,
    sourceType: sqlType(field),
    logical: logicalOf(field),
    unrepresentable: 'quarantine' as const,
  };
  return mask === undefined ? natural : { ...natural, mask, logical: { kind: 'STRING' } };
};
const FROM = { project: 'p', object: { table: 'd.t' }, cursorType: 'TIMESTAMP', at: '2026-01-01T00:00:00.123456Z' };
const WINDOW = { column: 'at', from: "2025-12-01 00:00:00+00'", to: '2026-01-01 00:00:00+00' };

describe('SQL of a read from BigQuery', () => {
  test('names the table as it was, the window and the masks', () => {
    const spec = {
      columns: [column('id'), column('name', 'hmac-sha256'), column('amount', 'sha256')],
      window: WINDOW,
      nullCursors: true,
    };
    expect(selectStatement(FROM, spec, 'native')).toBe(
      [
        'SELECT `id` AS `id`, TO_HEX(SHA256(CONCAT(FROM_HEX(@tributary_mask_outer), SHA256(CONCAT(FROM_HEX(@tributary_mask_inner), CAST(`name` AS BYTES)))))) AS `name`,',
        "TO_HEX(SHA256(FORMAT('%.2f', `amount`))) AS `amount` FROM `p.d.t` FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-01T00:00:00.123456Z'",
        "WHERE ((`at` >= TIMESTAMP '2025-12-01 00:00:00+00\\'' AND `at` < TIMESTAMP '2026-01-01 00:00:00+00') OR `at` IS NULL)",
      ].join(' '),
    );
  });

  test('the key of a mask is in parameters, padded, and in no text', () => {
    const spec = { columns: [column('name', 'hmac-sha256')], maskKey: 'the-key' } as unknown as ReadSpec;
    const parameters = maskParameters(spec);
    expect(Object.keys(parameters)).toEqual(['tributary_mask_inner', 'tributary_mask_outer']);
    expect(JSON.stringify(parameters)).not.toContain('the-key');
    expect(maskParameters({ columns: [column('name', 'sha256')], maskKey: 'the-key' })).toEqual({});
  });

  test('names are read and refused', () => {
    expect(parseTableName('web.events_*')).toEqual({ dataset: 'web', table: 'events_', wildcard: true });
    expect(parseTableName('`web`.`a b`')).toEqual({ dataset: 'web', table: 'a b', wildcard: false });
    for (const wrong of ['', 'web', '.t', 'web.', 'p.d.t', 'web.a`; DROP'])
      expect(() => parseTableName(wrong), wrong).toThrow();
  });
});

describeWith(['emulators'], "Google's analyzer", () => {
  let analyzer: Analyzer;
  beforeAll(() => {
    analyzer = startAnalyzer();
  });
  afterAll(() => analyzer?.stop());

  test.each(['native', 'text'] as const)('takes every type and mask, nested as %s', async (nested) => {
    const masks = ['sha256', 'hmac-sha256', 'redact', 'null'] as const;
    const parameters = { tributary_mask_inner: 'STRING', tributary_mask_outer: 'STRING' };
    for (const mask of [undefined, ...masks]) {
      const columns = FIELDS.map(({ name }) => column(name, mask));
      const sql = selectStatement(
        { ...FROM, project: 'p' },
        { columns, window: { ...WINDOW, from: null }, nullCursors: false },
        nested,
      );
      expect(await analyzer.analyze(sql, { tables: TABLES, parameters }), sql).toEqual(['QueryStmt']);
    }
  });
});
