"""Quick look-ups of datasets, tables and columns, with true row counts.

local-bigquery asks `duckdb_tables()` and its kin, several times for each statement. They walk through every table of
every project: 60 tables make a SELECT take half a second. DuckLake's own tables answer the same in half a millisecond,
and they know the deleted rows too, which `estimated_size` counts as if they were there.
"""

import duckdb
from local_bigquery.catalog import datasets, names, tables
from local_bigquery.engine import database, types
from local_bigquery.errors import not_found
from local_bigquery.jobs import query, store
from local_bigquery.models import Job
from local_bigquery.sql.rules import partitions
from sqlglot import exp

TEMPORARY = "SELECT table_name FROM duckdb_tables() WHERE temporary"


def _metadata(project_id: str) -> str | None:
    if project_id not in database._attached:
        return None
    return database.quote(f"__ducklake_metadata_{project_id}")


def _objects(project_id: str, dataset_id: str, table_id: str | None = None) -> list[tuple[str, str, int]]:
    if project_id == "emulator":
        return _result(table_id)
    if (meta := _metadata(project_id)) is None:
        return []
    return database.fetch(
        f"""WITH s AS (SELECT schema_id FROM {meta}.ducklake_schema
                       WHERE end_snapshot IS NULL AND schema_name = $1),
        t AS (SELECT table_id, table_name FROM {meta}.ducklake_table SEMI JOIN s USING (schema_id)
              WHERE end_snapshot IS NULL AND table_name = coalesce($2, table_name)),
        written AS (SELECT table_id, sum(record_count) AS n FROM {meta}.ducklake_data_file
                    WHERE end_snapshot IS NULL GROUP BY ALL),
        deleted AS (SELECT d.table_id, sum(delete_count) AS n FROM {meta}.ducklake_delete_file d
                    JOIN {meta}.ducklake_data_file f ON f.data_file_id = d.data_file_id AND f.end_snapshot IS NULL
                    WHERE d.end_snapshot IS NULL GROUP BY ALL)
        SELECT table_name, 'TABLE', CAST(coalesce(written.n, 0) - coalesce(deleted.n, 0) AS BIGINT)
        FROM t LEFT JOIN written USING (table_id) LEFT JOIN deleted USING (table_id)
        UNION ALL
        SELECT view_name, 'VIEW', 0 FROM {meta}.ducklake_view SEMI JOIN s USING (schema_id)
        WHERE end_snapshot IS NULL AND view_name = coalesce($2, view_name) ORDER BY 1""",
        [dataset_id, table_id],
    )


def _result(table_id: str | None) -> list[tuple[str, str, int]]:
    """The stored result of a query, in a plain DuckDB database."""
    if table_id is None:
        return []
    try:
        rows = database.fetch(f"SELECT count(*) FROM {database.quote('emulator', '_results', table_id)}")
    except duckdb.CatalogException:
        return []
    return [(table_id, "TABLE", rows[0][0])]


def _exists(project_id: str, dataset_id: str) -> bool:
    if (meta := _metadata(project_id)) is None:
        return False
    sql = f"SELECT 1 FROM {meta}.ducklake_schema WHERE end_snapshot IS NULL AND schema_name = ?"
    return bool(database.fetch(sql, [dataset_id]))


def _required(project_id: str, dataset_id: str, table_id: str) -> set[str]:
    return {name for name, nullable in _stored_columns(project_id, dataset_id, table_id) if not nullable}


def _stored_columns(project_id: str, dataset_id: str, table_id: str) -> list[tuple[str, bool]]:
    if (meta := _metadata(project_id)) is None:
        return []
    return database.fetch(
        f"""SELECT column_name, c.nulls_allowed FROM {meta}.ducklake_column c
        JOIN {meta}.ducklake_table t ON t.table_id = c.table_id AND t.end_snapshot IS NULL AND t.table_name = $2
        JOIN {meta}.ducklake_schema s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL AND s.schema_name = $1
        WHERE c.end_snapshot IS NULL AND c.parent_column IS NULL""",
        [dataset_id, table_id],
    )


def _hidden(table: exp.Table) -> bool:
    if not (table.catalog and table.db) or not isinstance(table.this, exp.Identifier):
        return False
    stored = _stored_columns(table.catalog, table.db, table.name)
    return any(name == tables.INGESTION_TIME for name, _ in stored)


def _columns(project_id: str, dataset_id: str, table_id: str):
    required = _required(project_id, dataset_id, table_id)
    with database.cursor() as cursor:
        try:
            relation = cursor.sql(f"SELECT * FROM {tables.name(project_id, dataset_id, table_id)} LIMIT 0")
        except duckdb.CatalogException:
            raise not_found("Table", names.label(project_id, dataset_id, table_id)) from None
        return [
            types.field(column, kind, column in required)
            for column, kind in zip(relation.columns, relation.types)
            if column != tables.INGESTION_TIME or dataset_id == tables.RESULTS
        ]


class _Fresh:
    """A cursor nobody used yet: it has no temporary tables, so nothing needs to be asked for them."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection):
        self._cursor = cursor

    def sql(self, text: str, *rest, **named):
        text = "SELECT '' AS table_name WHERE false" if text == TEMPORARY else text
        return self._cursor.sql(text, *rest, **named)

    def __getattr__(self, name: str):
        return getattr(self._cursor, name)


def _execute(cursor, *rest, session=None, **named):
    return _original(cursor if session else _Fresh(cursor), *rest, session=session, **named)


_original = query.execute
_jobs: dict[tuple[str, str], Job] = {}


def _save(job: Job) -> Job:
    """The states before DONE stay in memory; INFORMATION_SCHEMA reads what is stored."""
    reference = job.jobReference
    _jobs[(reference.projectId, reference.jobId)] = job
    return _stored_save(job) if job.status.state == "DONE" else job


def _load(project_id: str, job_id: str) -> Job | None:
    return _jobs.get((project_id, job_id))


def _list(project_id, states=None, parent_job_id=None, min_creation_time=None, max_creation_time=None) -> list[Job]:
    found = [
        job
        for (project, _), job in list(_jobs.items())
        if project == project_id
        and job.statistics.parentJobId == parent_job_id
        and (not states or job.status.state in states)
        and int(job.statistics.creationTime) >= (min_creation_time or 0)
        and (max_creation_time is None or int(job.statistics.creationTime) <= max_creation_time)
    ]
    return sorted(found, key=lambda job: (-int(job.statistics.creationTime), job.jobReference.jobId))


def _delete(project_id: str, job_id: str):
    for key, job in list(_jobs.items()):
        if key[0] == project_id and job_id in (key[1], job.statistics.parentJobId):
            del _jobs[key]
    _stored_delete(project_id, job_id)


_stored_save, _stored_delete = store.save, store.delete


def apply():
    database.objects = _objects
    datasets.exists = _exists
    tables.columns = _columns
    query.execute = _execute
    partitions._hidden = _hidden
    store.save, store.load, store.list_, store.delete = _save, _load, _list, _delete
