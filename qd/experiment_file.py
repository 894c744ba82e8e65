"""Experiments from Python files: find the file, load it as a module, take its value named ``experiment``."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.machinery import SourceFileLoader
from importlib.util import decode_source, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from qd.errors import QDError, nearest
from qd.experiment import Experiment
from qd.store.files import RunFolder, read_json

log = logging.getLogger("qd")

MODULE_PREFIX = "qd_experiment_"  # modules of this name are sent to child processes by value
_FRAMES = 4  # of a traceback, shown


@dataclass(frozen=True)
class Source:
    """Where an experiment came from.

    Args:
        file: the experiment's file.
        code: its text.
        sha256: of the file's bytes.
    """

    file: Path
    code: str
    sha256: str

    def record(self, overrides: Sequence[str] = ()) -> dict[str, Any]:
        """What ``qd.run(..., source=...)`` stores, for ``load_recorded``.

        Args:
            overrides: the settings of the command line as ``"algorithm.sigma=0.1"``.
        """
        return {
            "file": str(self.file),
            "sha256": self.sha256,
            "overrides": list(overrides),
            "code": self.code,
        }


def load_experiment(name_or_path: str | Path) -> tuple[Experiment, Source]:
    """The experiment of a file, or of one that ships, by its name.

    The file is executed, as a module named ``qd_experiment_<stem>`` with its folder on ``sys.path``.

    Raises:
        QDError: there is no such file; it does not compile or raises; or it has no fitting ``experiment``.
    """
    file = find(name_or_path).resolve()
    try:
        data = file.read_bytes()
    except OSError as error:
        raise QDError(f"{file}: cannot be read: {error.strerror or error}") from error
    try:
        code = decode_source(data)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise QDError(f"{file}: is not Python text: {error}") from error
    return _taken(code, file, file), Source(file, code, sha256(data).hexdigest())


def load_recorded(out: str | Path) -> tuple[Experiment, Source, list[str]]:
    """The experiment that a run was started from, before its overrides, and these.

    It comes from the original file where that is unchanged, else from the copy in the run's folder.

    Raises:
        QDError: the folder holds no run, or one that was not started by the qd command.
    """
    folder = RunFolder(out)
    folder.check()
    recorded = read_json(folder.config).get("source") or {}
    overrides = recorded.get("overrides", [])
    if (
        not isinstance(recorded.get("file"), str)
        or not isinstance(recorded.get("sha256"), str)
        or not isinstance(overrides, list)
    ):
        raise QDError(f"{folder.path}: was not started by `qd run`, so its experiment is not known here; "
                      "from Python: qd.resume(folder, experiment)")  # fmt: skip
    file = Path(recorded["file"])
    try:
        data: bytes | None = file.read_bytes()
    except OSError:
        data = None
    if data is not None and sha256(data).hexdigest() == recorded["sha256"]:
        return *load_experiment(file), overrides
    try:
        code = folder.experiment.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise QDError(f"{file}: {'is gone' if data is None else 'has changed'} since the run was started, and the copy "
                      f"{folder.experiment} cannot be read: {error}") from error  # fmt: skip
    log.warning("%s %s since the run was started: going on with the copy %s", file,
                "is gone" if data is None else "has changed", folder.experiment)  # fmt: skip
    return _taken(code, folder.experiment, file), Source(file, code, recorded["sha256"]), overrides


def find(name_or_path: str | Path) -> Path:
    """The file that a path or the name of a shipped experiment means. Raises QDError with the nearest name."""
    path = Path(name_or_path)
    if path.is_file():
        return path
    name = str(name_or_path)
    known = shipped()
    if name in known:
        return known[name]
    if path.is_dir():
        raise QDError(f"{path}: is a folder, wanted a Python file; {nearest(path.name, known)}")
    if path.with_name(path.name + ".py").is_file():
        raise QDError(f"{path}: no such file or shipped experiment; did you mean {path}.py?")
    if path.suffix == ".py" or len(path.parts) > 1:
        beside = {file.name for file in path.parent.glob("*.py")} if path.parent.is_dir() else set()
        raise QDError(f"{path}: no such file; {nearest(path.name, beside | set(known))}")
    raise QDError(f"{name}: no such file, and no experiment of this name ships; {nearest(name, known)}")


def shipped() -> dict[str, Path]:
    """Name -> file of the experiments that ship: inside an installed qd, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "_experiments"
    folder = installed if installed.is_dir() else package.parent / "experiments"
    return {file.stem: file for file in sorted(folder.glob("*.py")) if not file.stem.startswith("_")}


def _taken(code: str, file: Path, origin: Path) -> Experiment:
    """The value ``experiment`` of a file's code, named after the file.

    Args:
        code: the text. file: where it lies.
        origin: the file that it was copied from: data and helpers lie beside that one.
    """
    module = _executed(code, file, origin)
    found = getattr(module, "experiment", None)
    if isinstance(found, Experiment):
        return found if found.name else replace(found, name=origin.stem)
    others = [name for name, value in vars(module).items() if isinstance(value, Experiment)]
    hint = f"; {others[0]!r} is one: name it `experiment`" if others else ", e.g. experiment = qd.Experiment(...)"
    if found is None:
        raise QDError(f"{file}: has no value named `experiment`{hint}")
    raise QDError(f"{file}: `experiment` is a {type(found).__name__}, wanted a qd.Experiment{hint}")


def _executed(code: str, file: Path, origin: Path) -> ModuleType:
    try:
        compiled = compile(code, str(file), "exec", dont_inherit=True)
    except SyntaxError as error:
        text = (error.text or "").strip()
        raise QDError(f"{file}:{error.lineno}: {error.msg}: {text}") from error
    except ValueError as error:  # null bytes
        raise QDError(f"{file}: is not Python text: {error}") from error
    name = MODULE_PREFIX + origin.stem
    spec = spec_from_file_location(name, origin, loader=SourceFileLoader(name, str(origin)))
    if spec is None:
        raise QDError(f"{origin}: cannot be loaded as a module")
    module = module_from_spec(spec)
    if str(origin.parent) not in sys.path:
        sys.path.insert(0, str(origin.parent))  # as `python FILE` does
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        exec(compiled, module.__dict__)
    except (Exception, SystemExit) as error:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise QDError(_in_words(error)) from error
    return module


def _in_words(error: BaseException) -> str:
    """Where a file's code raised and what: one line, and below it the calls that led there."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is the call of exec
    reason = f"{type(error).__name__}: {error}" if not isinstance(error, QDError) else str(error)
    if not frames:
        return reason
    calls = [f"  {f.filename}:{f.lineno}, in {f.name}: {f.line}" for f in frames[-_FRAMES:]]
    return "\n".join([f"{frames[0].filename}:{frames[0].lineno}: {reason}", *calls])
