"""What is corrected in local-bigquery 0.3.2, each with its reason. Nothing here makes a wrong statement work."""

import contextlib
import re
import threading
import uuid

import catalogue
import duckdb
import sqlglot
from amend import amend
from local_bigquery import errors
from local_bigquery.catalog import ddl as catalog_ddl
from local_bigquery.catalog import datasets, metadata, names, tables
from local_bigquery.catalog.options import COLUMN_OPTIONS, options
from local_bigquery.engine import database, types
from local_bigquery.errors import BigQueryError
from local_bigquery.grpc import read as storage_read
from local_bigquery.jobs import load, merge, query, runner
from local_bigquery.models import JobStatistics, JobStatistics2, Table
from local_bigquery.sql import script
from local_bigquery.sql import rules as all_rules
from local_bigquery.sql.dialect import BigQueryDialect
from local_bigquery.sql.rules import ddl as ddl_rules
from local_bigquery.sql.rules import typing as typing_rules
from sqlglot import exp

MEBIBYTE = 1 << 20
# Names of the API and names of SQL.
STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "STRUCT": "RECORD"}


def _in_transaction(cursor) -> bool:
    """`now()` stands still inside a transaction."""
    now = "SELECT epoch_us(now())"
    return cursor.execute(now).fetchone() == cursor.execute(now).fetchone()


class _Cursor:
    """A cursor on which BEGIN fails inside a transaction without harm."""

    def __init__(self, cursor):
        self._cursor = cursor
        self._open = _in_transaction(cursor)

    def execute(self, sql: str, *rest):
        if sql == "BEGIN" and self._open:
            raise duckdb.TransactionException("nested")
        return self._cursor.execute(sql, *rest)

    def __getattr__(self, name: str):
        return getattr(self._cursor, name)


def merge_in_transaction():
    """MERGE finds out whether a transaction is open by a BEGIN that fails; in DuckDB that aborts the transaction."""
    original = merge.run
    merge.run = lambda cursor, tree, context: original(_Cursor(cursor), tree, context)


def no_ddl_in_transaction():
    """BigQuery refuses DDL on lasting tables inside a transaction; DuckLake takes it.

    Statements of DDL run one after the other: at once, they would make each other start over.
    """
    original, lock = query._run, threading.Lock()

    def run(cursor, tree, context, destination, config, dry_run, isolated):
        lasting = isinstance(tree, query.DDL) and not tree.find(exp.TemporaryProperty)
        if lasting and not dry_run and _in_transaction(cursor):
            kind = query.statement_type(tree)
            raise BigQueryError("invalidQuery", f"DDL statement {kind} is not supported in a transaction")
        with lock if lasting else contextlib.nullcontext():
            return original(cursor, tree, context, destination, config, dry_run, isolated)

    query._run = run


def one_job_per_id():
    """Two inserts of one job id at the same moment both ran: the look-up and the entry were two steps."""
    original, lock = runner.submit, threading.Lock()

    def submit(*rest, **named):
        with lock:
            return original(*rest, **named)

    runner.submit = submit


def conflict_text():
    """The words of a conflict are DuckLake's; clients know BigQuery's, and only these say which table."""
    original = errors.from_duckdb

    def from_duckdb(error, context=None, tree=None):
        found = re.search(r'(?i)transaction conflict.*?table with index "(\d+)"', str(error), re.DOTALL)
        if found is None and "Failed to commit DuckLake transaction" not in str(error):
            return original(error, context, tree)
        table = _table_of(context, found and int(found[1]))
        if isinstance(tree, exp.Commit):
            text = f"Transaction is aborted due to concurrent update against table {table}. Transaction ID: {uuid.uuid4()}"
        else:
            text = f"Could not serialize access to table {table} due to concurrent update"
        return BigQueryError("invalidQuery", text)

    errors.from_duckdb = query.from_duckdb = from_duckdb


def _table_of(context, index: int | None) -> str:
    project_id = context.project_id if context else ""
    meta = catalogue._metadata(project_id)
    rows = meta and database.fetch(
        f"""SELECT schema_name, table_name FROM {meta}.ducklake_table JOIN {meta}.ducklake_schema USING (schema_id)
        WHERE table_id = ? LIMIT 1""",
        [index],
    )
    return f"{project_id}:{'.'.join(rows[0])}" if rows else f"{project_id}:unknown"


