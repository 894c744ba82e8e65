"""The pictures of a run: the right numbers are in them, and nothing overlaps or is cut off."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.text import Text

from archives import GridArchive, NoveltyArchive
from qd.algorithms.random_search import RandomSearch
from qd.errors import QDError
from qd.experiment import Experiment
from qd.function_problem import FunctionProblem, problem
from qd.loop import run
from qd.result import Result
from qd.rng import row_seeds
from qd.space import Box, Measures
from qd.store.archive_file import StoredArchive
from qd.view import plot_result, plot_run
from qd.view.archive_plots import archive_figure, elites_of
from qd.view.plots import _file_name
from qd.view.run_plots import metrics_figure, positions_figure
from qd.view.scene import Scene, checked_scene
from qd.view.space_axes import MeasureAxes
from qd.view.style import limits, plain, style, text_width, tick_labels, wrapped

SUMMARY = {
    "algorithm": "MapElites",
    "problem": "Arm",
    "seed": 7,
    "evaluations": 12345,
    "coverage": 0.4321,
    "statuses": {"ok": 10, "failed": 0},
}
TITLE = "MapElites on Arm, seed 7, 12,345 evaluations"
HOSTILE = SUMMARY | {
    "algorithm": "A_very_long_name_" * 6,
    "problem": r"a $x_1$ and \frac{1}{2} % # & ~ problem " * 3,
}
LONG = "distance travelled over the whole episode by the left front foot, in body lengths [$m$]"

pytestmark = pytest.mark.drawing


@pytest.fixture(autouse=True)
def strict_style() -> Iterator[None]:
    """Our style, and no warning of matplotlib's goes unseen: a layout that gives up only warns."""
    with style(), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def known(*names: str) -> MeasureAxes:
    return MeasureAxes(names, (0.0,) * len(names), (1.0,) * len(names))


def points(n: int, m: int) -> np.ndarray:
    return np.random.default_rng(n + m).random((n, m))


def filled(archive: Any, n: int, objective: float | None = None) -> Any:
    if n:
        x = points(n, archive.measure_dim)
        archive.add(x[:, :1], -((x - 0.5) ** 2).sum(1) if objective is None else np.full(n, objective), x)
    return archive


def grid(n: int, dims: tuple[int, ...] = (20, 20), objective: float | None = None) -> Any:
    return filled(GridArchive(solution_dim=1, dims=dims, ranges=[(0, 1)] * len(dims)), n, objective)


def novelty(n: int, m: int) -> Any:
    return filled(NoveltyArchive(solution_dim=1, measure_dim=m), n)


def cvt(n: int, m: int = 2, cells: int = 60) -> Any:
    from ribs.archives import CVTArchive

    return filled(CVTArchive(solution_dim=1, centroids=points(cells, m), ranges=[(0, 1)] * m), n)


def stored(archive: Any) -> StoredArchive:
    """What archive.npz gives back of a live archive."""
    meta = {"measures": None}
    for key in ("dims", "lower_bounds", "upper_bounds", "cells", "k_neighbors"):
        if hasattr(archive, key):
            meta[key] = np.asarray(getattr(archive, key)).tolist()
    fields = dict(archive.data(return_type="dict"))
    if hasattr(archive, "centroids"):
        fields["centroids"] = archive.centroids
    return StoredArchive(type(archive).__name__, fields, meta)


def draw(archive: Any, names: tuple[str, ...] = (), scene: Scene | None = None, summary: Any = SUMMARY) -> Figure:
    elites = elites_of(archive)
    assert elites is not None
    return archive_figure("kept", elites, known(*names), scene or Scene(), summary)


def every_axes(fig: Figure) -> list[Any]:
    return [*fig.axes, *(child for axes in fig.axes for child in axes.child_axes)]


def bars(fig: Figure) -> list[Any]:
    """The colour bars' axes."""
    return [axes for axes in every_axes(fig) if hasattr(axes, "_colorbar")]


def drawn(axes: Any, kind: type) -> list[Any]:
    return [artist for artist in axes.get_children() if type(artist) is kind]


