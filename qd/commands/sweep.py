"""``qd sweep``: an experiment over seeds and settings, in one folder, resumed by the same command."""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from qd.commands.compare import settings_of, usable, written
from qd.commands.sweep_plan import Plan, planned, settled
from qd.commands.sweep_watch import Watch
from qd.commands.sweep_work import Work, make_runs
from qd.comparison.compared import compare
from qd.comparison.courses import read_course
from qd.comparison.references import write_reference
from qd.comparison.tables import markdown
from qd.errors import QDError, StoppedError
from qd.launcher import launched_rank, launched_size

_SOME_FAILED = 1  # exit code
_LOOK = 0.05  # seconds between two looks at children, or at other ranks


def sweep(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd sweep FILE``."""
    words = [*([f"--evaluations={args.evaluations}"] if args.evaluations is not None else []), *rest]
    plan = planned(args.file, args.seeds, args.grid, words)
    parallel, each = _count("--parallel", args.parallel), _count("--ranks-per-run", args.ranks_per_run)
    settings = settings_of(args)
    if args.reference is not None and (plan.grid or not str(args.reference).endswith(".json")):
        raise QDError(f"--reference {args.reference}: wants a file NAME.json and a sweep without --grid")
    name = re.sub(r"[^\w.-]+", "_", plan.name)
    out = Path(args.out) if args.out is not None else Path("runs") / f"{name}-sweep"
    if launched_size() > 1:
        if parallel > 1:
            raise QDError("--parallel: is for child processes; under a launcher the ranks are divided among the runs")
        code = _on_ranks(args, plan, out, each)
    elif each > 1:
        raise QDError(f"--ranks-per-run {each}: needs a launcher: mpiexec -n {each} qd sweep ...")
    else:
        code = _here(args, plan, out, parallel)
    if code or launched_rank():
        return code
    return _ended(args, out, settings)


def _count(flag: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise QDError(f"{flag} {text}: wanted a whole number of at least 1")
    return int(text)


@contextmanager
def _alone(out: Path) -> Iterator[IO[str]]:
    """Hold the sweep's folder. Raises QDError where another process is at work there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = open(out / ".lock", "w")  # noqa: SIM115  closed below
    except OSError as error:
        raise QDError(f"--out {out}: cannot be written: {error.strerror or error}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it, however a process ends
        except BlockingIOError:
            raise QDError(f"{out}: another qd sweep is at work there; wait until it has ended") from None
        yield file


def _here(args: argparse.Namespace, plan: Plan, out: Path, parallel: int) -> int:
    """On this machine: one after the other, or in child processes."""
    with _alone(out) as lock:
        plan = settled(plan, out)
        work = Work(out, str(os.getpid()))
        work.open(args.retry)
        _announce(args)
        with Watch(work, plan, args.quiet):
            number = make_runs(work, plan) if parallel == 1 else _in_children(work, plan, parallel, lock.fileno())
        work.close()
    return _stopped(args, number)


def _in_children(work: Work, plan: Plan, parallel: int, lock: int) -> int:
    """Keep so many children at work; one that dies costs the run that it was making."""
    threads = max(1, (os.cpu_count() or 1) // parallel)
    command = [sys.executable, "-m", "qd.commands.sweep_work", str(work.out), work.token, str(threads)]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, pass_fds=(lock,))  # the lock is theirs too, until the last has left

    left = sum(not work.finished(run) and work.failure(run) is None for run in plan.runs)
    children = [start() for _ in range(min(parallel, left))]
    received: list[int] = []
    before = {
        number: signal.signal(number, lambda got, frame: received.append(got))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    told = False
    try:
        while children:
            time.sleep(_LOOK)
            if received and not told:
                told = True
                for child in children:
                    child.terminate()
            for child in [child for child in children if child.poll() is not None]:
                children.remove(child)
                if child.returncode == 0 or received:
                    continue
                if child.returncode == 4:
                    raise StoppedError(
                        "a run was stopped by the machine, as by a full disk; make room, then the same command"
                    )
                why = f"its process ended with code {child.returncode}"
                if child.returncode < 0:
                    why += f" ({signal.Signals(-child.returncode).name})"
                for run in work.taken_by(child.pid, plan.runs):
                    if not work.finished(run) and work.failure(run) is None:
                        work.fail(run, why)
                children.append(start())
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait()
        for number, handler in before.items():
            signal.signal(number, handler)
    return received[0] if received else 0


def _on_ranks(args: argparse.Namespace, plan: Plan, out: Path, each: int) -> int:
    """Under mpiexec: ranks in groups, each of which makes runs together."""
    from qd.evaluate.mpi import world

    comm = world()
    if each > comm.size:
        raise QDError(f"--ranks-per-run {each}: the launcher started {comm.size} ranks")
    group = comm.Split(comm.rank // each, comm.rank)
    if comm.rank:
        token = comm.bcast(None)
        if token is None:  # rank 0 says what is wrong
            return 2
        return _stopped(args, _with_others(comm, Work(out, token), comm.bcast(None), group), silent=True)
    try:
        held = _alone(out)
        held.__enter__()
        plan = settled(plan, out)
        work = Work(out, str(os.getpid()))
        work.open(args.retry)
    except BaseException:
        comm.bcast(None)
        raise
    _announce(args)
    comm.bcast(work.token)
    comm.bcast(plan)
    with Watch(work, plan, args.quiet):
        number = _with_others(comm, work, plan, group)
    work.close()
    held.__exit__(None, None, None)
    return _stopped(args, number)


def _with_others(comm: Any, work: Work, plan: Plan, group: Any) -> int:
    """Make runs with one's group until all groups have ended; the number of a signal that ended one early, or 0."""
    error: Exception | None = None
    number = 0
    try:
        number = make_runs(work, plan, comm=group)
    except (OSError, StoppedError) as stop:
        error = stop
    meeting = comm.Ibarrier()
    while not meeting.Test():
        time.sleep(_LOOK)  # the others' runs may take hours
    ends: list[tuple[int, str]] = comm.allgather((number, str(error or "")))
    stops = [why for _, why in ends if why]
    if stops and comm.rank == 0:
        raise StoppedError(f"{stops[0]}; mend it, then give the same command again")
    return max(number for number, _ in ends)


def _announce(args: argparse.Namespace) -> None:
    if not args.quiet:
        again = f"qd {shlex.join(sys.argv[1:])}" if len(sys.argv) > 1 else "the same command"
        print(f"qd: sweep: if it is stopped, go on with: {again}", file=sys.stderr, flush=True)


def _stopped(args: argparse.Namespace, number: int, silent: bool = False) -> int:
    if number and not silent and not args.quiet:
        print("stopped by a signal; go on with the same command")
    return 128 + number if number else 0


def _ended(args: argparse.Namespace, out: Path, settings: Any) -> int:
    """What has become of the runs; the table and figures of those that are finished."""
    from qd.commands.sweep_plan import read_plan

    plan, work = read_plan(out), Work(out, "")
    finished = [run for run in plan.runs if work.finished(run)]
    failed = [(run, why) for run in plan.runs if (why := work.failure(run)) is not None and run not in finished]
    for run, why in failed:
        print(f"qd: {run.folder} failed: {why.strip().splitlines()[-1]}; see {out / 'failed' / run.folder}.txt, "
              "and --retry", file=sys.stderr)  # fmt: skip
    if finished:
        usable(out)
        courses = [read_course(out / run.folder) for run in finished]
        made = compare(courses, settings)
        written(made, out, plots=args.plots is not False)
        if args.reference is not None and not failed:
            write_reference(args.reference, courses, _command(plan))
        if not args.quiet:
            print(markdown(made), end="")
    if not args.quiet:
        print(f"\n{len(finished)} of {len(plan.runs)} runs finished, {len(failed)} failed; folder {out}")
    return _SOME_FAILED if failed else 0


def _command(plan: Plan) -> str:
    """The command that makes the runs of a sweep without a grid."""
    seeds = plan.seeds
    listed = str(len(seeds)) if seeds == list(range(len(seeds))) else ",".join(map(str, seeds))
    return shlex.join(["qd", "sweep", plan.name or Path(plan.file).name, "--seeds", listed, *plan.words])
