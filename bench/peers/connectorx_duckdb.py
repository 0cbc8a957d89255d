"""ConnectorX into a DuckDB file: python connectorx_duckdb.py <file> <table>; source in PEER_SOURCE."""

import os
import sys

import connectorx
import duckdb

file, table = sys.argv[1:3]
source = os.environ["PEER_SOURCE"]
# ConnectorX has no exact numeric without a declared scale: the price travels as a double.
price = "price" if source.startswith("mysql:") else "price::float8 AS price"
query = f"""SELECT id, customer_id, sku, qty, {price}, gift, token, note,
                   created_at, updated_at, attrs, day FROM {table}"""
orders = connectorx.read_sql(
    source, query, return_type="arrow", partition_on="id", partition_num=2
)
duckdb.connect(file).execute("CREATE TABLE orders AS SELECT * FROM orders")
