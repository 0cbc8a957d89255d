"""Google's SQL analyzer, compiled once: translating its WebAssembly takes half a minute, loading the result 10 ms."""

import ctypes
import os
import pathlib

from wasmtime import Config, Engine, Linker, Module, Store, WasiConfig
from zetasql.core.wasm_client import WASM32_SIZE_T_BYTES, get_tzinfo_dir
from zetasql.wasi import get_wasm_path

COMPILED = pathlib.Path(os.environ["HOME"]) / "zetasql.cwasm"


def _engine() -> Engine:
    config = Config()
    config.shared_memory = True
    return Engine(config)


def compile_once():
    COMPILED.write_bytes(Module.from_file(_engine(), get_wasm_path()).serialize())


class AnalyzerError(Exception):
    """What Google's analyzer says, as in `Unrecognized name: x [at 1:8]`."""


class Service:
    """Calls of ZetaSQL's local service, by name and with protocol buffers."""

    def __init__(self):
        wasi = WasiConfig()
        wasi.preopen_dir(get_tzinfo_dir(), "/usr/share/zoneinfo")
        engine = _engine()
        self.store = Store(engine)
        self.store.set_wasi(wasi)
        linker = Linker(engine)
        linker.define_wasi()
        module = Module.deserialize_file(engine, str(COMPILED))
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        self._export("_initialize")()
        self.memory = self.exports["memory"]

    def _export(self, name: str):
        function = self.exports[name]
        return lambda *arguments: function(self.store, *arguments)

    def call(self, method: str, request, response_type):
        malloc, free = self._export("wasm_malloc"), self._export("wasm_free")
        data = request.SerializeToString()
        pointer, size_pointer = malloc(max(len(data), 1)), malloc(WASM32_SIZE_T_BYTES)
        try:
            ctypes.memmove(self._address(pointer), data, len(data))
            answer = self._export(f"ZetaSqlLocalService_{method}")(pointer, len(data), size_pointer)
            if answer == 0:
                raise AnalyzerError(self._last_error())
            size = int.from_bytes(self._read(size_pointer, WASM32_SIZE_T_BYTES), "little")
            response = response_type.FromString(self._read(answer, size))
            free(answer)
            return response
        finally:
            free(pointer)
            free(size_pointer)

    def _last_error(self) -> str:
        size = self._export("wasm_get_last_error_size")()
        text = self._read(self._export("wasm_get_last_error")(), size).decode() if size else "unknown error"
        return text.partition("Message: ")[2] or text

    def _read(self, pointer: int, size: int) -> bytes:
        return ctypes.string_at(self._address(pointer), size)

    def _address(self, pointer: int) -> int:
        return ctypes.addressof(self.memory.data_ptr().contents) + pointer
