"""Real MPI launches: the same bits for any number of ranks, faults, kill -9, a launcher that does not match."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import qd
from qd.store.checkpoint import read_newest
from tests import bank, launching

pytestmark = [pytest.mark.launch, launching.needs_mpi, pytest.mark.xdist_group("ranks")]  # all share ``local``
BANK = str(Path(__file__).with_name("bank.py"))


@pytest.fixture(scope="module")
def local() -> dict[str, str]:
    return bank.digests()


@pytest.mark.parametrize(
    ("ranks", "light", "schedules"),
    [
        (1, True, ("static", "dynamic")),
        (2, False, ("static", "dynamic")),
        (3, True, ("dynamic",)),
        (4, True, ("static",)),
        pytest.param(3, False, ("static", "dynamic"), marks=pytest.mark.slow),
        pytest.param(4, False, ("static", "dynamic"), marks=pytest.mark.slow),
    ],
)
def test_every_algorithm_gives_the_same_digest_on_ranks(
    ranks: int, light: bool, schedules: tuple[str, ...], local: dict[str, str]
) -> None:
    settings = [{"schedule": schedule} | ({"light": True} if light else {}) for schedule in schedules]
    done = launching.launch(ranks, BANK, *map(json.dumps, settings))
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for schedule, found in zip(schedules, lines, strict=True):
        assert set(found) == set(local) - (bank.HEAVY if light else set())
        for name, digest in found.items():
            assert digest == local[name], (name, schedule)


def test_processes_give_the_same_digest(local: dict[str, str]) -> None:
    settings = qd.EvaluatorSettings(kind="processes", workers=2)
    for name in ("novelty_search", "map_elites_masks", "phases", "ragged", "roles", "pipeline"):
        assert qd.run(replace(bank.experiments()[name], evaluator=settings)).digest == local[name], name


FAULTY = """
import os, sys, time, numpy as np, qd
def evaluate(x):
    if x[0] < 0.1: raise RuntimeError("on purpose")
    if x[0] > 0.95:
        {worst}
    return float(x[0])
problem = qd.problem(evaluate, low=0, high=1, length=1)
experiment = qd.Experiment(problem, qd.algorithms.RandomSearch(batch_size=20), 60, seed=2,
                           evaluator=qd.EvaluatorSettings(**{settings}))
result = qd.run(experiment, sys.argv[1])
if result.root: print(result.summary["statuses"])
"""


@pytest.mark.parametrize(
    ("worst", "settings", "failed", "timed_out"),
    [
        ("return float('nan')", {}, True, False),
        ("while True: time.sleep(0.01)", {"timeout": 0.3}, True, True),
        ("os._exit(3)", {"isolate": True}, True, False),
        ("return float('nan')", {"schedule": "dynamic"}, True, False),
    ],
)
def test_a_bad_evaluation_costs_one_solution(
    worst: str, settings: dict[str, object], failed: bool, timed_out: bool, tmp_path: Path
) -> None:
    code = FAULTY.format(worst=worst, settings=settings)
    done = launching.launch(3, "-c", code, str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    statuses = json.loads(done.stdout.replace("'", '"'))
    assert sum(statuses.values()) == 60 and statuses["ok"] > 40
    assert (statuses["failed"] > 0) == failed and (statuses["timed_out"] > 0) == timed_out
    assert "RuntimeError: on purpose" in (tmp_path / "run" / "failures.jsonl").read_text()


def test_a_dead_rank_ends_the_job_with_a_checkpoint_on_disk(tmp_path: Path) -> None:
    worst = "os._exit(3) if os.environ.get('PMI_RANK', '0') != '0' else None"
    done = launching.launch(2, "-c", FAULTY.format(worst=worst, settings={}), str(tmp_path / "run"), timeout=60)
    assert done.returncode != 0
    assert list((tmp_path / "run" / "checkpoints").glob("*.qdc"))


def test_a_silent_rank_is_aborted_by_the_watchdog(tmp_path: Path) -> None:
    worst = "time.sleep(1000) if os.environ.get('PMI_RANK', '0') != '0' else None"
    code = FAULTY.format(worst=worst, settings={"watchdog": 1.5})
    done = launching.launch(2, "-c", code, str(tmp_path / "run"), timeout=60)
    assert done.returncode != 0 and "rank 1 has evaluations" in done.stderr
    assert list((tmp_path / "run" / "checkpoints").glob("*.qdc"))


def test_an_error_of_the_problem_ends_all_ranks_with_its_message() -> None:
    code = """