def visible_texts(fig: Figure) -> list[Text]:
    fig.draw_without_rendering()
    off: set[int] = set()
    for axes in every_axes(fig):
        for axis in (axes.xaxis, axes.yaxis):
            shown = axis._update_ticks() if axes.axison and axis.get_visible() else []
            for tick in [*axis.majorTicks, *axis.minorTicks]:
                if tick not in shown:
                    off |= {id(tick.label1), id(tick.label2)}
            if not axes.axison:
                off |= {id(text) for text in axis.findobj(Text)}
    return [t for t in fig.findobj(Text) if t.get_visible() and t.get_text().strip() and id(t) not in off]


def check_text(fig: Figure) -> None:
    """Every text lies within the figure, and no two lie on each other."""
    texts = visible_texts(fig)
    assert len(texts) >= 3
    frame = fig.bbox
    boxes = [text.get_window_extent() for text in texts]
    for text, box in zip(texts, boxes, strict=True):
        inside = box.x0 >= frame.x0 and box.y0 >= frame.y0 and box.x1 <= frame.x1 and box.y1 <= frame.y1
        assert inside, f"{text.get_text()!r} is cut off: {box} in {frame}"
    for i, box in enumerate(boxes):
        for j in range(i):
            if texts[i].get_rotation() % 90 or texts[j].get_rotation() % 90:
                continue  # their boxes stand upright, the slanted texts do not
            crossed = (
                min(box.x1, boxes[j].x1) - max(box.x0, boxes[j].x0),
                min(box.y1, boxes[j].y1) - max(box.y0, boxes[j].y0),
            )
            assert min(crossed) <= 0.5, f"{texts[i].get_text()!r} lies on {texts[j].get_text()!r}"


def pixels(path: Path) -> np.ndarray:
    return matplotlib.image.imread(path)[..., :3]


# ---------------------------------------------------------------- archives


@pytest.mark.parametrize("form", [lambda a: a, stored])
def test_grid_of_two_measures_is_a_heatmap(form: Any) -> None:
    archive = grid(300)
    fig = draw(form(archive), ("leg [m]", "arm [m]"))
    (axes,) = fig.axes
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_aspect()) == ("leg [m]", "arm [m]", 1.0)
    (mesh,) = drawn(axes, QuadMesh)
    elites = archive.data(return_type="dict")
    expected = np.full((20, 20), np.nan)
    cell = np.clip((elites["measures"] * 20).astype(int), 0, 19)
    expected[cell[:, 1], cell[:, 0]] = elites["objective"]
    np.testing.assert_array_equal(mesh.get_array().filled(np.nan), expected)
    assert mesh.get_clim() == (elites["objective"].min(), elites["objective"].max())
    assert mesh.get_cmap().name == "viridis"
    (bar,) = bars(fig)
    assert bar.get_ylabel() == "objective"
    assert bar.get_ylim() == pytest.approx(mesh.get_clim())
    assert fig.get_suptitle().startswith(TITLE + "\n")
    assert f"'kept': {len(archive)} elites in 400 cells" in fig.get_suptitle()
    check_text(fig)


@pytest.mark.parametrize("form", [lambda a: a, stored])
def test_cvt_of_two_measures_is_a_tessellation(form: Any) -> None:
    archive = cvt(40)
    fig = draw(form(archive), ("a", "b"))
    (axes,) = fig.axes
    (cells,) = drawn(axes, PolyCollection)
    assert (cells.get_facecolor()[:, 3] > 0).sum() == len(archive)  # empty cells are clear
    ends = archive.data("objective").min(), archive.data("objective").max()
    assert bars(fig)[0].get_ylim() == pytest.approx(ends)
    check_text(fig)


def test_pyribs_grid_is_drawn_as_ours() -> None:
    from ribs.archives import GridArchive as Theirs

    ours = draw(grid(200), ("a", "b"))
    theirs = draw(filled(Theirs(solution_dim=1, dims=(20, 20), ranges=[(0, 1)] * 2), 200), ("a", "b"))
    meshes = [drawn(fig.axes[0], QuadMesh)[0].get_array().filled(np.nan) for fig in (ours, theirs)]
    np.testing.assert_array_equal(*meshes)


