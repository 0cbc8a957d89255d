/** Values that formats lose, through objects and a load job into BigQuery and back. */
import { expect, test } from 'vitest';
import type { Warehouse } from '../../runner/core/contracts/warehouse.ts';
import { inletOf, type Value } from '../contracts/batches.ts';
import { benchColumn, type Dialect, REPLACE, TARGET, WarehouseBench } from '../contracts/warehouse-bench.ts';

export const TEXTS = [
  ...['', '"', "''", 'a\nb', 'a\r\nb', '\r', 'a\u0000b', '\\N', 'NULL', '007', '1e400', '-0', ' padded ', '\u2028'],
  ...['zażółć 🙂 \u{10ffff}', '{"a":1}', 'x,y;z\tw', 'm'.repeat(1 << 20)],
];

/** Wider rows than that are staged as NDJSON. */
const WIDE = 100_000;

export function roundTripTests(open: () => Promise<Warehouse>, dialect: Dialect): void {
  test.each([
    ['Parquet', 100],
    ['NDJSON', WIDE],
  ])('%s loses no text', async (_, rowBytes) => {
    await using warehouse = await open();
    const bench = new WarehouseBench(warehouse, dialect);
    const columns = [benchColumn('id', 'int64'), benchColumn('note', 'text')];
    const rows: Value[][] = [...TEXTS, null].map((text, i) => [i, text]);
    const load = { change: REPLACE, columns };
    const spec = { ...bench.spec(load), rowBytes };
    await warehouse.prepare(spec.run, TARGET);
    await warehouse.stage(spec, inletOf(spec.layout, rows), new AbortController().signal);
    await bench.commit(spec, load);
    const found = await warehouse.query(`SELECT id, note FROM ${dialect.table(TARGET)} ORDER BY id`);
    expect(found.map(({ id, note }) => [Number(id), note])).toEqual(rows);
  });
}