def script_errors():
    """An error inside a script reads `Query error: … at [line:column]`, in the job and in @@error.message."""

    def placed(error: Exception, context, text: str) -> BigQueryError:
        error = errors.from_exception(error)
        if error.message.startswith("Query error: "):
            return error
        start = text.find(str(context.system.get("statement_text") or "\0"))
        line = text.count("\n", 0, max(start, 0)) + 1
        column = start - text.rfind("\n", 0, max(start, 0)) if start >= 0 else 1
        return BigQueryError(error.reason, f"Query error: {error.message} at [{line}:{column}]")

    def run_script(interpreter, statements, scripted: bool, context, config):
        context.system["script_text"] = config.query or ""
        try:
            interpreter.run(statements)
        except Exception as error:
            raise (placed(error, context, config.query or "") if scripted else error) from error

    amend(
        query._execute,
        "script.Interpreter(cur, context, run_sql, report).run(statements)",
        "run_script(script.Interpreter(cur, context, run_sql, report), statements, scripted, context, config)",
        run_script=run_script,
    )
    amend(
        script.Interpreter.block,
        "error = from_exception(exception)",
        "error = placed(exception, self.context, self.context.system['script_text'])",
        placed=placed,
    )


def result_of_script():
    """jobs.getQueryResults of a script gives its last SELECT, not its last statement if that is one."""
    amend(query._execute, "if produced and produced[-1] else", "if any(produced) else")


