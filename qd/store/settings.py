"""Every setting of a run as JSON, for config.json and for telling whether two runs are the same."""

from __future__ import annotations

import platform
import subprocess
import sys
from dataclasses import fields, is_dataclass
from functools import lru_cache
from hashlib import sha256
from importlib import metadata
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np


def described(value: Any) -> Any:
    """A value as plain JSON: dataclasses by class and fields, arrays by content, the rest by name."""
    if isinstance(value, float) and not isfinite(value):
        return str(float(value))  # JSON has no infinity
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        if value.size <= 64:
            return value.tolist()
        digest = sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
        return f"array {value.shape} {value.dtype} sha256 {digest}"
    if isinstance(value, dict):
        return {str(key): described(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [described(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        about: dict[str, Any] = {"class": _path(type(value))}
        about.update({f.name: described(getattr(value, f.name)) for f in fields(value)})
        return about
    if callable(value) and hasattr(value, "__qualname__"):
        return _path(value)
    return _path(type(value))


def _path(thing: Any) -> str:
    module = "" if thing.__module__.startswith(("qd_experiment_", "__main__")) else f"{thing.__module__}:"
    return f"{module}{thing.__qualname__}"


def differences(before: Any, now: Any, path: str = "") -> list[str]:
    """Where two described settings differ, as ``path: old -> new``."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = [*before, *(key for key in now if key not in before)]
        return [line for key in names
                for line in differences(before.get(key), now.get(key), f"{path}.{key}".lstrip("."))]  # fmt: skip
    return [] if before == now else [f"{path}: {before!r} -> {now!r}"]


def without_resumable(described_settings: Any, owner: Any) -> Any:
    """Described settings of ``owner`` without those that a resumed run may set anew (``Problem.resumable``)."""
    if not isinstance(described_settings, dict) or not is_dataclass(owner):
        return described_settings
    free = getattr(owner, "resumable", ())
    return {
        name: without_resumable(item, getattr(owner, name, None))
        for name, item in described_settings.items()
        if name not in free
    }


def surroundings() -> dict[str, Any]:
    """Versions, machine, command and git commit: what a reader needs to make the run again."""
    return {
        "versions": dict(_versions()),
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "command": sys.argv,
        "git_commit": git_commit(Path.cwd()),
    }


@lru_cache(1)
def _versions() -> tuple[tuple[str, str], ...]:
    found = [("python", platform.python_version())]
    for package in (
        "qd-evolution", "numpy", "numba", "ribs", "torch", "evotorch", "mpi4py", "gymnasium", "minigrid", "mujoco",
    ):  # fmt: skip
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)


def git_commit(folder: Path) -> str | None:
    """The commit that a folder is at, with ``+changes`` where files differ from it; None outside git."""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+changes"]
    try:
        said = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.stdout.strip() or None
