"""The picture of what is true against what is rewarded."""

from __future__ import annotations

import numpy as np
import pytest

import qd
from qd.view.gold_proxy import GoldProxy, interval, plot_gold_proxy

STEPS = np.arange(1, 6)
TURNS = np.array([[0.2, 0.5, 0.6, 0.5, 0.3], [0.3, 0.6, 0.7, 0.4, 0.2], [0.25, 0.5, 0.6, 0.5, 0.4]])


def test_the_interval_is_students() -> None:
    mean, low, high = interval(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, np.nan]]))
    np.testing.assert_allclose(mean, [2.0, 5.0])
    np.testing.assert_allclose(high - mean, [4.302653 / np.sqrt(3), 0.0], rtol=1e-6)  # t of 2 degrees, sd 1
    np.testing.assert_allclose(mean - low, high - mean)
    one, same, _ = interval(np.array([[0.5]]))
    assert one[0] == same[0] == 0.5


@pytest.mark.drawing
def test_every_arm_has_a_full_line_and_dashes_where_it_has_a_proxy() -> None:
    arms = {"naive": GoldProxy(STEPS, TURNS, 0.2 * STEPS), "random": GoldProxy(STEPS, TURNS[0])}
    over, against = plot_gold_proxy(arms, "a title with $", unit="steps").axes
    assert [line.get_linestyle() for line in over.lines] == ["-", "--", "-"]
    np.testing.assert_allclose(over.lines[0].get_ydata(), TURNS.mean(axis=0))
    np.testing.assert_allclose(against.lines[0].get_xdata(), 0.2 * STEPS)
    np.testing.assert_allclose(against.lines[0].get_ydata(), TURNS.mean(axis=0))
    assert over.get_xlabel() == "steps" and len(over.collections) == 2


@pytest.mark.drawing
def test_an_arm_that_ends_early_has_its_dot() -> None:
    early = np.where(STEPS < 4, TURNS, np.nan)
    _, against = plot_gold_proxy({"early": GoldProxy(STEPS, early, np.where(STEPS < 4, 0.2 * STEPS, np.nan))}).axes
    dots = [tuple(np.ravel(line.get_xydata())) for line in against.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots, [(0.2, 0.25), (0.6, 1.9 / 3)])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(qd.QDError, match=r"GoldProxy\.proxy"):
        GoldProxy(STEPS, TURNS, TURNS[:, :3])
    with pytest.raises(qd.QDError, match="no arms"):
        plot_gold_proxy({})