def billed_bytes():
    """Bytes were always 0. Now they are those of the whole tables that a statement reads: an upper bound.

    At least 10 MiB for each table are billed, and maximumBytesBilled refuses before anything runs.
    """
    original, done = query._statement, runner._done

    def bytes_of(referenced) -> tuple[int, int]:
        sizes = [int(tables.load(*table).numBytes) for table in referenced if tables.exists(*table)]
        return sum(sizes), sum(max(10, -(-size // MEBIBYTE)) * MEBIBYTE for size in sizes)

    def statement(cursor, tree, context, destination, config, dry_run, isolated):
        if config.maximumBytesBilled and not dry_run and not isinstance(tree, query.DDL):
            try:
                original(cursor, tree.copy(), context, destination, config, True, isolated)
            except BigQueryError:
                pass
            _, billed = bytes_of(context.referenced)
            if billed > int(config.maximumBytesBilled):
                limit = f"Query exceeded limit for bytes billed: {config.maximumBytesBilled}."
                raise BigQueryError("bytesBilledLimitExceeded", f"{limit} {billed} or higher required.")
        statistics = original(cursor, tree, context, destination, config, dry_run, isolated)
        processed, billed = bytes_of(context.referenced)
        return statistics.replace(totalBytesProcessed=str(processed), totalBytesBilled=str(billed))

    def total(children: list[JobStatistics2]) -> dict:
        keys = ("totalBytesProcessed", "totalBytesBilled")
        return {key: str(sum(int(getattr(child, key) or 0) for child in children)) for key in keys}

    def ended(job, statistics: JobStatistics, error=None):
        if statistics.query and (processed := statistics.query.totalBytesProcessed):
            statistics = statistics.replace(totalBytesProcessed=processed)
        return done(job, statistics, error)

    errors.STATUSES["bytesBilledLimitExceeded"] = (400, "INVALID_ARGUMENT")
    query._statement, runner._done = statement, ended
    amend(
        query._execute,
        'return JobStatistics2(statementType="SCRIPT"), children, result',
        'return JobStatistics2(statementType="SCRIPT", **total(children)), children, result',
        total=total,
    )


def parquet_bytes():
    """With a schema given, BYTES of a Parquet file were decoded from base64 as if they came from JSON."""
    amend(load._projection, "source = _decoded(column, field)", "source = column if typed else _decoded(column, field)")


def load_into_the_schema():
    """A load replaced the empty table it was given by one with the file's types, and forgot what is REQUIRED.

    A table of the given schema is made first, then filled; a Parquet column of another type is refused, and so is a
    file that is not there.
    """
    def prepared(cursor, config, upload):
        reference = tables.reference(config.destinationTable)
        fields = (config.schema_ and config.schema_.fields) or []
        never = config.createDisposition == "CREATE_NEVER"
        fresh = bool(fields) and not never and datasets.exists(*reference[:2]) and not tables.exists(*reference)
        if fresh:
            body = Table(tableReference=config.destinationTable, schema=config.schema_)
            tables.create(*reference[:2], body, None)
        try:
            return original(cursor, config, upload)
        except Exception as error:
            if fresh:
                tables.delete(*reference)
            if missing := re.search(r"'(gs://[^']+)'.*HTTP 404", str(error)):
                raise BigQueryError("notFound", f"Not found: URI {missing[1]}") from error
            raise

    def columns_of(relation, config, fields):
        declared = fields
        if not declared and tables.exists(*tables.reference(config.destinationTable)):
            declared = tables.columns(*tables.reference(config.destinationTable))
        expected = {field.name.casefold(): STANDARD.get(field.type, field.type) for field in declared}
        for name, kind in zip(relation.columns, relation.types):
            found, wanted = types.field(name, kind).type, expected.get(name.casefold())
            found = STANDARD.get(found, found)
            if config.sourceFormat != "PARQUET" or wanted in (None, found) or (found, wanted) == ("NUMERIC", "BIGNUMERIC"):
                continue
            raise BigQueryError(
                "invalid",
                "Error while reading data, error message: Parquet column "
                f"'{name}' has type {found} which does not match the target cpp_type {wanted}.",
            )
        return relation.columns

    amend(
        load.run,
        'columns = cur.sql(f"SELECT * FROM {reader} LIMIT 0").columns',
        'columns = columns_of(cur.sql(f"SELECT * FROM {reader} LIMIT 0"), config, fields)',
        columns_of=columns_of,
    )
    original = load.run
    runner.HANDLERS["load"] = prepared
    amend(
        tables.write,
        'append = found and disposition == "WRITE_APPEND"',
        'append = found and disposition in ("WRITE_APPEND", "WRITE_EMPTY")',
    )


def null_options():
    """SET OPTIONS (description = NULL) ended in an internal error."""
    amend(
        query._evaluator,
        "return json.loads(cur.sql(query).fetchone()[0])",
        "return None if (value := cur.sql(query).fetchone()[0]) is None else json.loads(value)",
    )


def options_of_added_columns():
    """ADD COLUMN kept no OPTIONS of the column."""
    original = catalog_ddl._alteration

    def alteration(stored, action, reference, evaluate):
        if not isinstance(action, exp.ColumnDef):
            return original(stored, action, reference, evaluate)
        known = metadata.load(Table, *reference)
        name = action.name.casefold()
        if known and any(field.name.casefold() == name for field in tables.fields(known)):
            return {}
        extras = options(action.find(exp.Properties), COLUMN_OPTIONS, evaluate)
        fields = [field.replace(**extras) if field.name.casefold() == name else field for field in tables.fields(stored)]
        return {"schema": {"fields": fields}}

    catalog_ddl._alteration = alteration


WIDER = {
    "INT64": {"NUMERIC", "BIGNUMERIC", "FLOAT64"},
    "NUMERIC": {"BIGNUMERIC", "FLOAT64"},
}


def set_data_type():
    """DuckLake widens other pairs of types than BigQuery: DATE to TIMESTAMP, but not NUMERIC to BIGNUMERIC."""
    original = query._run

    def run(cursor, tree, context, destination, config, dry_run, isolated):
        actions = tree.args.get("actions") or [] if isinstance(tree, exp.Alter) else []
        for action in actions:
            if not isinstance(action, exp.AlterColumn) or not action.args.get("dtype"):
                continue
            reference = names.reference(tree.this, context.project_id, context.dataset_id)
            found = {field.name.casefold(): field for field in tables.columns(*reference)}.get(action.name.casefold())
            if found is None:
                continue
            old, new = types.bigquery_type(found), action.args["dtype"].sql("bigquery").partition("(")[0]
            if old != new and new not in WIDER.get(old, ()):
                raise BigQueryError(
                    "invalidQuery",
                    "ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type "
                    f"({old}) is assignable to the new type ({new})",
                )
            if (old, new) == ("NUMERIC", "BIGNUMERIC") and not dry_run:
                rebuild(cursor, reference, found.name)
        return original(cursor, tree, context, destination, config, dry_run, isolated)

    def rebuild(cursor, reference, column: str):
        table, column = tables.name(*reference), database.quote(column)
        required = [field.name for field in tables.columns(*reference) if field.mode == "REQUIRED"]
        cast = f"CAST({column} AS DECIMAL(38,18)) AS {column}"
        cursor.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * REPLACE ({cast}) FROM {table}")
        for name in required:
            cursor.execute(f"ALTER TABLE {table} ALTER COLUMN {database.quote(name)} SET NOT NULL")

    query._run = run


def views_of_wildcards():
    """A view over `t_*` stood for the tables of the moment it was made; now it follows every DDL statement."""
    original = catalog_ddl.apply

    def apply_ddl(tree, project_id, dataset_id, evaluate):
        original(tree, project_id, dataset_id, evaluate)
        for view in metadata.list_(Table, project_id):
            if view.view is None or "*`" not in (view.view.query or ""):
                continue
            reference = tables.reference(view.tableReference)
            try:
                sql = query.translate_view(project_id, reference[1], view.view.query)
            except BigQueryError:
                continue
            database.execute(f"CREATE OR REPLACE VIEW {tables.name(*reference)} AS {sql}")

    catalog_ddl.apply = apply_ddl


def _snapshot(action: str, rest: str) -> exp.Expression:
    """The statement without SNAPSHOT, with its OPTIONS, which sqlglot does not take behind CLONE."""
    parts = re.match(r"(.*?)\s+OPTIONS\s*(\(.*\))\s*$", rest, re.IGNORECASE | re.DOTALL)
    tree = sqlglot.parse_one(f"{action} TABLE {parts[1] if parts else rest}", dialect=BigQueryDialect)
    if parts:
        with_options = sqlglot.parse_one(f"CREATE TABLE t OPTIONS {parts[2]}", dialect=BigQueryDialect)
        tree.set("properties", with_options.args["properties"])
    return tree


def options_of_snapshots():
    """CREATE SNAPSHOT TABLE takes OPTIONS in BigQuery."""
    old = """sqlglot.parse_one(
            f"{match[1]} TABLE {match[2]}", dialect=BigQueryDialect
        )"""
    amend(ddl_rules.normalise, old, "_snapshot(match[1], match[2])", _snapshot=_snapshot)


def text_to_bytes():
    """CAST of a text to BYTES failed at letters that are not ASCII."""

    def rule(node: exp.Expression, context) -> exp.Expression:
        bytes_wanted = isinstance(node, exp.Cast) and node.to.this in typing_rules.BYTES
        if not bytes_wanted or typing_rules.kind(node.this) not in exp.DataType.TEXT_TYPES:
            return node
        return exp.Anonymous(this="encode", expressions=[node.this])

    all_rules.NODE_RULES.append(rule)


def reads_of_the_past():
    """The Storage Read API gave the rows of the moment; now those of `snapshot_time`, where one is asked for."""
    created, asked = storage_read.create_session, threading.local()

    def create_session(request):
        time = request.read_session.table_modifiers.snapshot_time
        asked.at = time.rfc3339() if time else None
        try:
            return created(request)
        finally:
            asked.at = None

    def table_at(sql: str) -> str:
        at = getattr(asked, "at", None)
        return f"{sql} FOR SYSTEM_TIME AS OF TIMESTAMP '{at}'" if at else sql

    storage_read.create_session = create_session
    amend(
        storage_read._query,
        'sql = f"SELECT * FROM `{project_id}.{dataset_id}.{table_id}`"',
        'sql = table_at(f"SELECT * FROM `{project_id}.{dataset_id}.{table_id}`")',
        table_at=table_at,
    )


def messages_of_bytes():
    """A message of the Storage Read API held up to a million rows, whatever their bytes; BigQuery's hold about a mebibyte."""

    def pieces(reader):
        for batch in reader:
            rows = max(1, batch.num_rows * MEBIBYTE // max(batch.nbytes, 1))
            yield from (batch.slice(start, rows) for start in range(0, batch.num_rows, rows))

    amend(storage_read.read_rows, "for batch in reader:", "for batch in pieces(reader):", pieces=pieces)
    amend(storage_read.read_rows, ").to_arrow_reader()", ").to_arrow_reader(2048)")


def apply():
    catalogue.apply()
    merge_in_transaction()
    no_ddl_in_transaction()
    one_job_per_id()
    conflict_text()
    billed_bytes()
    parquet_bytes()
    load_into_the_schema()
    null_options()
    options_of_added_columns()
    set_data_type()
    views_of_wildcards()
    options_of_snapshots()
    script_errors()
    result_of_script()
    text_to_bytes()
    reads_of_the_past()
    messages_of_bytes()
