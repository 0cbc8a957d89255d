"""Sling into a DuckDB file: python sling_duckdb.py <file> <table>; source in PEER_SOURCE.

Sling drives a DuckDB program. It is pointed at the one of the virtual environment, and told to load
through files: its own way needs DuckDB extensions from the network.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import sling_linux_amd64

file, table = sys.argv[1:3]
sling = Path(sling_linux_amd64.__file__).parent / "bin" / "sling-linux-amd64"
home = os.environ["PEER_HOME"]
environment = os.environ | {
    "BENCH_SOURCE": os.environ["PEER_SOURCE"] + "?sslmode=disable",
    "BENCH_TARGET": json.dumps({"type": "duckdb", "instance": file, "copy_method": "csv_files"}),
    "DUCKDB_PATH": str(Path(sys.executable).parent / "duckdb"),
    "DUCKDB_USE_INSTALLED_EXTENSIONS": "true",
    "SLING_HOME_DIR": home,
    "SLING_TEMP_DIR": home,
    "SLING_DISABLE_TELEMETRY": "true",
}
command = [str(sling), "run", "--src-conn", "BENCH_SOURCE", "--src-stream", f"public.{table}"]
command += ["--tgt-conn", "BENCH_TARGET", "--tgt-object", "main.orders", "--mode", "full-refresh"]
sys.exit(subprocess.run(command, env=environment).returncode)
