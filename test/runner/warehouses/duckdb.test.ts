import { openDuckdb } from '../../../runner/warehouses/duckdb/warehouse.ts';
import { warehouseSuite } from '../../contracts/warehouse.ts';
import { type Dialect, TARGET } from '../../contracts/warehouse-bench.ts';

const dialect: Dialect = {
  table: ({ dataset, table }) => `warehouse.${dataset}.${table}`,
  name: (name) => `"${name}"`,
  tables: `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = '${TARGET.dataset}'`,
  decimal: (text) => text,
  json: (text) => text,
};

warehouseSuite('DuckDB', (file) => openDuckdb({ file }), dialect);
warehouseSuite('DuckDB by the safe way', (file) => openDuckdb({ file, vectorPath: 'safe' }), dialect);
