"""pyribs' schedulers, emitters and archives as plain data and back, to the bit, without pickle.

Their objects are walked by attributes. Only classes of a closed list are read or written: those that pyribs publishes,
the few they are made of, and what ``allow`` adds. Restoring makes an empty object of a listed class and sets its
attributes: no constructor runs, and a name in the data can only choose from the list. Kept as they were: types of
numbers, arrays' dtype, memory order and write protection, and which attributes are one and the same object. Left out:
the state of generators, since ``address`` replaces every one of them before each call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from qd.codec import is_registered
from qd.errors import CheckpointError, QDError
from qd.rng import generator

_PUBLIC = (
    "ribs.archives",
    "ribs.emitters",
    "ribs.emitters.operators",
    "ribs.emitters.opt",
    "ribs.emitters.rankers",
    "ribs.schedulers",
)
_PARTS = {  # what published objects are made of
    "ribs.archives._sliding_boundaries_archive": ("SolutionBuffer",),
    "ribs.emitters.opt._cma_es": ("DecompMatrix",),
    "ribs.emitters.opt._sep_cma_es": ("DiagonalMatrix",),
}
_MODULES = ("array_api_compat.numpy", "numpy")  # an ArrayStore keeps the library that its arrays are of
_KINDS = "biufcSU"  # of arrays: numbers and text
_LEAVES = (type(None), bool, int, float, str, np.float64, np.int64, type)  # nothing is below them

_allowed: dict[str, type] = {}


def _name(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def allow(cls: type) -> type:
    """Let objects of a class be stored by their attributes: for emitters, rankers and evolution strategies of your own.

    Its attributes must be plain data or objects that can be stored themselves. Call it where the class is defined, so
    that it has been called when a run is resumed; it is a class decorator too.
    """
    _allowed[_name(cls)] = cls
    return cls


def _allow_published() -> None:
    for module_name in _PUBLIC:
        module = import_module(module_name)
        for name in module.__all__:
            if isinstance(getattr(module, name), type):
                allow(getattr(module, name))
    for module_name, names in _PARTS.items():
        for name in names:
            allow(getattr(import_module(module_name), name))


_allow_published()


# ---------------------------------------------------------------- generators


def address(root: Any, seed: int, stream: str, number: int) -> None:
    """Replace every generator below an object by the one at the address (seed, stream and its path, number)."""
    for owner, name, path in _generators(root, stream, set()):
        setattr(owner, name, generator(seed, path, number))


def _generators(value: Any, path: str, seen: set[int]) -> Iterator[tuple[Any, str, str]]:
    """(owner, attribute, path) of each generator; the path is that of the first way to it."""
    kind = type(value)
    if kind in _LEAVES or id(value) in seen or (kind is np.ndarray and value.dtype != object):
        return
    seen.add(id(value))
    children: Iterable[tuple[str, Any]]
    if kind is dict:
        children = [(str(key), item) for key, item in value.items()]
    elif kind in (list, tuple, np.ndarray):
        children = [(str(i), item) for i, item in enumerate(value)]
    elif kind in _allowed.values():
        children = list(vars(value).items())
    elif is_registered(value):  # one of our archives: its own generator, no deeper
        children = [item for item in vars(value).items() if isinstance(item[1], np.random.Generator)]
    else:
        return
    for name, item in children:
        if type(item) in _LEAVES:
            continue
        if isinstance(item, np.random.Generator):
            yield value, name, f"{path}.{name}"
        else:
            yield from _generators(item, f"{path}.{name}", seen)


# ---------------------------------------------------------------- to plain data


def dump(root: Any) -> dict[str, Any]:
    """An object as plain data. Raises QDError, naming the attribute, for what cannot be stored."""
    return {"root": _Writer().node(root, "")}


class _Writer:
    """Numbers objects in the order in which they are met; one met before is a reference to its number."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.kept: list[Any] = []  # alive while their ids are in use

    def node(self, value: Any, path: str, owner: Any = None) -> Any:
        """The node of a value; ``owner`` is the object that has it as an attribute."""
        if value is None or type(value) in (bool, int, float, str):
            return value
        if id(value) in self.numbers:
            return {"kind": "same", "number": self.numbers[id(value)]}
        self.numbers[id(value)] = len(self.kept)
        self.kept.append(value)
        if _name(type(value)) == "scipy.spatial._kdtree:KDTree":
            settings = dict(getattr(owner, "_kdtree_kwargs", None) or {})
            return {"kind": "tree", "points": np.asarray(value.data), "settings": self.node(settings, path)}
        return self._node(value, path)

    def _items(self, values: Any, path: str) -> list[Any]:
        return [self.node(value, f"{path}[{i}]") for i, value in enumerate(values)]

    def _node(self, value: Any, path: str) -> dict[str, Any]:
        if isinstance(value, np.ndarray) and type(value) is np.ndarray:
            return self._array(value, path)
        if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
            return {"kind": "number", "value": np.asarray(value)}
        for kind in (list, tuple, deque):
            if type(value) is kind:
                return {"kind": kind.__name__, "items": self._items(value, path)}
        if type(value) is dict:
            return {"kind": "dict", "items": [[self.node(k, path), self.node(v, f"{path}[{k!r}]")]
                                              for k, v in value.items()]}  # fmt: skip
        if isinstance(value, np.random.Generator):
            return {"kind": "generator"}
        if isinstance(value, np.dtype) and value.kind in _KINDS:
            return {"kind": "dtype", "name": value.str}
        if isinstance(value, type) and issubclass(value, np.generic):
            return {"kind": "type", "name": np.dtype(value).str}
        if isinstance(value, ModuleType) and value.__name__ in _MODULES:
            return {"kind": "module", "name": value.__name__}
        return self._object(value, path)

    def _array(self, array: np.ndarray[Any, Any], path: str) -> dict[str, Any]:
        if array.dtype == object:
            return {"kind": "objects", "shape": list(array.shape), "items": self._items(array.ravel().tolist(), path)}
        if array.dtype.kind not in _KINDS:
            raise QDError(f"{_place(path)}: an array of dtype {array.dtype} cannot be stored")
        # sums and products round by the order in memory: keep it
        order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
        return {"kind": "array", "value": array.transpose(order), "order": order,
                "writable": bool(array.flags.writeable)}  # fmt: skip

    def _object(self, value: Any, path: str) -> dict[str, Any]:
        name = _name(type(value))
        if name == "sortedcontainers.sortedlist:SortedList":
            return {"kind": "sorted", "items": self._items(list(value), path)}
        if name == "ribs.archives._array_store:ArrayStore":
            return self._store(value, path)
        if name in _allowed:
            if name == "ribs.archives._density_archive:DensityArchive":
                value._buffer[value._n_occupied :] = 0  # never written: whatever the memory held
            state = {key: self.node(item, f"{path}.{key}", value) for key, item in vars(value).items()}
            return {"kind": "object", "class": name, "state": state}
        if is_registered(value):
            return {"kind": "registered", "value": value}
        raise QDError(
            f"{_place(path)}: {type(value).__module__}.{type(value).__qualname__} cannot be stored, so a run with it "
            "could not be resumed. Objects that pyribs publishes can be, unless they hold one of another library "
            "(torch, scikit-learn, pycma) or a function. For a class of your own see qd.interop.ribs_objects.allow"
        )

    def _store(self, store: Any, path: str) -> dict[str, Any]:
        """An ArrayStore by its occupied rows: the rest was never written."""
        props = store._props
        order = np.array(props["occupied_list"][: props["n_occupied"]])
        return {
            "kind": "store",
            "xp": self.node(store._xp, f"{path}._xp"),
            "device": self.node(store._device, f"{path}._device"),
            "capacity": int(props["capacity"]),
            "updates": list(props["updates"]),
            "rows": order,
            "fields": [
                [name, self.node(column[order], f"{path}[{name!r}]"), list(column.shape[1:]), column.dtype.str]
                for name, column in store._fields.items()
            ],
        }


