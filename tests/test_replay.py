"""Replays agree with what was evaluated; qd replay verifies, finds lies, and films; qd reeval says what noise does."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qd
from qd.contracts import Request
from qd.errors import QDError
from qd.evaluate.local import LocalEvaluator
from qd.reeval import reevaluated
from qd.replay import Frames, Motion, Words, marked
from qd.store.archive_file import StoredArchive
from qd.view.replay_files import drawn, marked_text, write_replay
from qd.view.replaying import Replays
from tests.command import call, folder, refused  # noqa: F401 - fixtures

a, p = qd.algorithms, qd.problems

WAYS = {  # a problem, and the body whose last place is its measures
    "point": (p.Point2D(), "point"),
    "arm": (p.PlanarArm(joints=5), "arm"),
    "redundant arm": (p.RedundantArm(), "arm"),
    "deceptive maze": (p.DeceptiveMaze(steps=60), "robot"),
    "noisy": (p.Noisy(p.PlanarArm(joints=5), objective_sigma=0.1), "arm"),
}


def one(problem: qd.Problem, seed: int = 3) -> Any:
    return problem.space().sample(1, np.random.Generator(np.random.SFC64(seed)))[0]


@pytest.mark.parametrize("name", WAYS)
def test_the_last_frame_is_what_was_measured(name: str) -> None:
    problem, body = WAYS[name]
    for seed in range(3):
        solution = one(problem, seed)
        motion = problem.replay(solution, 7)
        assert isinstance(motion, Motion)
        evaluation = problem.evaluate(Request(solution[None]), np.array([7], np.uint64))
        np.testing.assert_allclose(motion.bodies[body][-1, -1], evaluation.measures[0], atol=1e-9)
        again = problem.replay(solution, 7)
        assert all(np.array_equal(places, again.bodies[part]) for part, places in motion.bodies.items())


@pytest.mark.thorough
@pytest.mark.parametrize("problem", [p.HardMaze(steps=50), p.CollectBall(steps=50), p.Curling(), p.CartPoleSwingUp()],
                         ids=lambda problem: problem.name)  # fmt: skip
def test_slower_ones_have_their_steps(problem: Any) -> None:
    motion = problem.replay(one(problem), 0)
    assert len(motion) == problem.steps + 1
    assert all(np.isfinite(places).all() for places in motion.bodies.values())
    assert set(motion.trails) <= set(motion.bodies)


@pytest.mark.peer
def test_environments_show_their_frames() -> None:
    problem = p.Gym("CartPole-v1", measures="mean_action", hidden=(4,), max_steps=30)
    frames = problem.replay(one(problem), 5)
    assert isinstance(frames, Frames) and frames.pictures.shape[3] == 3 and len(frames) > 3


def test_wrappers_pass_it_on_and_others_say_that_there_is_none() -> None:
    lineages = p.Decoded(p.Point2D())
    solution = lineages.space().sample(1, np.random.Generator(np.random.SFC64(1))).row(0)
    assert isinstance(lineages.replay(solution, 0), Motion)
    with pytest.raises(QDError, match="Sphere has no replay"):
        p.Sphere().replay(np.zeros(20), 0)
    replays = Replays(p.Sphere())
    assert replays.of(np.zeros(20), 0) == [] and "Sphere has no replay" in replays.why


def test_texts_come_from_the_folder_alone() -> None:
    words = {"words": ["Great", " film", "!"]}
    (text,) = Replays(None, words).of(np.array([1, 0, 1]), 0)
    assert isinstance(text, Words) and text.text == "Great film!"
    assert marked_text(text) == "Great[- film-]!"
    (tokens,) = Replays(None, {"alphabet": ["a", "b"]}).of(np.array([1, 0, 1]), 0)
    assert tokens.text == "bab"  # type: ignore[union-attr]
    assert Replays(None).of(np.zeros(2), 0) == []


def test_contracts_refuse_what_cannot_be_shown() -> None:
    ok = np.zeros((3, 1, 2))
    for bodies in ({}, {"a": np.zeros((3, 2))}, {"a": ok, "b": np.zeros((4, 1, 2))}):
        with pytest.raises(QDError, match=r"Motion\.bodies"):
            Motion(bodies, {}, (), np.zeros(2), np.ones(2))
    with pytest.raises(QDError, match=r"Motion\.trails"):
        Motion({"a": ok}, {}, ("b",), np.zeros(2), np.ones(2))
    with pytest.raises(QDError, match=r"Motion\.notes: got 1 for 3 frames"):
        Motion({"a": ok}, {}, (), np.zeros(2), np.ones(2), notes=("x",))
    with pytest.raises(QDError, match=r"Frames\.pictures"):
        Frames(np.zeros((2, 3, 3, 3)))  # type: ignore[arg-type]
    with pytest.raises(QDError, match=r"Words\.parts"):
        Words((("x", "loud"),))
    with pytest.raises(QDError, match="got 2 genes for 1 words"):
        marked(["a"], np.zeros(2))


@pytest.mark.drawing
def test_files_hold_the_frames(tmp_path: Path) -> None:
    from PIL import Image

    motion = p.Point2D().replay(one(p.Point2D()), 0)
    summary = {"algorithm": "A", "problem": "B", "seed": 1, "evaluations": 2}
    count = write_replay(motion, tmp_path / "a.gif", summary, "note")
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == count == min(len(motion), 90)  # type: ignore[attr-defined]
    assert write_replay(motion, tmp_path / "a.png", summary, "note") == 6
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    first, *_, last = list(drawn(motion, summary, "note", 4))
    assert first.shape == last.shape and (first != last).any()
    with pytest.raises(QDError, match=r"ends in '\.avi'"):
        write_replay(motion, tmp_path / "a.avi", summary, "")
    with pytest.raises(QDError, match="what there is to show is no text"):
        write_replay(motion, tmp_path / "a.txt", summary, "")


@pytest.mark.launch
def test_an_mp4_holds_the_frames(tmp_path: Path) -> None:
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    motion = p.Point2D().replay(one(p.Point2D()), 0)
    count = write_replay(motion, tmp_path / "a.mp4", {}, "")
    reader = imageio_ffmpeg.read_frames(str(tmp_path / "a.mp4"))
    next(reader)
    assert count <= sum(1 for _ in reader) <= count + 20  # the last one is held


ARM = """
import qd
experiment = qd.Experiment(
    qd.problems.Noisy(qd.problems.PlanarArm(joints=4), objective_sigma=0.05, measure_sigma=0.01),
    qd.algorithms.MapElites(batch_size=50), 400, seed=3,
)
"""


@pytest.fixture
def run(call: Any) -> Path:  # noqa: F811
    Path("arm.py").write_text(ARM)
    code, _, err = call("run", "arm.py", "--out", "r", "--no-plots", "--quiet")
    assert code == 0, err
    return Path("r")


def test_elites_come_out_as_stored(call: Any, run: Path) -> None:  # noqa: F811
    fields = qd.Result.load(run).archive.fields
    for words in (["--best"], ["--id", str(fields["id"][5])], ["--cell", str(fields["index"][9])]):
        code, out, err = call("replay", run, *words)
        assert code == 0, err
        assert "verified: objective and measures are as stored, to the bit" in out
        assert Path(out.splitlines()[-1].split(":")[0]).exists()


def test_a_lie_is_found(call: Any, run: Path) -> None:  # noqa: F811
    with np.load(run / "archive.npz") as file:
        arrays = dict(file)
    arrays["elites/objective"][4] += 1e-9
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    (run / "archive.npz").write_bytes(buffer.getvalue())
    code, out, _ = call("replay", run, "--id", arrays["elites/id"][4])
    assert code == 5
    assert "differs: now objective" in out and "perhaps: the archive holds another objective" in out


def test_bad_words_for_replay(call: Any, refused: Any, run: Path) -> None:  # noqa: F811
    assert "--cell x,y: wanted places along the grid" in refused("replay", run, "--cell", "x,y")
    assert "not the folder of a run" in refused("replay", "nowhere")
    assert "is a folder; name a file" in refused("replay", run, "--out", ".")
    assert "--archive novelty: not in this run" in refused("replay", run, "--archive", "novelty")
    assert refused("replay", run, "--id", "99999999")
    assert refused("replay", run, "--cell", "0,0")
    assert "--port: is of --serve" in refused("view", run, "--port", "1")
    assert "--repeats 0: wanted at least 1" in refused("reeval", run, "--repeats", "0")


class Coin(qd.Problem):
    """Worth and place depend on the seed's last bit alone, so that means can be worked out by hand."""

    solution_space = qd.Box(0.0, 1.0, 1)
    measure_space = qd.Measures(("x",), (0.0,), (1.0,), dims=(2,))
    batching = "rows"

    def evaluate(self, request: Request, seeds: Any) -> qd.Evaluation:
        heads = np.asarray(seeds % np.uint64(2), float)
        return qd.Evaluation(heads, np.where(heads > 0, 0.9, 0.3)[:, None])


