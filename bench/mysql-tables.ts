/** The table that the bench of MySQL reads: `orders` of tables.ts in the types of MySQL, made by the server itself. */
import { type Kind, orders, type Table } from './tables.ts';

/** MySQL has no truth values: they are numbers. */
export function mysqlOrders(rows: number): Table {
  const columns: Record<string, Kind> = { ...orders(rows).columns, gift: 'integer' };
  const at = "TIMESTAMP('2022-01-01') + INTERVAL seq * 19 SECOND + INTERVAL seq MICROSECOND";
  const updated =
    "TIMESTAMP('2022-01-01') + INTERVAL seq * 19 SECOND + INTERVAL FLOOR(seq / 2) SECOND + INTERVAL (seq % 2) * 500000 MICROSECOND";
  return {
    name: 'orders',
    columns,
    rows,
    create: [
      `CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int NOT NULL, sku varchar(20) NOT NULL, qty int NOT NULL,
         price decimal(12,2) NOT NULL, gift tinyint(1) NOT NULL, token char(32) NOT NULL, note text,
         created_at datetime(6) NOT NULL, updated_at timestamp(6) NOT NULL, attrs json NOT NULL, day date NOT NULL)`,
      `INSERT INTO orders SELECT seq, seq * 7919 % 1000003, CONCAT('SKU-', LPAD(seq * 31 % 100000, 6, '0')), seq % 50 + 1,
         (seq * 7919 % 9999991) * 0.01, seq % 10 = 0, MD5(seq),
         IF(seq % 20 = 0, NULL, CONCAT('order ', seq, ' placed through the web shop')), ${at}, ${updated},
         CONCAT('{"ref": "', MD5(seq + 1), '", "tag": ', seq % 7, '}'), DATE(${at}) FROM seq_1_to_${rows}`,
      'CREATE INDEX orders_updated_at ON orders (updated_at)',
      'ANALYZE TABLE orders',
    ],
  };
}

/** What the server makes of the sums of checksum.ts. */
export function mysqlSums(table: Table): string {
  const value: Record<Kind, (column: string) => string> = {
    integer: (column) => column,
    boolean: (column) => column,
    decimal: (column) => `CAST(${column} * 1000000000 AS SIGNED)`,
    text: (column) => `CAST(CONV(LEFT(MD5(${column}), 8), 16, 10) AS SIGNED)`,
    json: (column) => `CAST(CONV(LEFT(MD5(REPLACE(${column}, ' ', '')), 8), 16, 10) AS SIGNED)`,
    timestamp: (column) => `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${column})`,
    date: (column) => `DATEDIFF(${column}, '1970-01-01')`,
  };
  const sums = Object.entries(table.columns).map(
    ([name, kind]) =>
      `CAST(SUM((id % 9973 + 1) * (COALESCE(${value[kind](name)}, -7) % 1000000007)) AS CHAR) AS ${name}`,
  );
  return `SELECT CAST(COUNT(*) AS CHAR) AS count, ${sums.join(', ')} FROM ${table.name}`;
}
