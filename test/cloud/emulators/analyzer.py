"""Google's own analyzer over scripts of GoogleSQL: one JSON request a line in, one JSON answer a line out.

{"sql": "…", "tables": {"p.d.t": {"id": "INT64"}}, "parameters": {"token": "INT64"}}
→ {"statements": ["UpdateStmt", …]} or {"error": "Unrecognized name: x [at 1:8]"}
"""

import copy
import itertools
import json
import re
import sys

from google.protobuf import empty_pb2
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service_pb2
from zetasql.wasi._pb2.zetasql.proto import options_pb2 as proto_options_pb2
from zetasql.wasi._pb2.zetasql.proto import simple_catalog_pb2 as catalog_pb2
from zetasql.wasi._pb2.zetasql.public import options_pb2
from zetasql.wasi._pb2.zetasql.public import simple_table_pb2 as table_pb2
from zetasql.wasi._pb2.zetasql.public import type_pb2, value_pb2
from zetasql_engine import AnalyzerError, Service

SYSTEM_VARIABLES = {
    "row_count": "INT64",
    "error.message": "STRING",
    "error.statement_text": "STRING",
    "error.formatted_stack_trace": "STRING",
    "script.job_id": "STRING",
    "current_job_id": "STRING",
    "project_id": "STRING",
    "time_zone": "STRING",
    "dataset_id": "STRING",
    "transaction.id": "STRING",
}

# What BigQuery has beyond the features that Google calls the ideal language.
FEATURES = (
    "FEATURE_ALTER_COLUMN_SET_DATA_TYPE",
    "FEATURE_CREATE_TABLE_CLONE",
    "FEATURE_CREATE_VIEWS_WITH_COLUMN_OPTIONS",
    "FEATURE_DISABLE_FLOAT32",
)
WILDCARD = re.compile(r"`([^`]*)\*`")

service = Service()


def _language():
    options = service.call(
        "GetLanguageOptions",
        service_pb2.LanguageOptionsRequest(maximum_features=True),
        proto_options_pb2.LanguageOptionsProto,
    )
    options.product_mode = options_pb2.PRODUCT_EXTERNAL
    options.name_resolution_mode = options_pb2.NAME_RESOLUTION_DEFAULT
    options.reserved_keywords.append("QUALIFY")
    options.enabled_language_features.extend(options_pb2.LanguageFeature.Value(name) for name in FEATURES)
    del options.supported_statement_kinds[:]
    return options


LANGUAGE = _language()


def _one_of(message):
    """The message inside of an `Any…` message, whatever it is."""
    while (names := [group.name for group in message.DESCRIPTOR.oneofs]) and message.WhichOneof(names[0]):
        message = getattr(message, message.WhichOneof(names[0]))
    return message


def _kind(message) -> str:
    return message.DESCRIPTOR.name.removeprefix("AST").removeprefix("Resolved").removesuffix("Proto")


def _location(node) -> tuple[int, int]:
    while not hasattr(node, "parse_location_range"):
        node = node.parent
    return node.parse_location_range.start, node.parse_location_range.end


def _field(node, name: str):
    """A field of the node or of what it inherits from."""
    while name not in node.DESCRIPTOR.fields_by_name:
        node = node.parent
    return getattr(node, name)


_catalogs: dict[bytes, int] = {}


def _registered(catalog: catalog_pb2.SimpleCatalogProto) -> int:
    """The analyzer needs 20 ms to fill a catalog with its functions, so the last ones are kept."""
    key = catalog.SerializeToString(deterministic=True)
    if key not in _catalogs:
        if len(_catalogs) >= 16:
            oldest = _catalogs.pop(next(iter(_catalogs)))
            service.call("UnregisterCatalog", service_pb2.UnregisterRequest(registered_id=oldest), empty_pb2.Empty)
        request = service_pb2.RegisterCatalogRequest(simple_catalog=catalog)
        _catalogs[key] = service.call("RegisterCatalog", request, service_pb2.RegisterResponse).registered_id
    return _catalogs[key]


def _groupings(path: list[str]):
    """a, b, c as `a.b.c`, `a`.`b.c`, `a.b`.`c` and `a`.`b`.`c`."""
    for cuts in itertools.product((False, True), repeat=len(path) - 1):
        parts = [path[0]]
        for part, cut in zip(path[1:], cuts):
            if cut:
                parts.append(part)
            else:
                parts[-1] = f"{parts[-1]}.{part}"
        yield parts


def _add(folders: dict, path: list[str], columns: dict, full_name: str):
    *above, name = path
    place = ()
    for part in above:
        folder, place = folders[place], (*place, part)
        if place not in folders:
            folders[place] = folder.catalog.add(name=part)
    folder = folders[place]
    if any(table.name == name for table in folder.table):
        return
    table = folder.table.add(name=name, full_name=full_name)
    for column, kind in columns.items():
        pseudo = column == "_TABLE_SUFFIX"
        table.column.append(
            table_pb2.SimpleColumnProto(name=column, type=kind, is_writable_column=not pseudo, is_pseudo_column=pseudo)
        )


