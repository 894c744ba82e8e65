"""qd watch: a run's folder read as it grows, and a screen of it at any width."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import qd
from qd.store.files import RunFolder
from qd.view.watch.drawing import coarse, curve, plain_map, shade
from qd.view.watch.reading import Watched
from qd.view.watch.screen import screen
from tests.command import call, folder, refused  # noqa: F401 - fixtures

ARM = qd.Experiment(qd.problems.PlanarArm(joints=4), qd.algorithms.MapElites(batch_size=50), 500, seed=2)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    qd.run(ARM, tmp_path / "run")
    return tmp_path / "run"


def shown(run: Path, width: int = 100, height: int = 30, colours: bool = False, axes: tuple[int, int] = (0, 1)) -> str:
    watched = Watched(RunFolder(run))
    watched.look()
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(screen(watched, width, height, axes, colours))
    return console.export_text()


def test_a_finished_run(run: Path) -> None:
    text = shown(run)
    summary = qd.Result.load(run).summary
    assert "MapElites on PlanarArm, seed 2" in text
    assert "finished" in text and "500 of 500 evaluations" in text
    assert f"coverage {summary['coverage']:.1%}" in text
    assert f"digest {summary['digest'][:12]}" in text


@pytest.mark.parametrize("width", [24, 40, 80, 200])
@pytest.mark.parametrize("colours", [True, False])
def test_it_fits_any_terminal(run: Path, width: int, colours: bool) -> None:
    for height in (10, 24, 60):
        lines = shown(run, width, height, colours).splitlines()
        assert max(map(len, lines)) <= width
        assert len(lines) <= max(height, 22)


def test_what_grows_is_read_on_and_what_was_cut_back_anew(run: Path) -> None:
    whole = (run / "metrics.csv").read_text()
    lines = whole.splitlines(keepends=True)
    (run / "summary.json").unlink()
    (run / "metrics.csv").write_text("".join(lines[:4]) + lines[4][:7])  # a row that is being written
    watched = Watched(RunFolder(run))
    watched.look()
    assert len(watched.rows) == 3 and watched.state == "going"
    assert watched.number("evaluations") == 150
    (run / "metrics.csv").write_text(whole)
    watched.look()
    assert watched.number("evaluations") == 500 and len(watched.rows) == 10
    (run / "metrics.csv").write_text("".join(lines[:2]))  # a resume cuts back to its checkpoint
    watched.look()
    assert watched.number("evaluations") == 50 and len(watched.rows) == 1


def test_a_run_that_is_silent_says_how_to_go_on(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run / "summary.json").unlink()
    monkeypatch.setattr("qd.view.watch.reading._SILENT", -1.0)
    text = shown(run, 200)
    assert "silent: no sign of life for" in text and "qd resume" in text


def test_hostile_reasons_are_text(run: Path) -> None:
    reason = "Traceback\nRuntimeError: [bold red]x[/] \x1b[31mred\x07 \u202e"
    (run / "failures.jsonl").write_text(json.dumps({"reason": reason}) + "\n" + '{"reason": "half')
    text = shown(run)
    assert "1 failed; the newest: RuntimeError: [bold red]x[/]" in text
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_no_measures_many_measures_and_nan(tmp_path: Path) -> None:
    def many(x: Any) -> tuple[float, Any]:
        return float("nan") if x[0] > 0.5 else float(x.sum()), np.resize(x, 20)

    bounds = {f"m{i}": (0.0, 1.0) for i in range(20)}
    problem = qd.problem(many, low=0, high=1, length=3, measures=bounds)
    qd.run(qd.Experiment(problem, qd.algorithms.RandomSearch(batch_size=20), 60), tmp_path / "many")
    assert "measures 3 and 19" in shown(tmp_path / "many", axes=(3, 99))
    plain = qd.problem(lambda x: float(x.sum()), low=0, high=1, length=3)
    qd.run(qd.Experiment(plain, qd.algorithms.RandomSearch(batch_size=20), 60), tmp_path / "none")
    text = shown(tmp_path / "none")
    assert "measures" not in text and "best objective" in text


def test_a_run_that_has_only_begun(run: Path) -> None:
    for name in ("metrics.csv", "summary.json", "history.bin"):
        (run / name).unlink()
    assert "no generation yet" in shown(run)


def test_the_command(call: Any, refused: Any, folder: Path) -> None:  # noqa: F811
    call("run", "sphere.py", "--out", "r", "--quiet")
    code, out, _ = call("watch", "r", "--once")
    assert code == 0 and "RandomSearch on" in out and "100 of 100 evaluations" in out
    assert "--wait waits for one to begin" in refused("watch", "nowhere")
    assert "--axes x: wanted two numbers" in refused("watch", "r", "--axes", "x")
    assert "--interval 0.0: wanted a number of seconds above 0" in refused("watch", "r", "--interval", "0")


def test_a_curve_goes_from_left_to_right() -> None:
    lines = curve(np.arange(100.0), np.arange(100.0), 20, 3)
    assert [len(line) for line in lines] == [20, 20, 20]
    assert lines[0][-1] != "\u2800" and lines[0][0] == "\u2800" and lines[-1][0] != "\u2800"
    assert curve(np.zeros(0), np.zeros(0), 3, 2) == ["   ", "   "]
    flat = curve(np.array([0.0, 1.0]), np.array([2.0, 2.0]), 3, 1)
    assert len(set(flat[0])) == 1


def test_a_coarse_map_keeps_the_best_of_each_cell() -> None:
    measures = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    best = coarse(measures, np.array([1.0, 3.0, 2.0]), (0, 1), 2, 2)
    np.testing.assert_array_equal(best, [[np.nan, 2.0], [3.0, np.nan]])
    assert plain_map(best) == [" .", "@ "]
    assert shade(0.0) == "#440154" and shade(1.0) == "#fde725" == shade(7.0)
