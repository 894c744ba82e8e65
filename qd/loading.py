"""``qd.load``: a run from its folder, with its experiment where that can be had again.

The experiment is what was run with ``qd run FILE``: the file is executed, as ``qd resume`` does. Of a run that
Python started the folder has no file; where problem and search are parts of qd with plain settings they are made anew
from ``config.json``, which executes nothing but their own constructors. Otherwise hand the experiment in.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass, replace
from importlib import import_module
from inspect import isfunction
from pathlib import Path
from typing import Any

from qd.commands.settings import Override, Table, overridden, recorded
from qd.commands.values import hint_of
from qd.errors import QDError
from qd.experiment import Experiment
from qd.experiment_file import load_recorded
from qd.result import Result
from qd.store.files import RunFolder, read_json
from qd.store.settings import described

log = logging.getLogger("qd")


def load(path: str | Path, experiment: Experiment | None = None, *, execute: bool = True) -> Result:
    """A run from its folder: finished, stopped or still going (``Result.state``).

    >>> import qd, tempfile
    >>> folder = tempfile.mkdtemp() + "/arm"
    >>> arm = qd.Experiment(qd.problems.PlanarArm(), qd.algorithms.MapElites(batch_size=100), 500, seed=3)
    >>> _ = qd.run(arm, folder)
    >>> result = qd.load(folder)
    >>> result.state, result.problem.name, len(result.elites) == len(result.archive)
    ('finished', 'PlanarArm', True)

    Args:
        path: the run's folder.
        experiment: what was run, where you have it; then nothing is looked for.
        execute: False reads arrays and texts alone: no experiment, so no policies and no pictures of solutions.

    Raises:
        QDError: the folder holds no run, or one of a newer format.
    """
    if experiment is None and execute:
        RunFolder(path).check()
        try:
            experiment = experiment_of(path)
        except QDError as error:
            log.warning("%s: loaded without its experiment: %s; where you have it, hand it in: "
                        "qd.load(folder, experiment)", path, error)  # fmt: skip
    return Result.load(path, experiment)


def experiment_of(path: str | Path) -> Experiment:
    """The experiment of a run's folder, with the settings that it was run with.

    Raises:
        QDError: it cannot be had again, and why.
    """
    config = read_json(RunFolder(path).config)
    if (config.get("source") or {}).get("file") is not None:
        experiment, _, overrides = started_from(path)
        experiment = overridden(experiment, overrides)
        budget = (config.get("settings") or {}).get("budget")  # it may have been raised since
        return replace(experiment, budget=budget) if budget is not None else experiment
    return rebuilt(config.get("settings") or {})


def started_from(path: str | Path) -> tuple[Experiment, Table, list[Override]]:
    """The experiment that a run of the qd command was started from, its settings, and what the command line changed.

    Raises:
        QDError: as ``load_recorded``; or a change that is recorded no longer fits the file.
    """
    experiment, _, records = load_recorded(path)
    table = Table.of(experiment)
    return experiment, table, recorded(records, table)


def rebuilt(settings: Mapping[str, Any]) -> Experiment:
    """An experiment of qd's own parts from the settings in ``config.json``.

    Raises:
        QDError: a part is not qd's, or holds what has no plain form (a function, an array, an object).
    """
    try:
        made = _made(settings, "experiment")
    except QDError:
        raise
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise QDError(f"its settings make no experiment here: {error}") from error
    if not isinstance(made, Experiment) or described(made) != described_as(settings):
        raise QDError("its settings do not come back as they were")
    return made


def described_as(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with the fields that came into the class since the run, at their defaults."""
    cls = _class_of(str(settings.get("class")), "experiment")
    known = {f.name for f in fields(cls)}
    late = {f.name: described(getattr(cls, f.name)) for f in fields(cls)
            if f.name in known - settings.keys() and hasattr(cls, f.name)}  # fmt: skip
    return {**settings, **late}


def _made(node: Any, name: str) -> Any:
    """The value that ``described`` gave this node for."""
    if isinstance(node, list):
        return tuple(_made(item, name) for item in node)
    if not isinstance(node, dict):
        return node
    if "class" not in node:
        return {key: _made(value, f"{name}.{key}") for key, value in node.items()}
    cls = _class_of(str(node["class"]), name)
    given: dict[str, Any] = {}
    for entry in fields(cls):
        if not entry.init or entry.name not in node:
            continue
        value, place = node[entry.name], f"{name}.{entry.name}"
        given[entry.name] = _text(cls, entry, value, place) if isinstance(value, str) else _made(value, place)
    return cls(**given)


def _text(cls: type, entry: Field[Any], value: str, place: str) -> Any:
    """What a text in the settings stood for: itself, a function of qd, or a number that JSON does not have."""
    hint = hint_of(cls, entry, value)
    if re.fullmatch(r"[A-Za-z_][\w.]*:[\w.<>]+", value) and hint is not str:
        module, _, function = value.partition(":")
        found = getattr(import_module(module), function, None) if module.partition(".")[0] == "qd" else None
        if isfunction(found):
            return found
        raise QDError(f"its {place} is {value!r}, which is no function of qd")
    if value in ("inf", "-inf", "nan") and hint is not str:
        return float(value)
    if hint is None:
        raise QDError(f"its {place} is {value!r}, which has no plain form")
    return value


def _class_of(path: str, name: str) -> Any:
    module, _, qualified = path.partition(":")
    if not qualified or module.partition(".")[0] != "qd":
        raise QDError(f"its {name} is {path!r}, which is not a part of qd")
    found = getattr(import_module(module), qualified, None)
    if not (isinstance(found, type) and is_dataclass(found)):
        raise QDError(f"its {name} is {path!r}, which this version of qd does not have")
    return found


__all__ = ["experiment_of", "load", "rebuilt", "started_from"]
