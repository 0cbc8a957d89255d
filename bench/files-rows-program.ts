/**
 * DuckDB's own reader on a local copy: a table in a file, as the tributary leaves one. `<format> <file> <warehouse> [lineage]`:
 * with the columns that we write beside those of the file, too.
 */
import { DuckDBInstance } from '@duckdb/node-api';

const [format = '', file = '', warehouse = '', lineage] = process.argv.slice(2);
const reader = { csv: 'read_csv', json: 'read_json', parquet: 'read_parquet' }[format];
const instance = await DuckDBInstance.create(warehouse, { threads: '2', memory_limit: '300MB' });
const connection = await instance.connect();
await connection.run('SET preserve_insertion_order = false');
const time = `TIMESTAMPTZ '2026-01-01 00:00:00+00'`;
const ours = `, 'gs://bench-rows/rows.csv' AS _file, ${time} AS _modified_at, '20260101t000000_00000000' AS _run_id, ${time} AS _extracted_at`;
const columns = lineage === undefined ? '*' : `*${ours}`;
await connection.run(`CREATE TABLE rows AS SELECT ${columns} FROM ${reader}('${file}')`);
await connection.run('CHECKPOINT');
const counted = await connection.runAndReadAll('SELECT count(*) FROM rows');
console.log(JSON.stringify({ rows: Number(counted.getRows()[0]?.[0]) }));
connection.closeSync();
instance.closeSync();
