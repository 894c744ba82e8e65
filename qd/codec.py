"""Trees of plain data to bytes and back: checkpoints, messages between ranks and to child processes.

A tree is made of dicts, lists, tuples, scalars, strings, bytes, arrays, ``Ragged`` and objects of registered
classes. The bytes hold a JSON header and raw little-endian arrays. Decoding executes nothing: a name in the
data can only choose among the registered classes, and there is no pickle.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from qd.errors import CheckpointError, QDError
from qd.ragged import Ragged

_MAGIC = b"QDC1"
_HEAD = struct.Struct("<4sQ")
_ALIGN = 64
_KINDS = "biufcSU"  # bool, int, unsigned, float, complex, bytes, text: never objects


class _Entry(NamedTuple):
    dump: Callable[[Any], dict[str, Any]]
    load: Callable[[dict[str, Any]], Any]


_by_class: dict[str, tuple[str, _Entry]] = {}
_by_name: dict[str, _Entry] = {}

_LAZY = {  # name in the data -> the module that registers it, imported only when such data is met
    "ribs.BanditScheduler": "qd.interop.ribs_scheduler",
    "AskTell.Replayed": "qd.interop.ask_tell",
    "ribs.CVTArchive": "qd.interop.ribs",
    "ribs.GridArchive": "qd.interop.ribs",
    "ribs.Scheduler": "qd.interop.ribs_scheduler",
    "ribs_es.CMAES": "qd.interop.ribs_es",
    "ribs_es.SepCMAES": "qd.interop.ribs_es",
}


def register(
    class_path: str,
    name: str,
    dump: Callable[[Any], dict[str, Any]],
    load: Callable[[dict[str, Any]], Any],
) -> None:
    """Register the pair of functions that turn one class of object to a plain tree and back.

    Args:
        class_path: ``"module:Class"`` of the object, so that registering imports nothing.
        name: the name written into the data; part of the format, never changed.
        dump: object to plain dict. load: plain dict to object.
    """
    entry = _Entry(dump, load)
    _by_class[class_path] = (name, entry)
    _by_name[name] = entry


def is_registered(value: Any) -> bool:
    """Whether an object's class, or one that it inherits from, has a registered pair of functions."""
    return any(f"{cls.__module__}:{cls.__qualname__}" in _by_class for cls in type(value).__mro__)


def _own_archive(path: str) -> Callable[[dict[str, Any]], Any]:
    module, _, name = path.partition(":")
    return lambda state: getattr(import_module(module), name).from_state(state)


for _path, _name in (
    ("archives.grid:GridArchive", "archives.GridArchive"),
    ("archives.novelty:NoveltyArchive", "archives.NoveltyArchive"),
    ("archives.pareto:ParetoArchive", "archives.ParetoArchive"),
    ("archives.reward:RewardArchive", "archives.RewardArchive"),
    ("archives.unstructured:UnstructuredArchive", "archives.UnstructuredArchive"),
):
    register(_path, _name, lambda archive: archive.to_state(copy=False), _own_archive(_path))


def _plain_dataclass(path: str) -> tuple[Callable[[Any], dict[str, Any]], Callable[[dict[str, Any]], Any]]:
    """The pair for a dataclass whose fields are plain data."""
    module, _, name = path.partition(":")

    def dump(value: Any) -> dict[str, Any]:
        state = {key: getattr(value, key) for key in type(value).__dataclass_fields__}
        return {key: item.str if isinstance(item, np.dtype) else item for key, item in state.items()}

    def load(state: dict[str, Any]) -> Any:
        cls = getattr(import_module(module), name)
        return cls(**{key: value for key, value in state.items() if cls.__dataclass_fields__[key].init})

    return dump, load


for _name in ("Box", "Mask", "Measures", "Tokens"):
    register(f"qd.space:{_name}", _name, *_plain_dataclass(f"qd.space:{_name}"))
