"""Rows of a study that goes on where it was stopped: one line of JSON a finished run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t


class ResultRows:
    """The file of finished runs, each known by what makes it the same run.

    Args:
        name: of the file in ``benchmarks/results``.
        keys: what two rows of the same run have in common.
    """

    def __init__(self, name: str, keys: tuple[str, ...]) -> None:
        self.file = Path(__file__).parent / "results" / name
        self.keys = keys

    def read(self) -> list[dict[str, Any]]:
        """All of them; of the same run the last. A line cut short by a kill is left out, its run is made again."""
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for line in self.file.read_text().splitlines() if self.file.exists() else ():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue
            found[tuple(row[key] for key in self.keys)] = row
        return list(found.values())

    def has(self, **keys: Any) -> bool:
        """Whether this run is finished."""
        return any(all(row[key] == value for key, value in keys.items()) for row in self.read())

    def append(self, row: dict[str, Any]) -> None:
        """Keep a finished run, and print it."""
        self.file.parent.mkdir(exist_ok=True)
        with self.file.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


def interval(values: Any, digits: int = 3) -> str:
    """Mean and half the 95 % t interval; the mean alone of one."""
    x = np.asarray(values, np.float64)
    if len(x) < 2:
        return f"{x.mean():.{digits}f}"
    half = t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))
    return f"{x.mean():.{digits}f} ± {half:.{digits}f}"
