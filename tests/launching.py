"""Real launches for tests: mpiexec beside this Python, a deadline, no inherited MPI variables."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MPIEXEC = Path(sys.executable).with_name("mpiexec")
_INHERITED = ("PMI", "OMPI_", "PRTE_", "HYDI", "MPI")

needs_mpi = pytest.mark.skipif(not MPIEXEC.exists(), reason="no mpiexec beside this Python: pip install mpi4py mpich")


def environment() -> dict[str, str]:
    """The environment of a launch: nothing of a surrounding MPI job, this checkout importable."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(_INHERITED)}
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return clean | allowed | {"PYTHONPATH": str(ROOT), "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}


def command(ranks: int, *arguments: str) -> list[str]:
    """A Python command on so many ranks; 0 for none of MPI."""
    launcher = [str(MPIEXEC), "-n", str(ranks)] if ranks else []
    return [*launcher, sys.executable, *arguments]


def launch(ranks: int, *arguments: str, timeout: float = 180, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a Python command to its end. On time-out its whole process group is killed and the test fails."""
    process = start(ranks, *arguments, cwd=cwd)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill(process)
        out, err = process.communicate()
        pytest.fail(f"{arguments} did not end within {timeout} s\n{out}\n{err}")
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def start(ranks: int, *arguments: str, cwd: Path = ROOT) -> subprocess.Popen[str]:
    """Start a Python command in a session of its own."""
    return subprocess.Popen(
        command(ranks, *arguments),
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> None:
    """Signal the whole process group: the launcher and all ranks."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