import numpy as np, qd
problem = qd.problem(lambda x: np.zeros(len(x) + 1), low=0, high=1, length=1, batch=True, chunk_size=2)
qd.run(qd.Experiment(problem, qd.algorithms.RandomSearch(batch_size=20), 60))
"""
    done = launching.launch(3, "-c", code, timeout=60)
    assert done.returncode != 0 and "objective has shape (3,) for 2 solutions" in done.stderr


def test_a_context_changed_in_place_reaches_every_rank() -> None:
    code = """
import sys; sys.path.insert(0, "tests")
import bank, numpy as np, qd
class InPlace(bank.Roles):
    shared = {"opponents": np.zeros((2, 3))}
    def ask(self, state, left):
        request = super().ask(state, left)
        if request is not None:
            self.shared["opponents"][:] = request.context["opponents"]
            request.context = self.shared
        return request
r = qd.run(qd.Experiment(bank.Duel(), InPlace(), 60, seed=7))
if r.root: print(r.digest)
"""
    digests = {launching.launch(ranks, "-c", code).stdout for ranks in (0, 3)}
    assert digests == {bank.digests_of("roles") + "\n"}


def test_more_ranks_than_solutions() -> None:
    code = """
import qd
e = qd.Experiment(qd.problem(lambda x: float(x[0]), low=0, high=1, length=1), qd.algorithms.RandomSearch(2), 5)
r = qd.run(e)
if r.root: print(r.digest)
"""
    digests = {launching.launch(ranks, "-c", code).stdout for ranks in (0, 4)}
    assert len(digests) == 1 and len(digests.pop().strip()) == 64


def test_a_launcher_of_another_mpi_is_named() -> None:
    code = "import qd; qd.run(qd.Experiment(qd.problems.PlanarArm(), qd.algorithms.RandomSearch(), 10))"
    import subprocess

    environment = launching.environment() | {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "mpirun belongs to another MPI" in done.stderr


def test_a_serial_run_never_loads_mpi() -> None:
    code = """
import sys, qd
qd.run(qd.Experiment(qd.problems.PlanarArm(), qd.algorithms.MapElites(64), 500))
print([m for m in ("mpi4py", "torch", "ribs", "evotorch", "matplotlib", "pandas", "sklearn", "gymnasium", "ray")
       if m in sys.modules])
"""
    assert launching.launch(0, "-c", code).stdout.strip() == "[]"


LINEAGES = """
import os, sys, qd
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, "tests")
import bank
out, budget = Path(sys.argv[1]), int(sys.argv[2])
if len(sys.argv) > 3:
    Path(sys.argv[3], os.environ.get("PMI_RANK", "0")).write_text(str(os.getpid()))
