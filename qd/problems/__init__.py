"""Tasks to search on. Names load on first use, so that importing one problem does not import the others."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qd.problems.deceptive_maze import DeceptiveMaze
    from qd.problems.functions import Cigar, Ellipsoid, Rastrigin, Rosenbrock, Sphere
    from qd.problems.hard_maze import HardMaze
    from qd.problems.planar_arm import PlanarArm

_HOMES = {
    "Cigar": "functions",
    "DeceptiveMaze": "deceptive_maze",
    "Ellipsoid": "functions",
    "HardMaze": "hard_maze",
    "PlanarArm": "planar_arm",
    "Rastrigin": "functions",
    "Rosenbrock": "functions",
    "Sphere": "functions",
}

__all__ = ["Cigar", "DeceptiveMaze", "Ellipsoid", "HardMaze", "PlanarArm", "Rastrigin", "Rosenbrock", "Sphere"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
