"""Starts local-bigquery 0.3.2 on free ports, with the corrections of `corrections.py`.

python bigquery.py FOLDER: keeps its data below FOLDER and writes the ports of REST and gRPC into FOLDER/ports.
"""

import logging
import pathlib
import sys
import threading
import time

from local_bigquery.settings import settings

folder = pathlib.Path(sys.argv[1])
settings.data_dir = folder / "data"
settings.default_project_id = "emulator-default"

import corrections  # noqa: E402
import datastore_backup  # noqa: E402

corrections.apply()
datastore_backup.apply()

import uvicorn  # noqa: E402
from local_bigquery import app  # noqa: E402
from local_bigquery.engine import database  # noqa: E402
from local_bigquery.grpc import server as storage  # noqa: E402
from local_bigquery.jobs import storage as objects  # noqa: E402


def announce(rest: uvicorn.Server, grpc_port: int):
    while not rest.started:
        time.sleep(0.005)
    port = rest.servers[0].sockets[0].getsockname()[1]
    (folder / "ports").write_text(f"{port} {grpc_port}\n")


# Two first loads at once would both create the way to the objects, and one of them would fail.
objects.paths(database.connection().cursor(), "gs://any/object")
_, grpc_port = storage.start("127.0.0.1", 0)
rest = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level=logging.WARNING))
threading.Thread(target=announce, args=(rest, grpc_port), daemon=True).start()
rest.run()