def test_grid_larger_than_its_add_rule_keeps_the_stored_cells() -> None:
    """Cells come from the index on disk: an elite is not sorted in again, where rounding could move it."""
    kept = stored(grid(0))
    kept.fields = {"objective": np.ones(1), "measures": np.zeros((1, 2)), "index": np.array([399])}
    mesh = drawn(draw(kept, ("a", "b")).axes[0], QuadMesh)[0]
    assert np.isfinite(mesh.get_array().filled(np.nan)[19, 19])


@pytest.mark.parametrize("archive", [grid(0), novelty(0, 2), cvt(0)], ids=["grid", "novelty", "cvt"])
@pytest.mark.parametrize("form", [lambda a: a, stored])
def test_empty_archive_has_no_color_bar(archive: Any, form: Any) -> None:
    fig = draw(form(archive), ("a", "b"))
    assert bars(fig) == []
    assert "nothing to show" in fig.get_suptitle()
    assert fig.axes[0].get_xlabel() == "a"
    check_text(fig)


@pytest.mark.parametrize(
    ("archive", "only"),
    [
        (grid(1, objective=-2.5), -2.5),
        (grid(300, objective=0.0), 0.0),
        (grid(99, objective=1e9), 1e9),
        (cvt(1), None),
    ],
)
def test_equal_objectives_leave_a_colour_bar(archive: Any, only: float | None) -> None:
    fig = draw(archive, ("a", "b"))
    (bar,) = bars(fig)
    low, high = bar.get_ylim()
    value = archive.data("objective")[0]
    assert low < value < high
    assert bar.get_yticks().tolist() == [value]
    assert only is None or value == only
    check_text(fig)


@pytest.mark.parametrize("archive", [grid(40, (50,)), cvt(9, 1, 12), novelty(50, 1)], ids=["grid", "cvt", "novelty"])
@pytest.mark.parametrize("form", [lambda a: a, stored])
def test_one_measure(archive: Any, form: Any) -> None:
    fig = draw(form(archive), (LONG,))
    (axes,) = fig.axes
    assert axes.get_xlabel().replace("\n", " ") == LONG.replace("$", r"\$")
    if isinstance(archive, NoveltyArchive):
        (dots,) = drawn(axes, PathCollection)
        np.testing.assert_array_equal(dots.get_offsets()[:, 0], archive.data("measures")[:, 0])
    else:
        (mesh,) = drawn(axes, QuadMesh)
        assert np.isfinite(mesh.get_array().filled(np.nan)).sum() == len(archive)
        assert len(bars(fig)) == 1
    check_text(fig)


@pytest.mark.parametrize("archive", [novelty(60, 3), grid(60, (2,) * 12), cvt(30, 3), novelty(60, 16)])
def test_many_measures_have_an_axis_each(archive: Any) -> None:
    m = archive.measure_dim
    names = tuple(f"measure number {i} of the $set$" for i in range(m))
    fig = draw(archive, names)
    shown = min(m, 12)
    assert len(fig.axes) == shown
    assert len(fig.axes[0].lines) == len(archive)
    labels = [text.get_text() for text in fig.axes[0].get_xticklabels()]
    assert len(labels) == shown
    assert all(f"number {i}" in label.replace("\n", " ") for i, label in enumerate(labels))
    assert ("12 of 16 measures" in fig.get_suptitle()) == (m == 16)
    (bar,) = bars(fig)
    assert bar.get_xlabel() == ("order of entry" if isinstance(archive, NoveltyArchive) else "objective")
    check_text(fig)


def test_names_of_parallel_axes_are_slanted_where_they_are_wide() -> None:
    for names, angle in ((tuple("abcdefghijkl"), 0), (tuple(f"distance {i} of the left foot" for i in range(12)), 40)):
        fig = draw(novelty(20, 12), names)
        labels = fig.axes[0].get_xticklabels()
        assert {label.get_rotation() for label in labels} == {angle}
        assert [label.get_text()[:9] for label in labels] == [name[:9] for name in names]
        check_text(fig)