def test_fresh_noise_by_hand() -> None:
    n = 40
    fields = {
        "objective": np.ones(n), "measures": np.full((n, 1), 0.9), "index": np.ones(n, np.int64),
        "solution": np.zeros((n, 1)), "id": np.arange(n),
    }  # fmt: skip
    about = {"dims": [2], "lower_bounds": [0.0], "upper_bounds": [1.0], "cells": 2, "qd_score_offset": 0.0}
    problem = Coin()
    found = reevaluated("lucky", StoredArchive("GridArchive", fields, about), LocalEvaluator(problem, 1, 0.0), 50, 4)
    share = float(found.mean.mean())  # of heads: every elite was stored as one
    assert 0.45 < share < 0.55
    assert found.reproducibility == pytest.approx(share)
    assert found.drop[0] == pytest.approx(1 - share) and found.drop[1] < 1 - share < found.drop[2]
    np.testing.assert_allclose(found.measures[:, 0], 0.3 + 0.6 * found.mean)
    cells = {int(x >= 0.5) for x in found.measures[:, 0]}
    assert found.coverage == (n / 2, len(cells) / 2)
    again = reevaluated("lucky", StoredArchive("GridArchive", fields, about), LocalEvaluator(problem, 1, 0.0), 50, 4)
    assert np.array_equal(found.mean, again.mean) and found.drop == again.drop
    assert found.measures_sd == pytest.approx(0.6 * found.objective_sd)
    with pytest.raises(QDError, match="holds no elites"):
        reevaluated("none", StoredArchive("GridArchive", {}, {}), LocalEvaluator(problem, 1, 0.0), 1, 0)


@pytest.mark.drawing
def test_the_command_judges_an_archive(call: Any, run: Path) -> None:  # noqa: F811
    code, _, err = call("reeval", run, "--repeats", "4", "--quiet")
    assert code == 0, err
    found = json.loads((run / "reeval.json").read_text())
    assert found["coverage"][1] < found["coverage"][0]
    assert 0 < found["slope"] < 1
    assert (run / "plots" / "reeval.png").exists()


@pytest.mark.launch
def test_ranks_give_the_same_judgement(call: Any, run: Path) -> None:  # noqa: F811
    from tests import launching

    if not launching.MPIEXEC.exists():
        pytest.skip("no mpiexec beside this Python")
    call("reeval", run, "--repeats", "3", "--out", "alone", "--quiet")
    done = launching.launch(
        2, "-m", "qd", "reeval", str(run), "--repeats", "3", "--out", "two", "--quiet", cwd=Path.cwd()
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(Path("two/reeval.json").read_text()) == json.loads(Path("alone/reeval.json").read_text())
