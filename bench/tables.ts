/** The tables a bench reads: made by the server itself, the same on every machine and in every run. */

export type Kind = 'integer' | 'decimal' | 'boolean' | 'text' | 'json' | 'timestamp' | 'date';

export interface Table {
  readonly name: string;
  readonly columns: Readonly<Record<string, Kind>>;
  readonly rows: number;
  /** Statements that make it. */
  readonly create: readonly string[];
}

const orderColumns = {
  id: 'integer',
  customer_id: 'integer',
  sku: 'text',
  qty: 'integer',
  price: 'decimal',
  gift: 'boolean',
  token: 'text',
  note: 'text',
  created_at: 'timestamp',
  updated_at: 'timestamp',
  attrs: 'json',
  day: 'date',
} satisfies Record<string, Kind>;

function orderRows(from: number | string, to: number | string, updatedAt: string): string {
  return `SELECT g AS id, (g * 7919 % 1000003)::int AS customer_id,
    'SKU-' || lpad((g * 31 % 100000)::text, 6, '0') AS sku, (g % 50 + 1)::int AS qty,
    (g * 7919 % 9999991)::numeric * 0.01 AS price, g % 10 = 0 AS gift, md5(g::text) AS token,
    CASE WHEN g % 20 = 0 THEN NULL ELSE 'order ' || g || ' placed through the web shop' END AS note,
    timestamp '2022-01-01' + g * interval '19.000001 s' AS created_at, ${updatedAt} AS updated_at,
    jsonb_build_object('ref', md5((g + 1)::text), 'tag', g % 7) AS attrs,
    (timestamp '2022-01-01' + g * interval '19.000001 s')::date AS day
  FROM generate_series(${from}::bigint, ${to}::bigint) g`;
}

/** 12 columns of the usual types, about 231 bytes a row as CSV. */
export function orders(rows: number): Table {
  return {
    name: 'orders',
    columns: orderColumns,
    rows,
    create: [
      `CREATE TABLE orders AS ${orderRows(1, rows, "timestamptz '2022-01-01 00:00:00+00' + g * interval '19.5 s'")}`,
      `ALTER TABLE orders ALTER updated_at SET NOT NULL, ADD PRIMARY KEY (id)`,
      `CREATE INDEX orders_updated_at ON orders (updated_at)`,
      `VACUUM (ANALYZE) orders`,
    ],
  };
}

/** The first `rows` of `orders`, for a peer too slow for all of them. */
export function ordersPart(rows: number): Table {
  return {
    name: 'orders_part',
    columns: orderColumns,
    rows,
    create: [
      `CREATE TABLE orders_part AS SELECT * FROM orders WHERE id <= ${rows}`,
      `ALTER TABLE orders_part ADD PRIMARY KEY (id)`,
      `VACUUM (ANALYZE) orders_part`,
    ],
  };
}

/** Four times `orders` through a view: the rows of a bigger table without its disk. */
export function ordersTimesFour(rows: number): Table {
  const names = Object.keys(orderColumns).filter((name) => name !== 'id');
  const parts = [0, 1, 2, 3].map((turn) => `SELECT id + ${turn * rows} AS id, ${names.join(', ')} FROM orders`);
  return {
    name: 'orders_times_four',
    columns: orderColumns,
    rows: rows * 4,
    create: [`CREATE VIEW orders_times_four AS ${parts.join(' UNION ALL ')}`],
  };
}

/** `rows` rows with one text of `bytes` each, kept uncompressed so that the server only has to send it. */
export function texts(name: string, rows: number, bytes: number): Table {
  return {
    name,
    columns: { id: 'integer', body: 'text', updated_at: 'timestamp' },
    rows,
    create: [
      `CREATE TABLE ${name} (id bigint PRIMARY KEY, body text NOT NULL, updated_at timestamptz NOT NULL)`,
      `ALTER TABLE ${name} ALTER body SET STORAGE EXTERNAL`,
      `INSERT INTO ${name} SELECT g, repeat(md5(g::text), ${Math.round(bytes / 32)}),
         timestamptz '2022-01-01 00:00:00+00' + g * interval '1 s' FROM generate_series(1, ${rows}) g`,
      `VACUUM (ANALYZE) ${name}`,
    ],
  };
}

/** What happens in a shop between two runs: rows all over the table change, new ones come. */
export function changeOrders(table: Table, turn: number, updates: number, inserts: number): string[] {
  const stride = Math.floor(table.rows / updates);
  const first = table.rows + turn * inserts + 1;
  return [
    `UPDATE orders SET qty = qty % 50 + 1, price = price + 1, updated_at = now()
     FROM generate_series(0, ${updates - 1}) k WHERE id = 1 + k * ${stride}::bigint + ${turn % stride}`,
    `INSERT INTO orders ${orderRows(first, first + inserts - 1, 'now()')}`,
    'ANALYZE orders',
  ];
}
