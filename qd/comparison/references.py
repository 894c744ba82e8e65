"""Reference curves: thinned metrics of published runs in small files that ship, so that nobody needs to run them again.

A file is JSON: the settings of the runs, how and where they were made, and a few columns of each run at about a hundred
of its generations. ``qd compare RUN --with reference:NAME`` reads it, ``qd sweep FILE --reference FILE`` writes one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from qd.comparison.courses import REFERENCE, Course
from qd.errors import QDError, nearest
from qd.store.files import write_atomic

FORMAT = 1
POINTS = 100
_DIGITS = 7
_LEFT_OUT = ("generation", "seconds", "bytes_sent", "bytes_received", "failed")


def references() -> dict[str, Path]:
    """Name -> file of the reference curves that ship."""
    folder = Path(__file__).resolve().parent.parent / "_references"
    return {file.stem: file for file in sorted(folder.glob("*.json"))}


def read_reference(name: str) -> list[Course]:
    """The runs of a reference, by the name of one that ships or the path of a file.

    Raises:
        QDError: there is none of this name, or its file is damaged.
    """
    known = references()
    path = known.get(name) or (Path(name) if name.endswith(".json") and Path(name).is_file() else None)
    if path is None:
        raise QDError(f"{REFERENCE}{name}: no reference curve of this name ships, {nearest(name, known)}")
    try:
        tree = json.loads(path.read_text())
        if tree["format"] != FORMAT:
            raise QDError(f"{path}: format {tree['format']}, this program reads {FORMAT}")
        return [_course(path.stem, tree["settings"], run) for run in tree["runs"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, QDError):
            raise
        raise QDError(f"{path}: is no file of reference curves: {type(error).__name__}: {error}") from error


def _course(name: str, settings: dict[str, Any], run: dict[str, Any]) -> Course:
    columns = {
        key: np.array([np.nan if value is None else value for value in values], np.float64)
        for key, values in run["columns"].items()
    }
    return Course(
        f"{REFERENCE}{name} (seed {run['seed']})",
        {**settings, "seed": int(run["seed"])},
        columns,
        reference=name,
        digest=str(run.get("digest", "")),
    )


def write_reference(path: str | Path, courses: Sequence[Course], command: str) -> Path:
    """Write runs of one experiment as a reference.

    Args:
        path: the file, NAME.json.
        courses: finished runs that differ in their seeds alone.
        command: what makes them.

    Raises:
        QDError: a run is not finished, or they differ in more than their seeds; the file cannot be written.
    """
    path = Path(path)
    if path.suffix != ".json":
        raise QDError(f"--reference {path}: wanted a file NAME.json")
    if going := [course.name for course in courses if not course.finished]:
        raise QDError(f"--reference: {going[0]} is not finished; a reference holds whole runs")
    kept = [{k: v for k, v in c.settings.items() if k not in ("seed", "evaluator")} for c in courses]
    if not courses or any(settings != kept[0] for settings in kept):
        raise QDError("--reference: wants runs that differ in their seeds alone, so a sweep without --grid")
    tree = {
        "format": FORMAT,
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        **courses[0].surroundings,
        "settings": kept[0],
        "runs": [{"seed": c.seed, "digest": c.digest, "columns": _thinned(c)} for c in courses],
    }
    try:
        write_atomic(path, _compact(tree), sync=False)
    except OSError as error:
        raise QDError(f"--reference {path}: cannot be written: {error.strerror or error}") from error
    return path


def _thinned(course: Course) -> dict[str, list[float | None]]:
    """The columns at about ``POINTS`` generations: evenly by evaluations, the first and the last among them."""
    x = course.columns["evaluations"]
    wanted = np.linspace(x[0], x[-1], POINTS)
    rows = np.unique(np.append(np.searchsorted(x, wanted, side="left").clip(max=len(x) - 1), len(x) - 1))
    return {
        name: [_short(value) for value in column[rows]]
        for name, column in course.columns.items()
        if name not in _LEFT_OUT and not np.isnan(column).all()
    }


def _short(value: float) -> float | None:
    if not np.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) < 1e15 else float(f"{value:.{_DIGITS}g}")


def _compact(tree: dict[str, Any]) -> str:
    """Indented, but a run's column on one line."""
    runs = tree.pop("runs")
    head = json.dumps(tree, indent=1).removesuffix("\n}")
    lines = [
        "  " + json.dumps({k: v for k, v in run.items() if k != "columns"})[:-1] + ', "columns": {\n'
        + ",\n".join(f"   {json.dumps(name)}: {json.dumps(values, separators=(',', ':'))}"
                     for name, values in run["columns"].items()) + "}}"
        for run in runs
    ]  # fmt: skip
    return head + ',\n "runs": [\n' + ",\n".join(lines) + "\n ]\n}\n"