def test_parallel_axes_of_many_elites_draw_a_share_with_both_ends() -> None:
    archive = grid(9000, (20, 20, 20))
    fig = draw(archive, ("a", "b", "c"))
    assert len(archive) > 2000
    assert len(fig.axes[0].lines) == 2000
    assert "2,000 of them drawn" in fig.get_suptitle()
    best = archive.data("measures")[archive.data("objective").argmax()]
    np.testing.assert_allclose(fig.axes[0].lines[-1].get_ydata(), best)


@pytest.mark.parametrize("form", [lambda a: a, stored])
def test_novelty_archive_shows_the_order_of_entry_over_the_scene(form: Any) -> None:
    archive = novelty(80, 2)
    scene = checked_scene({"lines": [[[0, 0], [1, 1]]], "points": [[0.1, 0.9, "start"]], "invert_y": True})
    fig = draw(form(archive), ("x", "y"), scene)
    (axes,) = fig.axes
    (dots,) = drawn(axes, PathCollection)
    np.testing.assert_array_equal(dots.get_array(), np.arange(80))
    assert dots.get_clim() == (0, 79)
    np.testing.assert_array_equal(dots.get_offsets(), archive.data("measures"))
    assert len(drawn(axes, LineCollection)) == 1
    assert axes.yaxis_inverted()
    assert axes.get_aspect() == 1.0
    assert bars(fig)[0].get_ylabel() == "order of entry"
    assert "80 entries" in fig.get_suptitle()
    check_text(fig)


def test_thirty_thousand_cells() -> None:
    archive = grid(60_000, (200, 150))
    fig = draw(archive, ("a", "b"))
    (mesh,) = drawn(fig.axes[0], QuadMesh)
    assert mesh.get_array().shape == (150, 200)
    assert mesh.get_rasterized()
    check_text(fig)


def test_hostile_names_are_shown_as_text() -> None:
    fig = draw(grid(50), (LONG, r"$x$_{12} \frac under_score $"), summary=HOSTILE)
    check_text(fig)
    fig.draw_without_rendering()
    for text in visible_texts(fig):
        assert text._preprocess_math(text.get_text())[1] is False  # nothing is read as a formula
    shown = fig._suptitle._preprocess_math(fig.get_suptitle())[0].replace("\n", " ")
    assert "$x_1$" in shown
    assert "archive 'kept': " in shown  # a long title does not push it out
    assert fig.axes[0].yaxis.label._preprocess_math(fig.axes[0].get_ylabel())[0] == r"$x$_{12} \frac under_score $"


def test_measures_that_are_not_the_problems_are_numbered() -> None:
    scene = checked_scene({"lines": [[[0, 0], [1, 1]]]})
    fig = draw(novelty(20, 2), ("a", "b", "c"), scene)
    assert (fig.axes[0].get_xlabel(), fig.axes[0].get_ylabel()) == ("measure 0", "measure 1")
    assert drawn(fig.axes[0], LineCollection) == []  # the scene lies in another space


def test_objects_without_elites_are_passed_over() -> None:
    assert elites_of(object()) is None
    assert elites_of(StoredArchive("Odd", {"objective": np.zeros(2)}, {})) is None


# ---------------------------------------------------------------- positions, scene


