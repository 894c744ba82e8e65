"""Pictures of what an encoder has learned: the right numbers are in them, and nothing overlaps or is cut off."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection

from qd.errors import QDError
from qd.view.behavior_plots import learned_space_figure, projected, reconstruction_figure
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


@pytest.mark.parametrize(("n", "m"), [(0, 10), (1, 10), (2, 1), (300, 2), (300, 10), (6000, 3)])
def test_a_learned_space_is_coloured_by_the_truth(n, m):
    rng = np.random.default_rng(n)
    truth = rng.random((n, 2))
    measures = rng.normal(0, 1, (n, m)) + truth[:, :1] * 5
    with style():
        fig = learned_space_figure(measures, truth, SUMMARY)
        check_text(fig)
    for index, axes in enumerate(fig.axes[:2]):
        (points,) = drawn(axes, PathCollection)
        assert np.array_equal(np.asarray(points.get_array()), truth[:, index])
        assert np.array_equal(np.asarray(points.get_offsets()), projected(measures)[0])
    assert [bar.get_xlabel() for bar in bars(fig)] == ["x", "y"]


def test_the_projection_is_the_two_widest_directions():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    spread = rng.normal(size=(5000, 4)) * [0.1, 3.0, 1.0, 0.2]
    places, shares = projected(spread @ turn.T + 7.0)
    assert np.abs(np.corrcoef(places[:, 0], spread[:, 1])[0, 1]) > 0.999
    assert np.abs(np.corrcoef(places[:, 1], spread[:, 2])[0, 1]) > 0.999
    assert shares == pytest.approx(np.array([9, 1]) / 10.05, abs=0.02)
    assert np.abs(places.mean(axis=0)).max() < 1e-9


def test_rows_without_numbers_are_left_out():
    measures, truth = np.random.default_rng(0).random((9, 3)), np.random.default_rng(1).random((9, 2))
    measures[2, 1], truth[5, 0] = np.nan, np.inf
    with style():
        fig = learned_space_figure(measures, truth, HOSTILE, ("place [$m$]", "a long name of the second truth"))
        check_text(fig)
    (points,) = drawn(fig.axes[0], PathCollection)
    assert np.array_equal(np.asarray(points.get_array()), np.delete(truth, [2, 5], 0)[:, 0])
    with pytest.raises(QDError, match="truth"):
        learned_space_figure(measures, truth[:4], SUMMARY)
    with pytest.raises(QDError, match="measures"):
        learned_space_figure(measures[:, 0], truth, SUMMARY)
