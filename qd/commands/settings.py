"""The settings of an experiment by dotted name: listed, and overridden from the command line.

The names and types are those of the dataclasses that the experiment holds, found from its own objects: so
``--algorithm.sigma`` exists where the file's algorithm has a ``sigma``. This is a walk over dataclass fields and
not a call of tyro, because what is given must be told in one line of our own (field, value, wanted), objects that
have no text form must stay as they are, and a start pays for nothing that it does not use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from qd.commands.values import hint_of, in_words, is_sequence, parse
from qd.errors import QDError, nearest
from qd.experiment import Experiment

ALIASES = {"evaluations": "budget", "evaluator": "evaluator.kind"}


@dataclass(frozen=True)
class Setting:
    """One field that can be given.

    Args:
        name: dotted, from the experiment.
        owner: the class that has the field.
        hint: its type, as ``qd.commands.values`` reads it.
        value: what the file set it to.
    """

    name: str
    owner: type
    hint: Any
    value: Any

    @property
    def leaf(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class Override:
    """One setting as given.

    Args:
        flag: as typed, e.g. ``--evaluations 100``.
        name: dotted, from the experiment.
        text: what stands for the value in ``config.json``.
        value: the value.
    """

    flag: str
    name: str
    text: str
    value: Any

    @property
    def record(self) -> str:
        """For ``config.json``; ``recorded`` reads it back."""
        return f"{self.name}={self.text}"


@dataclass
class Table:
    """All fields of an experiment: those that can be given, and those that stay as the file has them."""

    settings: dict[str, Setting] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)  # name -> what it holds

    @classmethod
    def of(cls, experiment: Experiment) -> Table:
        """The table of one experiment."""
        table = cls()
        table._walk(experiment, "")
        return table

    def _walk(self, owner: Any, prefix: str) -> None:
        for entry in fields(owner):
            if not entry.init:
                continue
            name, value = f"{prefix}{entry.name}", getattr(owner, entry.name)
            children = list(_children(name, value))
            for child, item in children:
                self._walk(item, f"{child}.")
            if children:
                continue
            hint = hint_of(type(owner), entry, value)
            if hint is None:
                self.fixed[name] = type(value).__name__
            else:
                self.settings[name] = Setting(name, type(owner), hint, value)

    def find(self, typed: str) -> Setting:
        """The setting that a flag means. Raises QDError with the nearest name."""
        name = typed.replace("-", "_")
        name = ALIASES.get(name, name)
        if name in self.settings:
            return self.settings[name]
        for fixed, kind in self.fixed.items():
            if name == fixed or name.startswith(f"{fixed}."):
                raise QDError(f"--{typed}: {fixed} is a {kind} made in the file, so it is changed there")
        if any(known.startswith(f"{name}.") for known in self.settings):
            inside = [known for known in self.settings if known.startswith(f"{name}.")]
            raise QDError(f"--{typed}: give one of its fields: {', '.join(f'--{known}' for known in inside)}")
        raise QDError(f"--{typed}: no such setting, {self._hint(name)}")

    def _hint(self, name: str) -> str:
        """The nearest: a field of this name elsewhere, one of the same object, or any."""
        prefix, _, leaf = name.rpartition(".")
        same = [known for known, setting in self.settings.items() if setting.leaf == leaf]
        if same:
            return f"did you mean {same[0]!r}?"
        beside = [known for known in self.settings if prefix and known.rpartition(".")[0] == prefix]
        return (
            nearest(leaf, [known.rpartition(".")[2] for known in beside])
            if beside
            else nearest(name, [*self.settings, *ALIASES])
        )


def _children(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The dataclasses that a field holds, with their names: itself, or the items of a list by number."""
    if is_dataclass(value) and not isinstance(value, type):
        yield name, value
    elif isinstance(value, list | tuple) and value and all(is_dataclass(item) for item in value):
        for number, item in enumerate(value):
            yield f"{name}.{number}", item


def read_flags(words: Sequence[str], table: Table) -> list[Override]:
    """The overrides that words like ``--algorithm.sigma 0.1`` or ``--algorithm.sigma=0.1`` say."""
    given: list[Override] = []
    i = 0
    while i < len(words):
        word = words[i]
        if not word.startswith("--") or word == "--":
            raise QDError(f"{word!r}: not understood; settings are given as --NAME VALUE")
        typed, equals, value = word[2:].partition("=")
        setting = table.find(typed)
        i += 1
        values = [value] if equals else []
        while not equals and i < len(words) and not words[i].startswith("--"):
            values.append(words[i])
            i += 1
        given.append(_override(typed, setting, values))
    return given


def _override(typed: str, setting: Setting, values: list[str]) -> Override:
    # the only field of two kinds that people give in both: --evaluations wants a number, not a cost
    hint = int if typed == "evaluations" else setting.hint
    if not values and hint is bool:
        values = ["true"]
    if not values:
        raise QDError(f"--{typed}: wants a value: {in_words(hint)}")
    if len(values) > 1 and not is_sequence(hint):
        raise QDError(f"--{typed}: got {len(values)} values ({' '.join(values)}), wanted {in_words(hint)}")
    text = values[0] if len(values) == 1 else json.dumps(values)
    try:
        value = parse(text, hint)
    except ValueError as error:
        raise QDError(f"--{typed}: got {' '.join(values)!r}, wanted {error or in_words(hint)}") from None
    return Override(f"--{typed} {' '.join(values)}", setting.name, text, value)


def recorded(records: Sequence[str], table: Table) -> list[Override]:
    """The overrides that ``config.json`` holds."""
    given = []
    for record in records:
        name, _, text = str(record).partition("=")
        given.append(_override(name, table.find(name), [text]))
    return given


def overridden(experiment: Experiment, overrides: Sequence[Override]) -> Experiment:
    """The experiment with its settings replaced, each object being made anew so that it checks itself.

    Raises:
        QDError: an object refuses its settings; the message begins with the flags that it was given.
    """
    tree: dict[str, Any] = {}
    for override in overrides:
        *path, leaf = override.name.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[leaf] = override
    changed: Experiment = _replaced(experiment, tree)
    return changed


def _replaced(owner: Any, tree: Mapping[str, Any]) -> Any:
    if not tree:
        return owner
    if isinstance(owner, list | tuple):
        items = [_replaced(item, tree.get(str(number), {})) for number, item in enumerate(owner)]
        return items if isinstance(owner, list) else tuple(items)
    changes, flags = {}, []
    for name, node in tree.items():
        if isinstance(node, Override):
            changes[name] = node.value
            flags.append(node.flag)
        else:
            changes[name] = _replaced(getattr(owner, name), node)
    try:
        return replace(owner, **changes)
    except Exception as error:
        reason = str(error) if isinstance(error, QDError) else f"{type(error).__name__}: {error}"
        raise QDError(f"{' '.join(flags)}: {reason}" if flags else reason) from error


def listed(experiment: Experiment) -> str:
    """All settings with their types, values and sentences, as text."""
    from qd.commands.sentences import sentences

    table = Table.of(experiment)
    lines = []
    for setting in table.settings.values():
        lines.append(f"  --{setting.name} {in_words(setting.hint)}  [{_shown(setting.value)}]")
        if sentence := sentences(setting.owner).get(setting.leaf):
            lines.append(f"        {sentence}")
    if table.fixed:
        lines += ["", "Made in the file, and changed there:"]
        lines += [f"  {name} ({kind})" for name, kind in table.fixed.items()]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str) if not isinstance(value, str) else value or "''"
    return text if len(text) <= 60 else f"{text[:57]}..."
