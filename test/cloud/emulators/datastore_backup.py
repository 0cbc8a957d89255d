"""Load jobs of managed exports of Firestore (DATASTORE_BACKUP), as BigQuery's documentation tells of them.

An export is a file of metadata that names outputs beside it; an output is a log of LevelDB whose records are entities of
Datastore. Texts are cut at 64 KB, a field of several types becomes a RECORD with a field for each, references and points
are RECORDs.
"""

import struct

import pyarrow as pa
from local_bigquery.engine import database
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import load
from local_bigquery.jobs.storage import literal, paths

BLOCK = 32768
LONGEST_TEXT = 65536
WHEN, BLOB, BYTES, ENTITY = 7, 14, 16, 19
ARROW = {
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "float": pa.float64(),
    "string": pa.string(),
    "blob": pa.binary(),
    "date_time": pa.timestamp("us", "UTC"),
}


def _records(data: bytes):
    whole, at = b"", 0
    while at + 7 <= len(data):
        left = BLOCK - at % BLOCK
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield whole
            whole = b""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _fields(data: bytes):
    """Number and value of each field; a group gives a list of its own."""
    stack, at = [[]], 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 3:
            stack.append([])
            continue
        if wire == 4:
            value = stack.pop()
        elif wire == 0:
            value, at = _varint(data, at)
        elif wire == 1:
            value, at = data[at : at + 8], at + 8
        elif wire == 2:
            length, at = _varint(data, at)
            value, at = data[at : at + length], at + length
        else:
            value, at = data[at : at + 4], at + 4
        stack[-1].append((number, value))
    return stack[0]


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _path(elements) -> dict:
    parts, last = [], {}
    for element in elements:
        last = dict(element)
        name = last[4].decode() if 4 in last else None
        parts += [f'"{last[2].decode()}"', str(_signed(last[3])) if name is None else f'"{name}"']
    name = last[4].decode() if 4 in last else None
    identity = None if name is not None else _signed(last[3])
    return {"path": ", ".join(parts), "kind": last[2].decode(), "name": name, "id": identity}


def _key(data: bytes) -> dict:
    fields = dict(_fields(data))
    found = _path(value for number, value in _fields(fields[14]) if number == 1)
    return {"namespace": "", "app": fields[13].decode(), **found}


def _value(meaning: int, data: bytes):
    """What it is and its value."""
    fields = _fields(data)
    if not fields:
        return None
    number, value = fields[0]
    if number == 1:
        return ("date_time" if meaning == WHEN else "integer"), _signed(value)
    if number == 2:
        return "boolean", bool(value)
    if number == 4:
        return "float", struct.unpack("<d", value)[0]
    if number == 5:
        x, y = (struct.unpack("<d", coordinate)[0] for _, coordinate in value)
        return "point", {"lat": x, "long": y}
    if number == 12:
        return "key", _path(element for field, element in value if field == 14)
    if meaning == ENTITY:
        return "entity", {name: found and found[1] for name, found in _entity(value)[1].items()}
    if meaning in (BLOB, BYTES):
        return "blob", value
    return "string", value[:LONGEST_TEXT].decode(errors="ignore")


def _entity(record: bytes) -> tuple[bytes, dict]:
    key, properties = b"", {}
    for number, value in _fields(record):
        if number == 13:
            key = value
        if number not in (14, 15):
            continue
        fields = dict(_fields(value))
        name, found = fields[3].decode(), _value(fields.get(1, 0), fields.get(5, b""))
        if fields.get(4):
            _, others = properties.get(name) or ("array", [])
            found = ("array", [*others, *([] if found is None else [found[1]])])
        properties[name] = found
    return key, properties


def _column(values: list) -> pa.Array:
    kinds = {value[0] for value in values if value is not None}
    if not kinds:
        return pa.nulls(len(values), pa.string())
    if len(kinds) > 1:
        texts = [value and {value[0]: str(value[1]), "provided": value[0]} for value in values]
        return pa.array(texts)
    plain = [None if value is None else value[1] for value in values]
    return pa.array(plain, ARROW.get(kinds.pop()))


def _content(uri: str) -> bytes:
    cursor = database.connection().cursor()
    (path,) = paths(cursor, uri)
    return cursor.sql(f"SELECT content FROM read_blob({literal(path)})").fetchone()[0]


def _read(metadata: bytes, config) -> pa.Table:
    uris = config.sourceUris or []
    if len(uris) != 1 or "*" in uris[0]:
        raise BigQueryError("invalid", "DATASTORE_BACKUP takes one URI, without a wildcard")
    if not uris[0].endswith(".export_metadata") or "/kind_" not in uris[0]:
        raise BigQueryError("invalid", f"Cannot load {uris[0]}: the export has no filter of collections")
    if config.writeDisposition == "WRITE_APPEND":
        raise BigQueryError("invalid", "DATASTORE_BACKUP cannot be appended to a table")
    folder = uris[0].rpartition("/")[0]
    outputs = [
        value.decode()
        for number, part in _fields(metadata)
        if number == 2
        for field, value in _fields(part)
        if field == 2
    ]
    rows = [_entity(record) for output in outputs for record in _records(_content(f"{folder}/{output}"))]
    names = sorted({name for _, properties in rows for name in properties})
    wanted = config.projectionFields if getattr(config, "projectionFields", None) else names
    columns = {name: _column([properties.get(name) for _, properties in rows]) for name in names if name in wanted}
    keys = pa.struct(
        [(part, pa.int64() if part == "id" else pa.string()) for part in ("namespace", "app", "path", "kind", "name", "id")]
    )
    return pa.table({"__key__": pa.array([_key(key) for key, _ in rows], keys), **columns})


def apply():
    load.ARROW_READERS["DATASTORE_BACKUP"] = _read
    load.FORMATS.add("DATASTORE_BACKUP")
