"""A run's folder and how its files are written: whole files atomically, tables by appending."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import IO, Any

from qd.errors import QDError

FORMAT = 1  # of everything in a run's folder
_FLUSH_SECONDS = 1.0


def write_atomic(path: Path, data: bytes | str | Callable[[IO[bytes]], object], sync: bool = True) -> None:
    """Write beside the file, sync, then rename: readers see the old file or the new one, never a part.

    data: what to write, or a function that writes to the open file what is too large to hold twice.
    Raises OSError as the system gives it; the old file is untouched then.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "wb") as file:
            if callable(data):
                data(file)
            else:
                file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_json(path: Path, tree: Any) -> None:
    """A JSON file, written atomically; NaN becomes null."""
    write_atomic(path, json.dumps(_finite(tree), indent=2) + "\n", sync=False)


def read_json(path: Path) -> Any:
    """A JSON file. Raises QDError that names the file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise QDError(f"{path}: not there; is {path.parent} the folder of a run?") from None
    except (ValueError, OSError) as error:
        raise QDError(f"{path}: cannot be read: {error}") from error


def _finite(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {str(key): _finite(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_finite(value) for value in tree]
    if isinstance(tree, float) and (tree != tree or tree in (float("inf"), float("-inf"))):
        return None
    return tree


class RunFolder:
    """The files of one run: ``config.json``, ``metrics.csv``, ``archive.npz``, ``summary.json``, ``plots/`` ...

    Args:
        path: the folder; need not exist yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.summary = self.path / "summary.json"
        self.metrics = self.path / "metrics.csv"
        self.failures = self.path / "failures.jsonl"
        self.history = self.path / "history.bin"
        self.history_names = self.path / "history.json"
        self.archive = self.path / "archive.npz"
        self.scene = self.path / "scene.json"
        self.experiment = self.path / "experiment.py"
        self.checkpoints = self.path / "checkpoints"
        self.plots = self.path / "plots"
        self.report = self.path / "report.html"

    def create(self, overwrite: bool = False) -> None:
        """Make the folder for a new run. Raises QDError where it exists or cannot be written."""
        if self.path.exists():
            if not self.path.is_dir():
                raise QDError(f"--out {self.path}: is a file; name a folder")
            if any(self.path.iterdir()):
                if not overwrite:
                    hint = f"; continue it with: qd resume {self.path}" if self.config.exists() else ""
                    raise QDError(f"--out {self.path}: exists and is not empty; name another, or --overwrite{hint}")
                if not self.config.exists():
                    raise QDError(f"--overwrite {self.path}: holds no run, so it is left alone; name another folder")
                self._clear()
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            self.plots.mkdir(exist_ok=True)
            probe = self.path / ".probe"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise QDError(f"--out {self.path}: cannot be written: {error.strerror or error}") from error

    def _clear(self) -> None:
        """Remove what a run wrote, and nothing else."""
        ours = [
            self.config,
            self.summary,
            self.metrics,
            self.failures,
            self.history,
            self.history_names,
            self.archive,
            self.scene,
            self.experiment,
        ]
        ours += [
            self.report,
            self.path / "view.html",
            self.path / "reeval.json",
            self.path / "mlflow_run",
            self.path / "wandb_run",
            *self.checkpoints.glob("*.qdc"),
            *self.plots.glob("*.[ps][nvd][gf]"),
        ]
        ours += [*(self.path / "tensorboard").glob("events.*"), *(self.path / "replays").glob("*.*")]
        for file in ours:
            file.unlink(missing_ok=True)

    def check(self) -> None:
        """Raise QDError where this is not a run's folder."""
        if not self.config.is_file():
            raise QDError(f"{self.path}: not the folder of a run (no config.json)")


class Table:
    """A file that grows by whole lines or records, and is cut back to a checkpoint's length on resume."""

    def __init__(self, path: Path, length: int | None = None) -> None:
        self.path = path
        if length is not None:
            have = path.stat().st_size if path.exists() else 0
            if have < length:
                raise QDError(f"{path}: holds {have} bytes, the checkpoint counts {length}: rows were lost")
        self._file = open(path, "ab" if length is not None else "wb")  # noqa: SIM115  closed by close()
        self._synced = -1
        self._flushed = monotonic()
        if length is not None:
            self._file.truncate(length)
            self._file.seek(length)

    def write(self, data: str | bytes) -> None:
        """Append. Others can read it at the next flush, which comes by itself about once a second."""
        self._file.write(data.encode() if isinstance(data, str) else data)
        if monotonic() - self._flushed > _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> int:
        """Hand over to the system what is waiting; returns the length in bytes."""
        self._file.flush()
        self._flushed = monotonic()
        return self._file.tell()

    def sync(self) -> int:
        """Flush and wait for the disk; returns the length in bytes."""
        length = self.flush()
        if length != self._synced:
            os.fsync(self._file.fileno())
            self._synced = length
        return length

    def close(self) -> None:
        """Flush and close."""
        self._file.close()