def positions(k: int, m: int) -> dict[str, np.ndarray]:
    ids = np.arange(k)
    return {
        "id": ids,
        "generation": (ids // 10).astype(np.int32),
        "measures": points(k, m).astype(np.float32),
    }


def test_positions_over_the_scene() -> None:
    scene = checked_scene(
        {
            "lines": [
                [[0, 0], [1, 0], [1, 1]],
                "array (40, 2) float64 sha256 0",
                [[0, 1, 2]],
                [[0.2, 0.2], [0.4, 0.5]],
            ],
            "line_width": 3,
            "circles": [[0.5, 0.5, 0.2, "goal"], [0.5, 0.5, "no radius"]],
            "points": [[0.1, 0.9, "start"], [0.12, 0.9, "$other$"]],
            "invert_y": True,
        }
    )
    fig = positions_figure(positions(500, 2), known("x [m]", "y [m]"), scene, SUMMARY)
    (axes,) = fig.axes
    (walls,) = drawn(axes, LineCollection)
    assert len(walls.get_segments()) == 2
    assert walls.get_linewidth() == [3.0]
    assert axes.get_aspect() == 1.0
    assert axes.yaxis_inverted()
    assert not axes.xaxis_inverted()
    (dots,) = drawn(axes, PathCollection)
    assert dots.get_clim() == (0, 49)
    assert dots.get_cmap().name == "cividis"
    assert fig.get_suptitle() == f"{TITLE}\n500 positions, coverage 43.2 %"
    assert {"goal", "start", r"\$other\$"} <= {text.get_text() for text in axes.texts}
    check_text(fig)


def test_labels_without_room_are_left_out() -> None:
    crowd = [[0.5, 0.5 + 1e-3 * i, "a label of some length"] for i in range(40)]
    fig = positions_figure(positions(5, 2), known("x", "y"), checked_scene({"points": crowd}), SUMMARY)
    assert 1 <= len(fig.axes[0].texts) < 40
    check_text(fig)


@pytest.mark.parametrize(("m", "panels"), [(1, 1), (2, 1), (3, 3), (12, 3)])
def test_positions_of_any_width(m: int, panels: int) -> None:
    names = tuple(f"measure {i} that has a rather long name of some $kind$" for i in range(m))
    fig = positions_figure(positions(200, m), known(*names), Scene(), HOSTILE)
    assert sum(len(drawn(axes, PathCollection)) for axes in fig.axes) == panels
    assert ("3 of 12 measures" in fig.get_suptitle().replace("\n", " ")) == (m == 12)
    assert len(bars(fig)) == 1
    check_text(fig)


def test_one_position_and_one_generation() -> None:
    fig = positions_figure(positions(1, 2), MeasureAxes(), Scene(), SUMMARY | {"coverage": None})
    assert fig.get_suptitle().endswith("\n1 position")
    assert bars(fig)[0].get_yticks().tolist() == [0]
    check_text(fig)


def test_ranges_far_apart_do_not_make_a_sliver() -> None:
    axes = MeasureAxes(("x", "angle [deg]"), (0.0, 0.0), (1.0, 360.0))
    fig = positions_figure(positions(50, 2), axes, Scene(), SUMMARY)
    assert fig.axes[0].get_aspect() == "auto"


def test_scene_of_any_nonsense_is_empty() -> None:
    nonsense: tuple[Any, ...] = (
        None,
        [],
        {"lines": "x"},
        {"lines": [["a"]], "circles": [[1]], "points": [None], "line_width": "wide"},
    )
    for raw in nonsense:
        assert not checked_scene(raw)


# ---------------------------------------------------------------- metrics


def frame(n: int, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"evaluations": 100_000 * np.arange(1, n + 1)} | columns)


def test_metrics_share_their_evaluations() -> None:
    n = 50
    fig = metrics_figure(
        frame(
            n,
            coverage=np.linspace(0, 0.5, n),
            qd_score=np.linspace(0, 5e4, n),
            best_objective=np.arange(n) / 7,
        ),
        SUMMARY,
    )
    assert [axes.get_ylabel() for axes in fig.axes] == ["coverage [%]", "QD score", "best objective"]
    assert [axes.get_xlabel() for axes in fig.axes] == ["", "", "evaluations"]
    assert fig.axes[0].get_shared_x_axes().joined(fig.axes[0], fig.axes[2])
    assert fig.axes[0].lines[0].get_ydata()[-1] == pytest.approx(50)  # in percent
    texts = {text.get_text() for text in visible_texts(fig)}
    assert {"2,000,000", "20,000", TITLE} <= texts
    check_text(fig)


