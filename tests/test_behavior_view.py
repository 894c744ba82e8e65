"""Pictures of what an encoder has learned: the right numbers are in them, and nothing overlaps or is cut off."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

from qd.algorithms._described import projected
from qd.errors import QDError
from qd.view.scene import Scene
from qd.view.space_axes import MeasureAxes
from qd.view.space_plots import curves_figure, emitters_figure, plane_colors, reconstruction_figure, space_figure
from qd.view.style import style
from tests.test_view import HOSTILE, SUMMARY, bars, check_text, drawn

pytestmark = pytest.mark.drawing


def images(k, size=12):
    return np.random.default_rng(k).integers(0, 256, (k, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("k", [1, 2, 5, 8, 30])
def test_observations_stand_above_their_reconstructions(k):
    before = images(k)
    after = np.clip(before / 255.0 + np.random.default_rng(1).normal(0, 0.1, before.shape), -0.2, 1.2)
    with style():
        fig = reconstruction_figure(before, after, SUMMARY)
        check_text(fig)
    columns = min(k, 8)
    table = np.array(fig.axes[: 3 * columns]).reshape(3, columns)
    last = [axes.get_images()[0].get_array() for axes in table[:, -1]]
    assert np.array_equal(last[0], before[-1] / 255.0)
    assert np.array_equal(last[1], np.clip(after[-1], 0, 1))
    assert np.allclose(last[2], np.abs(after[-1] - before[-1] / 255.0).mean(axis=2))
    assert np.array_equal(table[0, 0].get_images()[0].get_array(), before[0] / 255.0)
    assert [axes.get_title("left") for axes in table[:, 0]] == ["observation", "reconstruction", "difference"]
    assert float(table[2, -1].get_xlabel()) == pytest.approx(((after[-1] - before[-1] / 255.0) ** 2).mean(), rel=0.1)
    limits = {axes.get_images()[0].get_clim() for axes in table[2]}
    assert len(limits) == 1  # one scale for all differences
    assert bars(fig)[0].get_ylim() == limits.pop()


def test_perfect_reconstructions_show_no_difference():
    with style():
        fig = reconstruction_figure(images(3), images(3), SUMMARY)
        check_text(fig)
    assert (fig.axes[6].get_images()[0].get_array() == 0).all()
    assert fig.axes[6].get_xlabel() == "0.0e+00"


def test_grey_pictures_and_hostile_names():
    grey = np.random.default_rng(0).random((4, 10, 20))
    with style():
        check_text(reconstruction_figure(grey, grey[::-1], HOSTILE, "a note with $ in it"))


def test_pictures_of_other_shapes_are_refused():
    with pytest.raises(QDError, match="reconstructions: got shape"):
        reconstruction_figure(images(3), images(2), SUMMARY)
    with pytest.raises(QDError, match="images: got shape"):
        reconstruction_figure(np.zeros((3, 8, 8, 4)), images(3), SUMMARY)
    with pytest.raises(QDError, match="images: got shape"):
        reconstruction_figure(images(0), images(0), SUMMARY)


KNOWN = MeasureAxes(("x", "y"), (0.0, 0.0), (1.0, 1.0))


def run_of(n=400, trainings=5):
    """Positions of n evaluations, the last quarter by two emitters, and views of a space that is the truth turned."""
    rng = np.random.default_rng(3)
    measures = rng.random((n, 2))
    emitter = np.full(n, -1)
    emitter[3 * n // 4 :] = rng.choice([5, 9], n - 3 * n // 4)
    positions = {"id": np.arange(n), "measures": measures, "emitter": emitter, "objective": rng.random(n)}
    ids = np.concatenate([rng.permutation(n)[:50] for _ in range(trainings)])
    views = {
        "space_training": np.repeat(np.arange(1, trainings + 1), 50),
        "space_id": ids,
        "space_place": measures[ids][:, ::-1] * 7.0,
    }
    return positions, views


@pytest.mark.parametrize("trainings", [1, 2, 5])
def test_the_space_is_coloured_by_the_truth(trainings):
    positions, views = run_of(trainings=trainings)
    with style():
        fig = space_figure(views, positions, KNOWN, Scene(), SUMMARY)
        check_text(fig)
    (points,) = drawn(fig.axes[0], PathCollection)
    first = views["space_id"][:50]
    np.testing.assert_allclose(np.asarray(points.get_offsets()), views["space_place"][:50])
    shown = positions["measures"][np.unique(views["space_id"])]
    unit = (positions["measures"][first] - shown.min(axis=0)) / (shown.max(axis=0) - shown.min(axis=0))
    np.testing.assert_allclose(np.asarray(points.get_facecolors())[:, :3], plane_colors(unit), atol=1e-6)


def test_no_space_without_views_or_a_plane_of_truth():
    positions, views = run_of()
    assert space_figure({}, positions, KNOWN, Scene(), SUMMARY) is None
    flat = positions | {"measures": positions["measures"][:, :1]}
    assert space_figure(views, flat, KNOWN, Scene(), SUMMARY) is None


def test_each_emitter_has_a_line_from_its_founder_to_its_best():
    positions, _ = run_of()
    with style():
        fig = emitters_figure(positions, KNOWN, Scene(), SUMMARY)
        check_text(fig)
    lines = [line.get_xydata() for line in fig.axes[0].lines if len(line.get_xydata()) == 2]
    for founder, line in zip((5, 9), lines, strict=True):
        rows = np.flatnonzero(positions["emitter"] == founder)
        best = rows[np.argmax(positions["objective"][rows])]
        np.testing.assert_array_equal(line, positions["measures"][[founder, best]])
    assert emitters_figure(positions | {"emitter": np.full(400, -1)}, KNOWN, Scene(), SUMMARY) is None


def test_curves_show_what_there_is():
    frame = pd.DataFrame({"evaluations": [1, 2, 3], "mean_novelty": [1.0, 2.0, 3.0]})
    assert curves_figure(frame, SUMMARY) is None  # too little for a picture
    for name in ("best_area_1", "share_area_1", "share_exploration", "coverage_all", "coverage_exploration"):
        frame[name] = [0.1, 0.2, 0.3]
    frame["mean_surprise"] = [100.0, 0.1, 0.2]
    with style():
        fig = curves_figure(frame, SUMMARY)
        check_text(fig)
    labels = [axes.get_ylabel() for axes in fig.axes]
    assert labels == ["mean novelty", "mean surprise", "best by area", "budget share", "coverage [%]"]
    assert fig.axes[1].get_yscale() == "log"


def test_the_projection_is_the_two_widest_directions():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    spread = rng.normal(size=(5000, 4)) * [0.1, 3.0, 1.0, 0.2]
    places = projected(spread @ turn.T + 7.0)
    assert np.abs(np.corrcoef(places[:, 0], spread[:, 1])[0, 1]) > 0.999
    assert np.abs(np.corrcoef(places[:, 1], spread[:, 2])[0, 1]) > 0.999
    assert projected(np.ones((1, 5))).tolist() == [[0.0, 0.0]]
    assert projected(np.arange(3.0)[:, None])[:, 1].tolist() == [0.0, 0.0, 0.0]