for _path, _name in (
    ("qd.composite:Composite", "Composite"),
    ("qd.lineages.space:Lineage", "Lineage"),
    ("qd.texts:Texts", "Texts"),
    ("qd.algorithms._described:SpaceState", "SpaceState"),
    ("qd.algorithms._emitters:Emitter", "Emitter"),
    ("qd.algorithms._example_front:ExampleFront", "ExampleFront"),
    ("qd.algorithms._exploration:Exploration", "Exploration"),
    ("qd.algorithms._judged_variation:Variation", "Judged.Variation"),
    ("qd.algorithms._members:Members", "Members"),
    ("qd.algorithms.promptquine:Pool", "PromptQuine.Pool"),
    ("qd.rewards.program:Program", "Program"),
    ("qd.rewards.steps:Variable", "Variable"),
    ("operators.cma_es:CMAESState", "operators.CMAES"),
    ("operators.one_plus_one_es:OnePlusOneESState", "operators.OnePlusOneES"),
    ("operators.sep_cma_es:SepCMAESState", "operators.SepCMAES"),
):
    register(_path, _name, *_plain_dataclass(_path))
register(
    "qd.algorithms._ragged_elites:RaggedElites",
    "RaggedElites",
    lambda archive: archive.to_state(),
    _own_archive("qd.algorithms._ragged_elites:RaggedElites"),
)
register(
    "qd.ragged:Ragged",
    "Ragged",
    lambda ragged: {"values": ragged.values, "offsets": ragged.offsets},
    lambda state: Ragged(state["values"], state["offsets"]),
)


def encode(tree: Any) -> bytes:
    """The bytes of a tree. Raises QDError, naming the path, for anything that is not plain data."""
    return b"".join(encode_parts(tree))


def encode_parts(tree: Any) -> list[Any]:
    """The bytes of a tree in parts, for writing without a copy: arrays are views, valid until the tree changes."""
    arrays: list[np.ndarray[Any, Any]] = []
    header = json.dumps(_pack(tree, arrays, "$"), separators=(",", ":")).encode()
    parts: list[Any] = [_HEAD.pack(_MAGIC, len(header)), header]
    position = _HEAD.size + len(header)
    for array in arrays:
        pad = -position % _ALIGN
        parts += [bytes(pad), array.data if array.size else b""]
        position += pad + array.nbytes
    return parts