def test_a_panel_without_numbers_is_left_out() -> None:
    n = 3
    fig = metrics_figure(frame(n, coverage=np.nan, qd_score=np.nan, best_objective=[np.nan, 1.0, 2.0]), SUMMARY)
    (axes,) = fig.axes
    assert axes.get_ylabel() == "best objective"
    assert axes.lines[0].get_xdata().tolist() == [200_000, 300_000]
    assert axes.lines[0].get_marker() == "o"  # few points are marked, a single one could not be seen
    check_text(fig)


def test_no_numbers_at_all_leave_a_note() -> None:
    for empty in (frame(2), pd.DataFrame()):
        fig = metrics_figure(empty, SUMMARY | {"statuses": {"ok": 0, "failed": 4}})
        assert "no evaluation came out well: see failures.jsonl" in {text.get_text() for text in fig.axes[0].texts}
        assert fig.get_suptitle() == TITLE


def test_failures_are_told() -> None:
    fig = metrics_figure(frame(1, coverage=[0.0]), SUMMARY | {"statuses": {"ok": 1, "failed": 2, "timed_out": 1}})
    assert fig.get_suptitle() == f"{TITLE}\n3 evaluations did not come out well"
    check_text(fig)


# ---------------------------------------------------------------- whole runs


def square(x: np.ndarray) -> tuple[float, np.ndarray]:
    return -float((x**2).sum()), x[:2]


class Drawable(FunctionProblem):
    """Notes what it was asked to draw."""

    def __init__(self, picture: Any = "figure") -> None:
        space = Measures(("x [$]", "y_1"), (-1.0, -1.0), (1.0, 1.0), dims=(10, 10))
        super().__init__(square, Box(-1, 1, 3), space, False, 16, "square")
        self.picture = picture
        self.asked: list[tuple[Any, int]] = []

    def scene(self) -> dict[str, Any]:
        return {
            "lines": [np.array([[-1.0, 0.0], [1.0, 0.0]])],
            "points": [(0.5, 0.5, "here")],
            "invert_y": True,
        }

    def render(self, solution: Any, seed: int) -> Any:
        self.asked.append((solution.copy(), seed))
        if isinstance(self.picture, Exception):
            raise self.picture
        if not isinstance(self.picture, str):
            return self.picture
        fig = Figure(figsize=(3, 2))
        fig.add_subplot().plot([0, 1])
        return fig


def made(problem: Any, out: Path | None = None) -> Result:
    return run(Experiment(problem, RandomSearch(batch_size=20), 60, seed=7), out)


def test_a_live_run_and_its_folder_give_the_same_pictures(tmp_path: Path) -> None:
    result = made(Drawable(), tmp_path / "run")
    live = plot_result(result)
    assert [path.name for path in live] == ["positions.png", "metrics.png", "solution.png"]
    assert {path.parent for path in live} == {tmp_path / "run" / "plots"}
    loaded = plot_run(tmp_path / "run", tmp_path / "again")
    assert [path.name for path in loaded] == ["positions.png", "metrics.png"]  # nothing is executed to draw
    for one, other in zip(live, loaded, strict=False):
        assert one.read_bytes() == other.read_bytes()
    image = pixels(live[0])
    assert image.shape[1] == 900
    assert image.std() > 0.05
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == ["metrics.png", "positions.png"]


def test_archives_of_a_live_run_and_of_its_folder_look_the_same(tmp_path: Path) -> None:
    result = made(Drawable(None), tmp_path / "run")
    result._archives = {"grid": grid(90, (10, 10)), "the/../far archive": novelty(30, 2)}
    result._positions = {}
    live = plot_result(result, tmp_path / "live")
    result._archives = {name: stored(archive) for name, archive in result._archives.items()}
    kept = plot_result(result, tmp_path / "kept")
    names = ["archive_grid.png", "archive_the_.._far_archive.png"]
    assert [path.name for path in live[:2]] == [path.name for path in kept[:2]] == names
    for one, other in zip(live[:2], kept[:2], strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_the_best_solution_is_drawn_in_the_episode_that_scored(tmp_path: Path) -> None:
    problem = Drawable()
    result = made(problem)
    files = plot_result(result, tmp_path)
    assert (tmp_path / "solution.png") in files
    ((solution, seed),) = problem.asked
    np.testing.assert_array_equal(solution, result.best["solution"])
    assert seed == int(row_seeds(7, np.array([result.best["id"]], np.uint64))[0])
    image = pixels(tmp_path / "solution.png")
    assert image.shape[0] > 2 * 150  # the title stands above what the problem drew
    assert (image[:60] < 0.5).any()


def test_pictures_as_arrays_are_drawn(tmp_path: Path) -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:20] = (255, 0, 0)
    assert tmp_path / "solution.png" in plot_result(made(Drawable(image)), tmp_path)
    shown = pixels(tmp_path / "solution.png")
    assert ((shown[..., 0] > 0.9) & (shown[..., 1] < 0.1)).mean() > 0.1


