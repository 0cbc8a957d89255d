"""dlt into a DuckDB file: python dlt_duckdb.py <file> <table> <backend>; source in PEER_SOURCE."""

import os
import sys

import dlt
from dlt.sources.sql_database import sql_table

file, table, backend = sys.argv[1:4]
source = os.environ["PEER_SOURCE"]
options = {"backend_kwargs": {"conn": source}} if backend == "connectorx" else {}
resource = sql_table(
    credentials=source.replace("postgresql://", "postgresql+psycopg2://"),
    table=table,
    backend=backend,
    **options,
)
resource.apply_hints(table_name="orders")
pipeline = dlt.pipeline(
    pipeline_name="bench",
    pipelines_dir=os.environ["PEER_HOME"],
    destination=dlt.destinations.duckdb(file),
    dataset_name="loaded",
)
pipeline.run(resource, write_disposition="replace")
