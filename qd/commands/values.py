"""Values from text by type hint: numbers, words, choices, paths, lists, mappings, and unions of these."""

from __future__ import annotations

import inspect
import json
import sys
import types
import typing
from collections import abc
from collections.abc import Mapping
from dataclasses import Field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

_SCALARS = (bool, int, float, str)
_SEQUENCES = (tuple, list, abc.Sequence)
_MAPPINGS = (dict, abc.Mapping)
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_NONE = ("none", "null")


def hint_of(owner: type, entry: Field[Any], value: Any) -> Any:
    """The type to read a field's text by, or None where no text can say its value.

    Where the annotation does not tell (``Any``, an array or a number), the file's own value does.
    """
    return _readable(_annotation(owner, entry), value)


def _annotation(owner: type, entry: Field[Any]) -> Any:
    if not isinstance(entry.type, str):
        return entry.type
    for cls in owner.__mro__:  # the text means what it does where the class was written
        if entry.name in inspect.get_annotations(cls):
            module = sys.modules.get(cls.__module__)
            try:
                return eval(entry.type, dict(vars(module)) if module else {}, dict(vars(cls)))
            except Exception:  # a name that only type checkers import
                return Any
    return Any


def _readable(hint: Any, value: Any) -> Any:
    """The part of a hint that text can say; None for nothing."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _readable(args[0], value)
    if origin in (Union, types.UnionType):
        members = [member for member in args if member is not type(None)]
        readable = [found for member in members if (found := _readable(member, _NOTHING)) is not None]
        others = [m for m in members if _readable(m, _NOTHING) is None and not _is_callable(m)]
        if others:  # such as ArrayLike
            return _by_value(value)
        if not readable:
            return None
        return Union[(*readable, *([type(None)] if type(None) in args else []))]
    if hint in (Any, object) or isinstance(hint, typing.TypeVar):
        return _by_value(value)
    if hint in _SCALARS or origin is Literal or hint is Path:
        return hint
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if origin in _SEQUENCES:
        items = [arg for arg in args if arg is not Ellipsis]
        return hint if items and all(_readable(item, _NOTHING) is not None for item in items) else None
    if origin in _MAPPINGS:
        return hint if args[0] is str and _readable(args[1], _NOTHING) is not None else None
    return None


_NOTHING = object()


def _by_value(value: Any) -> Any:
    return type(value) if type(value) in _SCALARS else None


def _is_callable(hint: Any) -> bool:
    return get_origin(hint) is abc.Callable or hint in (abc.Callable, typing.Callable)


def is_sequence(hint: Any) -> bool:
    """Whether several words may follow the flag."""
    return any(get_origin(member) in _SEQUENCES for member in (_members(hint) or [hint]))


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else ()


def parse(raw: Any, hint: Any) -> Any:
    """The value that a text, or an item of a JSON text, stands for.

    Raises:
        ValueError: it does not; the message is what was wanted.
    """
    if members := _members(hint):
        # text that says a number is not taken as a word, and a JSON text not as one either
        for member in sorted(members, key=lambda member: member is str):
            try:
                return parse(raw, member)
            except ValueError:
                continue
        raise ValueError(in_words(hint))
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        for choice in args:
            if raw == choice or raw == str(choice):
                return choice
    elif hint is type(None):
        if raw is None or (isinstance(raw, str) and raw.lower() in _NONE):
            return None
    elif hint is str:
        if isinstance(raw, str):
            return raw
    elif hint is Path:
        if isinstance(raw, str):
            return Path(raw)
    elif hint is bool:
        word = str(raw).lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    elif hint is int or hint is float:
        return _number(raw, hint)
    elif isinstance(hint, type) and issubclass(hint, Enum):
        for choice in hint:
            if raw in (choice.name, choice.value) or raw == str(choice.value):
                return choice
    elif origin in _SEQUENCES:
        return _sequence(raw, origin, args)
    elif origin in _MAPPINGS:
        tree = _from_json(raw)
        if isinstance(tree, Mapping):
            return {key: parse(item, args[1]) for key, item in tree.items()}
    raise ValueError(in_words(hint))


def _number(raw: Any, kind: type) -> Any:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError(in_words(kind))
    try:
        if kind is float:
            return float(raw)
        if isinstance(raw, str):
            try:
                return int(raw)
            except ValueError:
                pass
        number = float(raw)  # 1e6 is a whole number too
    except ValueError:
        raise ValueError(in_words(kind)) from None
    if not number.is_integer():
        raise ValueError(in_words(kind))
    return int(number)


def _sequence(raw: Any, origin: Any, args: tuple[Any, ...]) -> Any:
    items = _from_json(raw)
    if isinstance(items, str):
        items = [item.strip() for item in items.split(",") if item.strip()]
    elif isinstance(items, int | float):
        items = [items]
    fixed = origin is tuple and Ellipsis not in args
    if not isinstance(items, list) or (fixed and len(items) != len(args)):
        wanted: Any = origin[args]
        raise ValueError(in_words(wanted))
    hints = args if fixed else [args[0]] * len(items)
    values = [parse(item, hint) for item, hint in zip(items, hints, strict=True)]
    return values if origin is list else tuple(values)


def _from_json(raw: Any) -> Any:
    if not isinstance(raw, str):
        return raw
    try:
        return json.loads(raw)
    except ValueError:
        return raw


def in_words(hint: Any) -> str:
    """What a type wants, for messages and the list of settings."""
    if members := _members(hint):
        return " or ".join(in_words(member) for member in members)
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "|".join(str(choice) for choice in args)
    if origin in _SEQUENCES:
        if origin is tuple and Ellipsis not in args:
            return ",".join(in_words(item) for item in args)
        return f"{in_words(args[0])},..."
    if origin in _MAPPINGS:
        return f"'{{\"name\": {in_words(args[1])}}}'"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "|".join(choice.name for choice in hint)
    names = {bool: "true|false", int: "a whole number", float: "a number", str: "text", Path: "a path"}
    return "none" if hint is type(None) else names.get(hint, str(hint))