@pytest.mark.parametrize(
    ("picture", "level"),
    [(QDError("cannot"), "INFO"), (None, "INFO"), (ZeroDivisionError("oh"), "WARNING")],
)
def test_a_problem_that_cannot_draw_costs_no_other_picture(
    picture: Any, level: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "qd"):
        files = plot_result(made(Drawable(picture)), tmp_path)
    assert [path.name for path in files] == ["positions.png", "metrics.png"]
    (record,) = [record for record in caplog.records if "best solution" in record.message]
    assert record.levelname == level


def test_a_run_in_which_all_failed_has_metrics_alone(tmp_path: Path) -> None:
    failing = problem(lambda x: (np.nan, x[:2]), low=-1, high=1, length=2, measures={"a": (0, 1), "b": (0, 1)})
    result = made(failing, tmp_path / "run")
    assert [path.name for path in plot_result(result)] == ["metrics.png"]
    assert [path.name for path in plot_run(tmp_path / "run")] == ["metrics.png"]


def test_a_run_without_measures(tmp_path: Path) -> None:
    plain_problem = problem(lambda x: float(x.sum()), low=-1, high=1, length=2)
    result = made(plain_problem, tmp_path / "run")
    assert [path.name for path in plot_result(result)] == ["metrics.png"]
    assert [path.name for path in plot_run(tmp_path / "run")] == ["metrics.png"]


def test_names_of_a_loaded_run_come_from_its_folder(tmp_path: Path) -> None:
    made(Drawable(), tmp_path)
    from qd.view.scene import scene_of
    from qd.view.space_axes import measure_axes

    result = Result.load(tmp_path)
    assert measure_axes(result) == MeasureAxes(("x [$]", "y_1"), (-1.0, -1.0), (1.0, 1.0))
    assert scene_of(result).points == [(0.5, 0.5, "here")]
    (tmp_path / "scene.json").unlink()
    assert not scene_of(Result.load(tmp_path))
    assert len(plot_run(tmp_path)) == 2


def test_runs_in_memory_draw_where_they_are_told_or_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = made(Drawable()).plot()
    assert files[0] == Path("plots/positions.png")
    assert (tmp_path / "plots" / "positions.png").is_file()


