"""What pip leaves undone: DuckDB's extensions go below HOME, where DuckDB looks for them; the analyzer is compiled."""

import zetasql_engine
from duckdb_extensions import import_extension

for name in ("ducklake", "icu", "httpfs", "spatial", "avro"):
    import_extension(name)
zetasql_engine.compile_once()