class Types:
    """Type names to types, by the analyzer itself."""

    def __init__(self):
        self._known = {}

    def of(self, name: str) -> type_pb2.TypeProto:
        if name not in self._known:
            empty = Scope(self, {}, {})
            self._known[name] = empty.analyze(f"SELECT CAST(NULL AS {name}) AS x").output_column_list[0].column.type
        return self._known[name]


class Scope:
    """Tables, parameters and variables that a statement sees."""

    def __init__(self, types: Types, tables: dict, parameters: dict):
        self.types, self.variables = types, {}
        self.tables = {name: {c: types.of(t) for c, t in columns.items()} for name, columns in tables.items()}
        self.parameters = {name: types.of(kind) for name, kind in parameters.items()}
        self.system = {name: types.of(kind) for name, kind in SYSTEM_VARIABLES.items()} if tables or parameters else {}

    def inner(self) -> "Scope":
        scope = copy.copy(self)
        scope.variables = dict(self.variables)
        return scope

    def _catalog(self, sql: str) -> catalog_pb2.SimpleCatalogProto:
        catalog = catalog_pb2.SimpleCatalogProto(name="catalog")
        catalog.builtin_function_options.language_options.CopyFrom(LANGUAGE)
        folders = {(): catalog}
        for name, columns in [*self.tables.items(), *self._wildcards(sql)]:
            path = name.split(".")
            for depth in range(max(1, len(path) - 1)):
                for grouped in _groupings(path[depth:]):
                    _add(folders, grouped, columns, name)
        for name, kind in self.variables.items():
            catalog.constant.add(name_path=[name], type=kind, value=value_pb2.ValueProto())
        return catalog

    def _wildcards(self, sql: str):
        """A table `t_*` has the columns of the tables that it stands for, and `_TABLE_SUFFIX`."""
        for prefix in set(WILDCARD.findall(sql)):
            for name, columns in self.tables.items():
                if name.startswith(prefix) or name.partition(".")[2].startswith(prefix):
                    yield f"{prefix}*", {**columns, "_TABLE_SUFFIX": self.types.of("STRING")}
                    break

    def analyze(self, sql: str):
        options = proto_options_pb2.AnalyzerOptionsProto(
            language_options=LANGUAGE,
            error_message_mode=options_pb2.ERROR_MESSAGE_ONE_LINE,
            default_timezone="UTC",
        )
        for name, kind in self.parameters.items():
            options.query_parameters.add(name=name, type=kind)
        for name, kind in self.system.items():
            options.system_variables.add(name_path=name.split("."), type=kind)
        catalog = _registered(self._catalog(sql))
        request = service_pb2.AnalyzeRequest(options=options, sql_statement=sql, registered_catalog_id=catalog)
        return _one_of(service.call("Analyze", request, service_pb2.AnalyzeResponse).resolved_statement)

    def type_of(self, expression: str) -> type_pb2.TypeProto:
        return self.analyze(f"SELECT ({expression}) AS x").output_column_list[0].column.type

    def expect(self, expression: str, name: str, kind: type_pb2.TypeProto):
        """That the expression can be assigned to the type."""
        probe = self.inner()
        probe.variables["__target"] = kind
        found = probe.type_of(f"IF(TRUE, __target, ({expression}))")
        if found != kind:
            raise AnalyzerError(f"Cannot coerce expression ({expression}) to the type of {name}")


