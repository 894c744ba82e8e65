"""What a comparison needs of a run: its settings, its seed, and the numbers of its metrics.csv. Nothing is executed."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from qd.errors import QDError, nearest
from qd.statistics.scores import Array
from qd.store.files import FORMAT, RunFolder, read_json

REFERENCE = "reference:"  # what a run is called that ships as a curve
SWEEP = "sweep.json"


@dataclass(frozen=True)
class Course:
    """The course of one run.

    Args:
        name: its folder, or the name of the reference that it belongs to.
        settings: as ``config.json`` has them.
        columns: name -> (g,) numbers, a row a generation; all numeric columns of ``metrics.csv``.
        finished: whether the run came to its end.
        reference: the reference's name; empty for a run in a folder.
        digest: of what it did, where it is known.
        surroundings: versions, machine and git commit that it was made with.
    """

    name: str
    settings: dict[str, Any]
    columns: dict[str, Array]
    finished: bool = True
    reference: str = ""
    digest: str = ""
    surroundings: dict[str, Any] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """The run's seed."""
        return int(self.settings.get("seed", 0))

    @property
    def experiment(self) -> str:
        """The experiment's name, else that of its algorithm."""
        return str(self.settings.get("name") or class_name(self.settings.get("algorithm")))

    def column(self, name: str) -> Array:
        """One column. Raises QDError with the nearest name."""
        if name not in self.columns:
            raise QDError(f"{self.name}: its metrics have no column {name!r}, {nearest(name, self.columns)}")
        return self.columns[name]


def class_name(described: Any) -> str:
    """The class of a described object, without its module."""
    path = described.get("class", "?") if isinstance(described, dict) else str(described)
    return str(path).rpartition(":")[2]


def read_courses(names: Sequence[str | Path]) -> list[Course]:
    """The courses of runs, of folders of runs (such as a sweep's) and of references (``reference:NAME``).

    Raises:
        QDError: a name leads to no run.
    """
    from qd.comparison.references import read_reference

    found: list[Course] = []
    for name in names:
        if str(name).startswith(REFERENCE):
            found += read_reference(str(name).removeprefix(REFERENCE))
        else:
            found += [read_course(folder) for folder in _runs_in(Path(name))]
    return found


def _is_comparison(path: Path) -> bool:
    """Whether a folder holds what an earlier comparison wrote, as `runs/*` may name it too."""
    return (path / "table.csv").is_file() and (path / "table.tex").is_file()


def _runs_in(path: Path) -> list[Path]:
    """A run's folder itself, or the runs in it."""
    if (path / "config.json").is_file():
        return [path]
    if not path.exists():
        raise QDError(f"{path}: there is no such folder; give the folder of a run, or one that holds runs")
    inside = sorted(folder.parent for folder in path.glob("*/config.json"))
    planned = path / SWEEP
    if planned.is_file() and (tree := read_json(planned)).get("runs"):  # in the order in which they were planned
        order = {str(run.get("folder")): number for number, run in enumerate(tree["runs"])}
        inside.sort(key=lambda folder: order.get(folder.name, len(order)))
    if not inside and not _is_comparison(path):
        raise QDError(f"{path}: neither the folder of a run (no config.json) nor one that holds runs")
    return inside


def read_course(path: str | Path) -> Course:
    """The course of the run in a folder, also while it is going: a row that is half written is left out."""
    folder = RunFolder(path)
    folder.check()
    config = read_json(folder.config)
    if not isinstance(config, dict) or config.get("format") != FORMAT or not isinstance(config.get("settings"), dict):
        raise QDError(f"{folder.config}: is not of a run of this program's format {FORMAT}")
    summary = read_json(folder.summary) if folder.summary.exists() else {}
    return Course(
        name=str(path),
        settings=config["settings"],
        columns=_columns(folder.metrics),
        finished=bool(summary.get("finished")),
        digest=str(summary.get("digest", "")),
        surroundings={name: config.get(name) for name in ("versions", "machine", "git_commit")},
    )


def _columns(path: Path) -> dict[str, Array]:
    import pandas as pd

    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise QDError(f"{path}: cannot be read: {error.strerror or error}") from error
    whole = text[: text.rfind("\n") + 1]
    if not whole:
        return {}
    try:
        frame = pd.read_csv(io.StringIO(whole))
    except ValueError as error:
        raise QDError(f"{path}: is damaged: {error}") from error
    return {
        str(name): np.asarray(column, np.float64)
        for name, column in frame.items()
        if len(frame) and pd.api.types.is_numeric_dtype(column)
    }


def flattened(tree: Any, path: str = "") -> dict[str, str]:
    """Described settings as dotted name -> value in words; a class is the value of the name that holds it."""
    if isinstance(tree, dict):
        found: dict[str, str] = {}
        for key, item in tree.items():
            name = f"{path}.{key}".lstrip(".")
            if key == "class":
                found[path] = class_name(tree)
            else:
                found.update(flattened(item, name))
        return found
    if isinstance(tree, list) and any(isinstance(item, dict | list) for item in tree):
        return {
            name: value
            for number, item in enumerate(tree)
            for name, value in flattened(item, f"{path}.{number}").items()
        }
    return {path: tree if isinstance(tree, str) else json.dumps(tree)}
