import { openDuckdb } from '../../../runner/warehouses/duckdb/warehouse.ts';
import { warehouseSuite } from '../../contracts/warehouse.ts';

const sql = ({ dataset, table }: { dataset: string; table: string }) => `warehouse.${dataset}.${table}`;

warehouseSuite('DuckDB', (file) => openDuckdb({ file }), sql);
warehouseSuite('DuckDB by the safe way', (file) => openDuckdb({ file, vectorPath: 'safe' }), sql);