experiment = replace(bank.experiments()["deep_ga"], budget=budget, checkpoint_seconds=0.05)
result = qd.resume(out, experiment) if (out / "config.json").exists() else qd.run(experiment, out)
if result.root: print(result.digest)
"""


def test_deep_ga_loses_one_rank_to_kill_9_and_ends_as_if_it_had_not(tmp_path: Path) -> None:
    budget, out = "30000", tmp_path / "run"
    whole = launching.launch(0, "-c", LINEAGES, str(tmp_path / "whole"), budget)
    assert whole.returncode == 0, whole.stderr
    process = launching.start(3, "-c", LINEAGES, str(out), budget, str(tmp_path))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list((out / "checkpoints").glob("0000000[3-9]*.qdc")):
        time.sleep(0.01)
    os.kill(int((tmp_path / "2").read_text()), signal.SIGKILL)  # one rank, not the job
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert not (out / "summary.json").exists(), "it had ended: too small a budget to test anything"
    told = read_newest(out / "checkpoints")["recorder"]["evaluations"]
    assert 0 < told < int(budget)
    resumed = launching.launch(2, "-c", LINEAGES, str(out), budget)
    assert resumed.returncode == 0, resumed.stderr
    assert len(resumed.stdout.strip()) == 64 and resumed.stdout == whole.stdout


def test_bytes_between_ranks_are_counted_and_compared_with_nothing(tmp_path: Path) -> None:
    found = {}
    for ranks in (0, 1, 3):
        done = launching.launch(ranks, "-c", LINEAGES, str(tmp_path / str(ranks)), "500")
        assert done.returncode == 0, done.stderr
        found[ranks] = qd.Result.load(tmp_path / str(ranks))
        for way in ("bytes_sent", "bytes_received"):
            assert found[ranks].summary[way] == found[ranks].metrics[way].sum()
    for alone in (0, 1):
        assert found[alone].summary["bytes_sent"] == found[alone].summary["bytes_received"] == 0
    assert len({result.digest for result in found.values()}) == 1
    rows = found[3].metrics
    # two ranks get three or four of five chunks of 8: 8 bytes a seed, a mutation and a place, and two heads
    searched = rows[rows["purpose"] == "search"].reset_index()
    mutations = searched.index.to_numpy()
    assert (searched["bytes_sent"] > 24 * (24 - 8)).all()
    assert (searched["bytes_sent"] < 32 * (24 + 8 * mutations) + 2 * 1000).all()
    assert (searched["bytes_received"] > 24 * 16).all()
    same = [name for name in rows.columns if name not in ("seconds", "bytes_sent", "bytes_received")]
    assert rows[same].equals(found[0].metrics[same])


def kill_and_resume(tmp_path: Path, moments: int) -> None:
    """Kill -9 at random moments, resume with another number of ranks each time, compare the digests."""
    picker = random.Random(1)
    budget, out = 6_000 * moments, tmp_path / "run"
    file = tmp_path / "search.py"
    file.write_text(
        "import qd\n"
        "experiment = qd.Experiment(qd.problems.HardMaze(), qd.algorithms.NoveltySearch(50), "
        f"{budget}, seed=5, checkpoint_seconds=0.05)\n"
    )
    first = launching.launch(0, "-m", "qd", "run", str(file), "--out", str(tmp_path / "whole"), "--quiet")
    assert first.returncode == 0, first.stderr
    whole = qd.Result.load(tmp_path / "whole").digest
    arguments, kills = ["run", str(file), "--out", str(out)], 0
    while kills < moments:
        ranks = picker.choice([0, 1, 2, 3])
        process = launching.start(ranks, "-m", "qd", *arguments, "--quiet", "--no-plots")
        count = len(list((out / "checkpoints").glob("*.qdc"))) if out.exists() else 0
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:  # let it get to work, then strike
            newest = max((f.stat().st_mtime for f in (out / "checkpoints").glob("*.qdc")), default=0)
            if newest > time.time() - 0.5 and count >= 0:
                break
            time.sleep(0.02)
        time.sleep(picker.random() * 0.4)
        launching.kill(process)
        process.communicate()
        kills += 1
        if (out / "config.json").exists() and list((out / "checkpoints").glob("*.qdc")):
            arguments = ["resume", str(out)]
        assert not (out / "summary.json").exists(), f"finished after {kills} kills: too small a budget to test anything"
    done = launching.launch(picker.choice([0, 2]), "-m", "qd", *arguments, "--quiet", "--no-plots")
    assert done.returncode == 0, done.stderr
    assert qd.Result.load(out).digest == whole
    assert qd.Result.load(out).summary["evaluations"] == budget
    rows = (out / "metrics.csv").read_text().splitlines()
    whole_rows = (tmp_path / "whole" / "metrics.csv").read_text().splitlines()
    assert [r.split(",")[:3] for r in rows] == [r.split(",")[:3] for r in whole_rows]


def test_kill_9_and_resume_on_other_ranks(tmp_path: Path) -> None:
    kill_and_resume(tmp_path, 3)


@pytest.mark.slow
def test_kill_9_at_twenty_moments(tmp_path: Path) -> None:
    kill_and_resume(tmp_path, 20)
