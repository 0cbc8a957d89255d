/** DuckDB's own reader on a local copy: a table in a file, as the tributary leaves one. `<format> <file> <warehouse>` */
import { DuckDBInstance } from '@duckdb/node-api';

const [format = '', file = '', warehouse = ''] = process.argv.slice(2);
const reader = { csv: 'read_csv', json: 'read_json', parquet: 'read_parquet' }[format];
const instance = await DuckDBInstance.create(warehouse, { threads: '2', memory_limit: '300MB' });
const connection = await instance.connect();
await connection.run('SET preserve_insertion_order = false');
await connection.run(`CREATE TABLE rows AS SELECT * FROM ${reader}('${file}')`);
await connection.run('CHECKPOINT');
const counted = await connection.runAndReadAll('SELECT count(*) FROM rows');
console.log(JSON.stringify({ rows: Number(counted.getRows()[0]?.[0]) }));
connection.closeSync();
instance.closeSync();