@pytest.mark.parametrize(("form", "start"), [("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_other_formats(form: str, start: bytes, tmp_path: Path) -> None:
    result = made(Drawable())
    result._archives, result._positions = {"cvt": cvt(20)}, {}
    first = [path.read_bytes() for path in plot_result(result, tmp_path / "a", form)]
    assert len(first) == 3
    assert all(data.startswith(start) for data in first)
    assert first == [path.read_bytes() for path in plot_result(result, tmp_path / "b", form)]


def test_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QDError, match=r"format: got 'pgn', did you mean 'png'\?"):
        plot_result(made(Drawable()), tmp_path, "pgn")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = made(Drawable())
    (tmp_path / "file").touch()
    with pytest.raises(QDError, match="file"):
        plot_result(result, tmp_path / "file")
    monkeypatch.setattr("qd.view.plots.write_atomic", _refuse)
    with pytest.raises(QDError, match=r"locked: plots cannot be written there: Read-only file system"):
        plot_result(result, tmp_path / "locked")


def _refuse(*args: Any, **settings: Any) -> None:
    raise OSError(30, "Read-only file system")


def test_worker_ranks_draw_nothing(tmp_path: Path) -> None:
    assert plot_result(Result(None, None, {}, root=False), tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_no_trace_is_left_in_the_users_matplotlib(tmp_path: Path) -> None:
    """Without a display, and with pyplot in use by the user: backend, settings and figures stay."""
    made(Drawable(), tmp_path / "run")
    code = (
        "import sys\n"
        "import qd.view\n"
        "assert not {'matplotlib', 'ribs', 'pandas'} & set(sys.modules), 'import qd.view must stay light'\n"
        "import matplotlib; matplotlib.use('svg')\n"
        "import matplotlib.pyplot as plt\n"
        "plt.rcParams['font.size'] = 31.0; plt.rcParams['text.usetex'] = True; mine = plt.figure()\n"
        "before = dict(matplotlib.rcParams)\n"
        f"qd.view.plot_run({str(tmp_path / 'run')!r})\n"
        "assert dict(matplotlib.rcParams) == before and matplotlib.get_backend() == 'svg'\n"
        "assert plt.get_fignums() == [mine.number] and plt.gcf() is mine\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


# ---------------------------------------------------------------- small parts


def test_file_names_are_safe_and_their_own() -> None:
    taken: set[str] = set()
    names = [_file_name(name, taken) for name in ("a/b", "a b", "A_b", "..", "", "x" * 500)]
    assert names[:5] == [
        "archive_a_b",
        "archive_a_b_2",
        "archive_A_b_3",
        "archive_unnamed",
        "archive_unnamed_2",
    ]
    assert len(names[5]) < 100


def test_text_that_is_wrapped_keeps_its_letters_and_its_width() -> None:
    for text in ("a word and another " * 9, "W" * 300, "under_score_" * 20, "$" * 90, "a"):
        for lines in (1, 3, 99):
            shown = wrapped(text, 120, 9, lines)
            parts = shown.replace(r"\$", "$").split("\n")
            assert len(parts) <= lines
            assert max(text_width(part, 9) for part in parts) <= 120
            whole = "".join(parts).replace(" ", "")
            assert whole == text.replace(" ", "") or whole.endswith("…")
    assert wrapped("", 100, 9) == ""
    assert plain("a\tb\n\x00c$") == r"a b c\$"


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.0, 2500.0, 1e6], ["0", "2,500", "1,000,000"]),
        ([-0.0, 0.25], ["0.00", "0.25"]),
        ([1e-7, 2e-7], ["1e-7", "2e-7"]),
        ([1e12, 2e12], ["1e12", "2e12"]),
        ([1000000.001, 1000000.002], ["1,000,000.001", "1,000,000.002"]),
        ([-0.3], ["-0.3"]),
        ([], []),
    ],
)
def test_tick_labels(values: list[float], labels: list[str]) -> None:
    assert tick_labels(values) == labels


@pytest.mark.parametrize("values", [[], [0.0], [5.0, 5.0], [1e300] * 2, [-1e-320], [1.0, np.nan, 2.0], [np.inf, 3.0]])
def test_colour_limits_are_a_range(values: list[float]) -> None:
    low, high = limits(values)
    assert low < high
    finite = [value for value in values if np.isfinite(value)]
    assert all(low <= value <= high for value in finite)


def test_bounds_hold_everything_and_are_a_range() -> None:
    for axes in (MeasureAxes(), known("a", "b")):
        for data in (
            np.zeros((0, 2)),
            np.zeros((3, 2)),
            np.full((2, 2), 1e9),
            np.array([[-5.0, 0.1], [5.0, 0.2]]),
        ):
            low, high = axes.bounds(data)
            assert (low < high).all()
            assert (data >= low).all()
            assert (data <= high).all()


def test_stored_summaries_may_lack_numbers(tmp_path: Path) -> None:
    made(Drawable(), tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    for key in ("coverage", "evaluations", "statuses", "seed"):
        summary[key] = None
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    assert len(plot_run(tmp_path)) == 2