def _place(path: str) -> str:
    return f"pyribs' scheduler{path}" if path else "pyribs' scheduler"


# ---------------------------------------------------------------- and back


def load(tree: dict[str, Any]) -> Any:
    """The object that ``dump`` made plain data of. Raises CheckpointError for a class that is not on the list."""
    return _Reader().value(tree["root"])


class _Reader:
    """Makes objects in the order in which they were numbered, each before what it holds, since that may hold it."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def value(self, node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        kind = node["kind"]
        if kind == "same":
            return self.made[node["number"]]
        number = len(self.made)
        self.made.append(None)
        made = getattr(self, f"_{kind}")(node, number)
        self.made[number] = made
        return made

    def _list(self, node: Any, number: int) -> Any:
        made: list[Any] = []
        self.made[number] = made
        made.extend(self.value(item) for item in node["items"])
        return made

    def _deque(self, node: Any, number: int) -> Any:
        return deque(self.value(item) for item in node["items"])

    def _sorted(self, node: Any, number: int) -> Any:
        from sortedcontainers import SortedList

        return SortedList(self.value(item) for item in node["items"])

    def _tuple(self, node: Any, number: int) -> Any:
        return tuple(self.value(item) for item in node["items"])

    def _dict(self, node: Any, number: int) -> Any:
        made: dict[Any, Any] = {}
        self.made[number] = made
        for key, item in node["items"]:
            key = self.value(key)
            made[key] = self.value(item)
        return made

    def _number(self, node: Any, number: int) -> Any:
        return node["value"][()]

    def _array(self, node: Any, number: int) -> Any:
        array = np.array(node["value"], order="C").transpose(np.argsort(node["order"]).tolist())
        array.flags.writeable = node["writable"]
        return array

    def _objects(self, node: Any, number: int) -> Any:
        made = np.empty(len(node["items"]), object)
        for i, item in enumerate(node["items"]):
            made[i] = self.value(item)
        return made.reshape(node["shape"])

    def _generator(self, node: Any, number: int) -> Any:
        return generator(0, "ribs")  # address() puts another in its place before it is used

    def _dtype(self, node: Any, number: int) -> Any:
        return _plain_dtype(node["name"])

    def _type(self, node: Any, number: int) -> Any:
        return _plain_dtype(node["name"]).type

    def _module(self, node: Any, number: int) -> Any:
        if node["name"] not in _MODULES:
            raise CheckpointError(f"data names the module {node['name']!r}; only {', '.join(_MODULES)} are known")
        return import_module(node["name"])

    def _registered(self, node: Any, number: int) -> Any:
        return node["value"]

    def _tree(self, node: Any, number: int) -> Any:
        from scipy.spatial import KDTree

        return KDTree(node["points"], **self.value(node["settings"]))

    def _object(self, node: Any, number: int) -> Any:
        cls = _allowed.get(node["class"])
        if cls is None:
            raise CheckpointError(f"data holds a {node['class']!r}, which is not on the list of classes that are read; "
                                  "was qd.interop.ribs_objects.allow called for it?")  # fmt: skip
        made: Any = object.__new__(cls)
        self.made[number] = made
        for key, item in node["state"].items():
            vars(made)[key] = self.value(item)
        return made

    def _store(self, node: Any, number: int) -> Any:
        from ribs.archives import ArrayStore

        made: Any = object.__new__(ArrayStore)
        made._xp, made._device = self.value(node["xp"]), self.value(node["device"])
        capacity, rows = node["capacity"], node["rows"]
        occupied, order = np.zeros(capacity, bool), np.empty(capacity, np.int32)
        occupied[rows], order[: len(rows)] = True, rows
        made._props = {
            "capacity": capacity,
            "occupied": occupied,
            "n_occupied": len(rows),
            "occupied_list": order,
            "updates": list(node["updates"]),
        }
        made._fields = {}
        for name, filled, shape, dtype in node["fields"]:
            column = np.empty((capacity, *shape), object if dtype == "|O" else _plain_dtype(dtype))
            column[rows] = self.value(filled)
            made._fields[name] = column
        return made


def _plain_dtype(name: str) -> np.dtype[Any]:
    dtype = np.dtype(name)
    if dtype.kind not in _KINDS:
        raise CheckpointError(f"dtype {name!r} is refused: only plain numbers and text are read")
    return dtype