class Script:
    def __init__(self, sql: str, scope: Scope):
        self.sql, self.bytes, self.scope, self.kinds = sql, sql.encode(), scope, []

    def run(self):
        request = service_pb2.ParseRequest(sql_statement=self.sql, options=LANGUAGE, allow_script=True)
        parsed = service.call("Parse", request, service_pb2.ParseResponse).parsed_script
        self.block(parsed.statement_list_node, self.scope)

    def text(self, node) -> str:
        start, end = _location(_one_of(node))
        return self.bytes[start:end].decode()

    def block(self, statements, scope: Scope):
        for any_statement in statements.statement_list:
            statement = _one_of(any_statement)
            kind = _kind(statement)
            start, _ = _location(statement)
            try:
                handler = getattr(self, f"on_{kind}", None)
                if handler is not None:
                    handler(statement, scope)
                else:
                    self.statement(statement, kind, scope)
            except AnalyzerError as error:
                raise AnalyzerError(self.placed(str(error), start)) from None

    def placed(self, message: str, start: int) -> str:
        """Says in which statement; the analyzer's own position counts from the statement's beginning."""
        if message.startswith("Statement at line "):
            return message
        line = self.bytes[:start].count(b"\n") + 1
        return f"Statement at line {line}: {message}"

    def statement(self, node, kind: str, scope: Scope):
        resolved = scope.analyze(self.text(node))
        self.kinds.append(_kind(resolved))
        self.define(resolved, scope)

    def define(self, resolved, scope: Scope):
        """What later statements see of a statement that changes the catalog."""
        kind = _kind(resolved)
        if kind in ("CreateTableStmt", "CreateTableAsSelectStmt"):
            base = resolved
            columns = {c.name: c.type for c in _field(base, "column_definition_list")}
            path = _field(base, "name_path")
            scope.tables.setdefault(".".join(path), columns)
        elif kind == "CreateViewStmt":
            columns = {c.name: c.column.type for c in _field(resolved, "output_column_list")}
            scope.tables[".".join(_field(resolved, "name_path"))] = columns
        elif kind == "DropStmt":
            scope.tables.pop(".".join(resolved.name_path), None)
        elif kind == "AlterTableStmt":
            self.alter(resolved, scope)

    def alter(self, resolved, scope: Scope):
        name = ".".join(_field(resolved, "name_path"))
        known = next((table for table in scope.tables if table == name or table.endswith(f".{name}")), None)
        if known is None:
            if _field(resolved, "is_if_exists"):
                return
            raise AnalyzerError(f"Table not found: {name}")
        columns = scope.tables[known] = dict(scope.tables[known])
        for any_action in _field(resolved, "alter_action_list"):
            action = _one_of(any_action)
            match _kind(action):
                case "AddColumnAction":
                    if action.column_definition.name not in columns:
                        columns[action.column_definition.name] = action.column_definition.type
                    elif not action.is_if_not_exists:
                        raise AnalyzerError(f"Column already exists: {action.column_definition.name}")
                case "DropColumnAction":
                    if columns.pop(action.name, None) is None and not action.is_if_exists:
                        raise AnalyzerError(f"Column not found: {action.name}")
                case "AlterColumnSetDataTypeAction":
                    self.needs(columns, _field(action, "column"), known)
                    columns[_field(action, "column")] = action.updated_type
                case "AlterColumnDropNotNullAction" | "AlterColumnOptionsAction" | "AlterColumnSetDefaultAction":
                    self.needs(columns, _field(action, "column"), known)
                case _:
                    pass

    def needs(self, columns: dict, column: str, table: str):
        if column not in columns:
            raise AnalyzerError(f"Column not found: {column} in {table}")

    def on_VariableDeclaration(self, node, scope: Scope):
        kind = scope.types.of(self.text(node.type)) if node.HasField("type") else None
        if node.HasField("default_value"):
            default = self.text(node.default_value)
            if kind is None:
                kind = scope.type_of(default)
            else:
                scope.expect(default, "the variable", kind)
        for variable in node.variable_list.identifier_list:
            scope.variables[variable.id_string] = kind
        self.kinds.append("Declare")

    def on_SingleAssignment(self, node, scope: Scope):
        name = node.variable.id_string
        kind = next((kind for known, kind in scope.variables.items() if known.lower() == name.lower()), None)
        if kind is None:
            raise AnalyzerError(f"Undeclared variable: {name}")
        scope.expect(self.text(node.expression), name, kind)
        self.kinds.append("Set")

    def on_IfStatement(self, node, scope: Scope):
        self.condition(node.condition, scope)
        self.block(node.then_list, scope.inner())
        for clause in node.elseif_clauses.elseif_clauses:
            self.condition(clause.condition, scope)
            self.block(clause.body, scope.inner())
        self.block(node.else_list, scope.inner())
        self.kinds.append("If")

    def on_WhileStatement(self, node, scope: Scope):
        if node.HasField("condition"):
            self.condition(node.condition, scope)
        self.block(_field(node, "body"), scope.inner())
        self.kinds.append("While")

    def on_BeginEndBlock(self, node, scope: Scope):
        self.block(node.statement_list_node, scope.inner())
        for handler in node.handler_list.exception_handler_list:
            self.block(handler.statement_list, scope.inner())
        self.kinds.append("Block")

    def on_RaiseStatement(self, node, scope: Scope):
        if node.HasField("message"):
            scope.expect(self.text(node.message), "the message", scope.types.of("STRING"))
        self.kinds.append("Raise")

    def condition(self, node, scope: Scope):
        scope.expect(self.text(node), "a condition", scope.types.of("BOOL"))


def answer(request: dict, types: Types) -> dict:
    try:
        script = Script(request["sql"], Scope(types, request.get("tables", {}), request.get("parameters", {})))
        script.run()
        return {"statements": script.kinds}
    except AnalyzerError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    types = Types()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), types)), flush=True)