def decode(data: bytes | bytearray | memoryview, writable: bool = True) -> Any:
    """The tree of the bytes; arrays are copies unless ``writable`` is False (then views, read-only)."""
    view = memoryview(data).toreadonly().cast("B")
    try:
        magic, length = _HEAD.unpack_from(view)
        if magic != _MAGIC:
            raise CheckpointError(f"not data of this program: starts with {bytes(magic)!r}, wanted {_MAGIC!r}")
        end = _HEAD.size + length
        if end > len(view):
            raise CheckpointError("data is cut short")
        header = json.loads(bytes(view[_HEAD.size : end]))
        return _unpack(header, _Reader(view, end, writable))
    except CheckpointError:
        raise
    except (struct.error, ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise CheckpointError(f"data is damaged: {error}") from error


def decode_header(data: bytes | memoryview) -> Any:
    """The tree of the bytes without its arrays, which stay as they are described: for a look at numbers and names.

    ``data`` may be cut off behind the header.
    """
    try:
        magic, length = _HEAD.unpack_from(data)
        if magic != _MAGIC:
            raise CheckpointError(f"not data of this program: starts with {bytes(magic)!r}, wanted {_MAGIC!r}")
        return json.loads(bytes(data[_HEAD.size : _HEAD.size + length]))
    except (struct.error, ValueError) as error:
        raise CheckpointError(f"data is damaged: {error}") from error


def header_bytes(data: bytes) -> int:
    """How many bytes ``decode_header`` needs, from the first sixteen."""
    return _HEAD.size + int(_HEAD.unpack_from(data.ljust(_HEAD.size, b"\0"))[1])


class _Reader:
    """Takes the arrays out of the payload in the order in which they were written."""

    def __init__(self, view: memoryview, position: int, writable: bool) -> None:
        self.view, self.position, self.writable = view, position, writable

    def take(self, dtype: str, shape: list[int]) -> np.ndarray[Any, Any]:
        kind = np.dtype(dtype)
        if kind.kind not in _KINDS:
            raise CheckpointError(f"array of dtype {dtype!r} is refused: only plain numbers and text are read")
        count = 1
        for size in shape:
            count *= int(size)
        start = self.position + (-self.position % _ALIGN)
        self.position = start + count * kind.itemsize
        if min(shape, default=0) < 0 or self.position > len(self.view):
            raise CheckpointError("data is cut short")
        array = np.frombuffer(self.view[start : self.position], kind).reshape(shape)
        return array.copy() if self.writable else array


def _pack(tree: Any, arrays: list[np.ndarray[Any, Any]], path: str) -> Any:
    if tree is None or isinstance(tree, bool | str) or type(tree) in (int, float):
        return tree
    if isinstance(tree, np.ndarray):
        if tree.dtype.kind not in _KINDS:
            raise QDError(f"{path}: an array of dtype {tree.dtype} is not plain data; use numbers, or a Ragged batch")
        array = np.ascontiguousarray(tree)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        arrays.append(array.reshape(-1).view(np.uint8) if array.size else array.reshape(-1))
        return {"$array": [array.dtype.str, list(tree.shape)]}
    if isinstance(tree, np.generic):
        return _pack(tree.item(), arrays, path)
    if isinstance(tree, bytes | bytearray):
        arrays.append(np.frombuffer(tree, np.uint8))
        return {"$bytes": len(tree)}
    if isinstance(tree, dict):
        if all(isinstance(key, str) and not key.startswith("$") for key in tree):
            return {key: _pack(value, arrays, f"{path}.{key}") for key, value in tree.items()}
        pairs = [[_pack(k, arrays, path), _pack(v, arrays, f"{path}[{k!r}]")] for k, v in tree.items()]
        return {"$dict": pairs}
    if isinstance(tree, list):
        return [_pack(value, arrays, f"{path}[{i}]") for i, value in enumerate(tree)]
    if isinstance(tree, tuple):
        return {"$tuple": [_pack(value, arrays, f"{path}[{i}]") for i, value in enumerate(tree)]}
    for cls in type(tree).__mro__:
        key = f"{cls.__module__}:{cls.__qualname__}"
        if cls.__module__.startswith("ribs."):
            import_module("qd.interop.ribs")
        if key in _by_class:
            name, entry = _by_class[key]
            return {"$object": name, "state": _pack(entry.dump(tree), arrays, path)}
    raise QDError(
        f"{path}: {type(tree).__module__}.{type(tree).__qualname__} is not plain data (dict, list, scalar, array) "
        "and has no registered pair of functions; see qd.codec.register"
    )


def _unpack(node: Any, reader: _Reader) -> Any:
    if isinstance(node, list):
        return [_unpack(value, reader) for value in node]
    if not isinstance(node, dict):
        return node
    if "$array" in node:
        return reader.take(*node["$array"])
    if "$bytes" in node:
        return reader.take("|u1", [node["$bytes"]]).tobytes()
    if "$tuple" in node:
        return tuple(_unpack(value, reader) for value in node["$tuple"])
    if "$dict" in node:
        return {_unpack(key, reader): _unpack(value, reader) for key, value in node["$dict"]}
    if "$object" in node:
        name = node["$object"]
        if name not in _by_name and name in _LAZY:
            import_module(_LAZY[name])
        if name not in _by_name:
            raise CheckpointError(f"data holds an object {name!r} that nothing here registers; it is not loaded")
        return _by_name[name].load(_unpack(node["state"], reader))
    return {key: _unpack(value, reader) for key, value in node.items()}
